// SPDX-License-Identifier: Apache-2.0
// One run's facts with the pieces of output between them, for open connections that want to see a run at work.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/engine.hpp"
#include "apps/http/exchange.hpp"

namespace hillstar::http {

/// Connections with pieces at once: each has a thread of the engine. Further ones get facts alone.
inline constexpr std::size_t kPieceOutletsMax = 64;

/// Thread-safe.
class PieceFeed : public std::enable_shared_from_this<PieceFeed> {
 public:
  /// The engine must outlive it.
  explicit PieceFeed(Engine& engine) : engine_(engine) {}
  ~PieceFeed();

  /// As LiveFeed::follow_run; between the facts come events `piece`, and `parked` as the last if the run stops without
  /// an end. A client that is slow loses pieces, and no facts. False: nobody more can be served, and nothing is sent.
  bool follow_run(const RunId& run, std::uint64_t from_seq, const std::shared_ptr<Outlet>& outlet);

 private:
  struct Listener;
  void leave(std::uint64_t ticket);
  void sweep();

  Engine& engine_;
  std::atomic<std::size_t> open_{0};
  std::mutex mutex_;
  std::vector<std::uint64_t> left_;  ///< Tickets whose connection was closed by what the engine said.
};

}  // namespace hillstar::http
