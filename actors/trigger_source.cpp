// SPDX-License-Identifier: Apache-2.0
#include "actors/trigger_source.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace hillstar::actors {
namespace {

/// Longest wait, after which clocks are looked at again: they may have been set.
constexpr Millis kWaitMax{10'000};
constexpr Millis kRetry{1'000};
/// A quota seldom has room a second later.
constexpr Millis kRetryOfQuota{30'000};

}  // namespace

SourceMailbox::SourceMailbox() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void SourceMailbox::wake() {
  const std::uint64_t one = 1;
  // A counter that is full wakes as well.
  if (::write(event_.get(), &one, sizeof one) < 0) return;
}

void SourceMailbox::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake();
}

std::deque<std::function<void()>> SourceMailbox::take() {
  std::uint64_t count = 0;
  if (::read(event_.get(), &count, sizeof count) < 0) count = 0;
  const std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

TriggerSource::TriggerSource(SourceParts parts)
    : parts_(std::move(parts)), mailbox_(std::make_shared<SourceMailbox>()) {}

TriggerSource::~TriggerSource() { stop(); }

void TriggerSource::start() {
  thread_ = std::thread([this] { run(); });
}

void TriggerSource::stop() {
  over_ = true;
  mailbox_->wake();
  if (thread_.joinable()) thread_.join();
}

void TriggerSource::look_again() {
  dirty_ = true;
  mailbox_->wake();
}

void TriggerSource::run() {
  while (!over_) {
    for (const auto& task : mailbox_->take()) task();
    if (dirty_.exchange(false)) on_streams(parts_.engine.streams());
    const auto wait = std::clamp(step(), Millis(0), kWaitMax);
    std::vector<pollfd> wakers{{mailbox_->descriptor(), POLLIN, 0}};
    for (const int descriptor : descriptors()) wakers.push_back({descriptor, POLLIN, 0});
    if (!over_) ::poll(wakers.data(), wakers.size(), static_cast<int>(wait.count()));
  }
}

void TriggerSource::trigger(TriggerRun request, std::function<void(const Result<Accepted>&)> then) {
  parts_.engine.trigger_async(std::move(request), [mailbox = mailbox_, then = std::move(then)](Result<Accepted> done) {
    mailbox->post([then, done = std::make_shared<Result<Accepted>>(std::move(done))] { then(*done); });
  });
}

bool is_passing(Errc code) {
  return code == Errc::stream_full || code == Errc::rate_limited || code == Errc::stream_held ||
         code == Errc::draining || code == Errc::host_closed || code == Errc::disk_full || code == Errc::store_busy;
}

Millis wait_after(Errc code) { return code == Errc::rate_limited ? kRetryOfQuota : kRetry; }

}  // namespace hillstar::actors
