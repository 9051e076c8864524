// SPDX-License-Identifier: Apache-2.0
// A thread for requests that take long, so that they do not keep those of the handlers.
#pragma once

#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace hillstar::http {

/// One thing at a time. Ends when the last route that knows it does.
class Hand {
 public:
  Hand() = default;
  ~Hand() {
    if (thread_.joinable()) thread_.join();
  }
  Hand(const Hand&) = delete;
  Hand& operator=(const Hand&) = delete;

  /// False: it is busy.
  bool take(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (busy_) return false;
    if (thread_.joinable()) thread_.join();
    busy_ = true;
    thread_ = std::thread([this, work = std::move(work)] {
      work();
      const std::lock_guard done(mutex_);
      busy_ = false;
    });
    return true;
  }

 private:
  std::mutex mutex_;
  bool busy_ = false;
  std::thread thread_;
};

}  // namespace hillstar::http
