// SPDX-License-Identifier: Apache-2.0
// The other machine as a test plays it: keeps the frames that are sent to it, and says when it is closed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "actors/remote/orders.hpp"
#include "actors/wire/link.hpp"

namespace hillstar::actors {

class FarSide {
 public:
  FarSide() : heard_(std::make_shared<Heard>()) {
    const auto way = std::make_shared<wire::FrameSink::Way>(std::make_shared<wire::Backlog>(), [](const Error&) {});
    way->set_channel([heard = heard_](std::uint64_t /*actor*/, Frame frame) {
      const std::scoped_lock lock(heard->mutex);
      heard->frames.push_back(std::move(frame));
      heard->changed.notify_all();
    });
    sink_ = wire::FrameSink(way);
  }
  FarSide(const FarSide&) = delete;
  FarSide& operator=(const FarSide&) = delete;

  [[nodiscard]] const wire::FrameSink& sink() const { return sink_; }

  /// The next frame that was sent; one of kind 0 if none comes.
  Frame next() {
    std::unique_lock lock(heard_->mutex);
    if (!heard_->changed.wait_for(lock, std::chrono::seconds(20), [&] { return heard_->frames.size() > taken_; }))
      return {0, FrameKind{}, {}, {}};
    return heard_->frames[taken_++];
  }
  bool is_closed() {
    while (true) {
      const auto frame = next();
      if (frame.version == wire::kClosing) return true;
      if (frame.version == 0) return false;
    }
  }
  /// Frames that were sent, and nobody has looked at.
  [[nodiscard]] std::size_t left() const {
    const std::scoped_lock lock(heard_->mutex);
    return heard_->frames.size() - taken_;
  }

 private:
  struct Heard {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::vector<Frame> frames;
  };
  std::shared_ptr<Heard> heard_;
  std::size_t taken_ = 0;
  wire::FrameSink sink_;
};

}  // namespace hillstar::actors
