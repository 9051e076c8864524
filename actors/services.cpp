// SPDX-License-Identifier: Apache-2.0
#include "actors/services.hpp"

#include <caf/send.hpp>

namespace hillstar::actors {

void send_progress(FeedGate& gate, const FeedActor& feed, Progress piece) {
  if (gate.progress_pending.fetch_add(1) >= kProgressPendingMax) {
    gate.progress_pending.fetch_sub(1);
    return;
  }
  caf::anon_send(feed, std::move(piece));
}

}  // namespace hillstar::actors
