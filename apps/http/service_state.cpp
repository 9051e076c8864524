// SPDX-License-Identifier: Apache-2.0
#include "apps/http/service_state.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

namespace hillstar::http {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::chrono::seconds kSilenceMax{10};
constexpr std::uint64_t kMiB = 1U << 20U;

}  // namespace

ServiceState::ServiceState(std::string folder, std::uint64_t reserve, std::shared_ptr<Traffic> traffic,
                           std::shared_ptr<const Clock> clock)
    : folder_(std::move(folder)),
      reserve_(reserve),
      traffic_(std::move(traffic)),
      clock_(std::move(clock)),
      answered_(clock_->steady_now()) {}

ServiceState::Look ServiceState::look() {
  const auto now = clock_->steady_now();
  const std::lock_guard lock(mutex_);
  if (last_ && now - last_->at < kLookEvery) return *last_;
  Look found{now, std::nullopt, false};
  struct statvfs disk {};
  if (::statvfs(folder_.c_str(), &disk) == 0) {
    found.free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    found.writable = (disk.f_flag & ST_RDONLY) == 0 && ::access(folder_.c_str(), W_OK | X_OK) == 0;
  }
  last_ = found;
  return found;
}

std::optional<std::uint64_t> ServiceState::disk_free() { return look().free; }

std::optional<Error> ServiceState::refusal() {
  if (traffic_->draining)
    return Error{Errc::draining, "The service ends, and takes no new work.", {}, "Ask again once it is back."};
  const auto free = look().free;
  if (free && *free < reserve_)
    return Error{Errc::disk_full,
                 "The disk of the store is nearly full: " + std::to_string(*free / kMiB) + " MiB are free, and " +
                     std::to_string(reserve_ / kMiB) + " MiB are kept for runs under way.",
                 {},
                 "Make room, and ask again."};
  return std::nullopt;
}

std::vector<Error> ServiceState::not_ready() {
  std::vector<Error> reasons;
  if (auto refused = refusal()) reasons.push_back(*std::move(refused));
  if (!look().writable) reasons.push_back({Errc::store_write, "The folder of the store cannot be written.", {}, {}});
  if (traffic_->queue_full) reasons.push_back({Errc::system_limit, "Too many requests wait to be answered.", {}, {}});
  if (const auto silent = silent_for(); silent > kSilenceMax)
    reasons.push_back({Errc::internal,
                       "The engine has not answered for " + std::to_string(silent.count() / 1000) + " s.",
                       {},
                       "If it stays so, restart the service; runs go on where they were."});
  return reasons;
}

void ServiceState::alive() { answered_ = clock_->steady_now(); }

std::chrono::milliseconds ServiceState::silent_for() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_->steady_now() - answered_.load());
}

}  // namespace hillstar::http
