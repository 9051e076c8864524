// SPDX-License-Identifier: Apache-2.0
#include "actors/services.hpp"

#include <caf/send.hpp>
#include <string>

#include "actors/live_output.hpp"

namespace hillstar::actors {

FeedGate::FeedGate() : tails(std::make_shared<LiveTails>()) {}

std::vector<run::Summary> open_runs(const Services& services) {
  std::vector<run::Summary> runs;
  const auto listed = services.store->each({.statuses = persistence::open_statuses()}, [&](const run::Summary& row) {
    runs.push_back(row);
    return true;
  });
  if (!listed) services.log("error " + to_string(listed.error()));
  return runs;
}

void send_progress(FeedGate& gate, const FeedActor& feed, Progress piece) {
  if (gate.progress_pending.fetch_add(1) >= kProgressPendingMax) {
    gate.progress_pending.fetch_sub(1);
    return;
  }
  caf::anon_send(feed, std::move(piece));
}

Failure no_slot_within(std::optional<Millis> limit) {
  const auto milliseconds = std::to_string(limit ? limit->count() : 0);
  return {FailureClass::queue_timeout, "no slot became free within " + milliseconds + " milliseconds", {}};
}

}  // namespace hillstar::actors
