// SPDX-License-Identifier: Apache-2.0
// Commits of the whole log as they become durable, handed on to any number of open connections: one watch of the engine
// and one thread for all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "actors/engine.hpp"
#include "apps/http/exchange.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::http {

/// Connections that are open at once.
inline constexpr std::size_t kOutletsMax = 20'000;
/// Commits that may wait to be handed on; beyond them every connection is closed, and clients come again.
inline constexpr std::size_t kCommitsWaitingMax = 50'000;

/// What must hold of an event of the store's feed; what is not set holds of all.
struct FeedFilter {
  std::set<std::string, std::less<>> types;  ///< Names of events.
  std::optional<std::string> workflow;
  std::optional<std::string> stream;
  std::optional<RunId> run;
};

class LiveFeed {
 public:
  /// Both must outlive the feed.
  static std::shared_ptr<LiveFeed> over(Engine& engine, persistence::EventStore& store);
  virtual ~LiveFeed() = default;

  /// Everything of one run from event `from_seq` on: history first, on the caller's thread, then live, without gap or
  /// repetition; closed after the run's last event. The id of each event is its sequence number.
  virtual Result<void> follow_run(const RunId& run, std::uint64_t from_seq, std::shared_ptr<Outlet> outlet) = 0;
  /// What is committed from now on.
  virtual Result<void> follow_store(FeedFilter filter, std::shared_ptr<Outlet> outlet) = 0;
  /// An error if one more connection cannot be served; to be asked before the connection becomes a stream.
  [[nodiscard]] virtual Result<void> has_room() const = 0;
};

}  // namespace hillstar::http
