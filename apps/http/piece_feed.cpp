// SPDX-License-Identifier: Apache-2.0
#include "apps/http/piece_feed.hpp"

#include <boost/json.hpp>
#include <thread>
#include <utility>

#include "apps/cli/protocol.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::http {
namespace {

bool is_end(std::string_view type) {
  return type == "run_completed" || type == "run_failed" || type == "run_cancelled" || type == "run_timed_out";
}

}  // namespace

struct PieceFeed::Listener {
  explicit Listener(std::shared_ptr<Outlet> outlet_) : outlet(std::move(outlet_)) {}

  void take(const FeedItem& item) {
    thread = std::this_thread::get_id();
    if (const auto* piece = std::get_if<Progress>(&item)) {
      const cli::WireProgress said{piece->attempt, piece->end, piece->item, piece->node, piece->offset, piece->text};
      (void)outlet->offer("piece", json::to_text(said));
    } else if (const auto* event = std::get_if<FeedEvent>(&item)) {
      const auto type = type_name(event->recorded.event);
      const auto line = cli::record_line(event->run, event->recorded);
      if (outlet->write(std::to_string(event->recorded.seq), type, line) && is_end(type)) outlet->close();
    } else {
      if (const auto* parked = std::get_if<RunParked>(&item)) outlet->write({}, "parked", problem(parked->error).body);
      outlet->close();  // who was cut off comes again
    }
    thread = std::thread::id();
  }

  std::shared_ptr<Outlet> outlet;
  std::atomic<std::thread::id> thread;  ///< That the engine is calling on.
};

PieceFeed::~PieceFeed() { sweep(); }

bool PieceFeed::follow_run(const RunId& run, std::uint64_t from_seq, const std::shared_ptr<Outlet>& outlet) {
  sweep();
  if (open_.fetch_add(1) >= kPieceOutletsMax) {
    open_.fetch_sub(1);
    return false;
  }
  const auto listener = std::make_shared<Listener>(outlet);
  const auto ticket = engine_.follow(run, from_seq, [listener](const FeedItem& item) { listener->take(item); });
  if (!ticket) {
    open_.fetch_sub(1);
    return false;
  }
  outlet->on_closed([weak = weak_from_this(), weakly = std::weak_ptr(listener), ticket = *ticket] {
    const auto self = weak.lock();
    if (!self) return;
    const auto still = weakly.lock();
    // The engine's own thread cannot wait for itself.
    if (!still || still->thread.load() != std::this_thread::get_id()) return self->leave(ticket);
    const std::lock_guard lock(self->mutex_);
    self->left_.push_back(ticket);
  });
  return true;
}

void PieceFeed::leave(std::uint64_t ticket) {
  engine_.unfollow(ticket);
  open_.fetch_sub(1);
}

void PieceFeed::sweep() {
  std::vector<std::uint64_t> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(left_);
  }
  for (const auto ticket : left) leave(ticket);
}

}  // namespace hillstar::http
