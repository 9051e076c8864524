// SPDX-License-Identifier: Apache-2.0
#include "apps/http/outlet.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace hillstar::http {
namespace {

/// One of so many parts of a client's buffer may be full of what may get lost.
constexpr std::size_t kOfferedShare = 4;

}  // namespace

Stream::Stream(std::shared_ptr<ServerCore> core, Wire::executor_type strand)
    : core_(std::move(core)), strand_(std::move(strand)), timer_(strand_) {
  ++core_->traffic->streams;
}

Stream::~Stream() { --core_->traffic->streams; }

bool Stream::write(std::string_view id, std::string_view event, std::string_view data) {
  return enqueue(encoded(id, event, data));
}

bool Stream::offer(std::string_view event, std::string_view data) {
  auto bytes = encoded({}, event, data);
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || closing_) return false;
    // The rest of the buffer is for what must not get lost.
    if (pending_bytes_ + bytes.size() > core_->options.stream_bytes_max / kOfferedShare) return true;
  }
  return enqueue(std::move(bytes));
}

bool Stream::enqueue(std::string bytes) {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || closing_) return false;
    if (pending_bytes_ + bytes.size() > core_->options.stream_bytes_max) {
      closed_ = true;
    } else {
      pending_bytes_ += bytes.size();
      pending_.push_back(std::move(bytes));
      wakes = !std::exchange(scheduled_, true);
      if (!wakes) return true;
    }
  }
  if (!wakes) {
    ++core_->traffic->streams_cut;
    cut();
    return false;
  }
  asio::post(strand_, [self = shared_from_this()] { self->pump(); });
  return true;
}

void Stream::close() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closing_, true)) return;
  }
  asio::post(strand_, [self = shared_from_this()] { self->pump(); });
}

void Stream::on_closed(std::function<void()> then) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      then_ = std::move(then);
      return;
    }
  }
  then();
}

void Stream::cut() {
  asio::post(strand_, [self = shared_from_this()] { self->gone(); });
}

void Stream::begin(Handover handover) {
  if (gone_) return;
  link_ = std::move(handover);
  link_.place->taken_by(weak_from_this());
  if (core_->traffic->draining) close();
  greet();
}

void Stream::greeted(error_code failed) {
  if (failed) return gone();
  if (gone_) return;
  begun_ = true;
  await_beat();
  pump();
}

void Stream::pump() {
  if (gone_ || !begun_ || writing_) return;
  std::string bytes;
  bool ends = false;
  {
    const std::lock_guard lock(mutex_);
    scheduled_ = false;
    ends = closing_ && pending_.empty();
    do {
      if (pending_.empty()) break;
      bytes += pending_.front();
      pending_.pop_front();
    } while (joins());
    pending_bytes_ -= bytes.size();
    if (pending_.empty()) std::deque<std::string>().swap(pending_);  // thousands of clients are idle
  }
  if (bytes.empty() && !ends) return;
  writing_ = true;
  if (ends)
    say_goodbye();
  else
    transmit(std::move(bytes));
}

void Stream::transmitted(error_code failed) {
  writing_ = false;
  if (failed) return gone();
  pump();
}

void Stream::await_beat() {
  timer_.expires_after(core_->options.heartbeat);
  timer_.async_wait([weak = weak_from_this()](error_code failed) {
    const auto self = weak.lock();
    if (failed || !self || self->gone_) return;
    // A token that was revoked ends what it opened, too.
    if (!self->core_->gate->still_holds(self->link_.token_id))
      self->close();
    else
      self->beat();
    self->await_beat();
  });
}

void Stream::gone() {
  if (std::exchange(gone_, true)) return;
  if (link_.wire) link_.wire->close();
  timer_.cancel();
  std::function<void()> then;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    pending_.clear();
    pending_bytes_ = 0;
    then = std::exchange(then_, nullptr);
  }
  link_.place.reset();
  // Whoever listens may wait for something: not on the thread of the sockets.
  if (then) asio::post(core_->handlers, std::move(then));
}

}  // namespace hillstar::http
