// SPDX-License-Identifier: Apache-2.0
// What attempts in flight say: to those who follow, at once; the last of it to those who begin to follow later.
//
// A piece is kept before it is sent, and who begins to follow counts as a follower before it asks for what was kept: so
// it misses nothing, and offsets tell what it has twice. An attempt that says nothing costs nothing; one that nobody
// follows, a copy of what it says.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/services.hpp"

namespace hillstar::actors {

/// Kept of one attempt, and attempts of which something is kept; what further ones say is only sent.
inline constexpr std::size_t kLiveTailBytes = 4'096;
inline constexpr std::size_t kLiveTailsMax = 4'096;

/// One attempt. `say` from any thread; `end` once nothing is said any more.
class LiveOutput {
 public:
  /// `place`: of each piece; its text and offset do not count.
  LiveOutput(std::shared_ptr<FeedGate> gate, FeedActor feed, Progress place);
  ~LiveOutput() { end(); }
  LiveOutput(const LiveOutput&) = delete;
  LiveOutput& operator=(const LiveOutput&) = delete;

  void say(std::string_view text);
  /// What was kept is dropped: the attempt's end is a fact that says more.
  void end();

 private:
  friend class LiveTails;
  [[nodiscard]] Progress tail() const;

  const std::shared_ptr<FeedGate> gate_;
  const FeedActor feed_;
  const Progress place_;
  std::once_flag begun_;
  mutable std::mutex mutex_;  ///< Guards what follows; held while a piece is sent, so that pieces keep their order.
  std::string kept_;          ///< At most twice kLiveTailBytes.
  std::uint64_t said_ = 0;    ///< Bytes.
};

/// All attempts in flight that have said something. Thread-safe.
class LiveTails {
 public:
  /// The last of what each attempt in flight of the run has said: from the first to the last byte of whole characters.
  [[nodiscard]] std::vector<Progress> of(const RunId& run) const;

 private:
  friend class LiveOutput;
  void add(LiveOutput* output);
  void drop(LiveOutput* output);

  mutable std::mutex mutex_;  ///< Before that of an output.
  std::unordered_map<RunId, std::vector<LiveOutput*>> by_run_;
  std::size_t count_ = 0;
};

}  // namespace hillstar::actors
