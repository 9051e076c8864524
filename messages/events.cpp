// SPDX-License-Identifier: Apache-2.0
#include "messages/events.hpp"

#include <array>

namespace hillstar {
namespace {

// In the order of the variant. Names are on disk: add, never change.
constexpr std::array<std::string_view, std::variant_size_v<Event>> kTypeNames = {
    "run_started",     "run_paused",          "run_resumed",          "cancel_requested",     "run_completed",
    "run_failed",      "run_cancelled",       "loop_exhausted",       "node_inherited",       "node_scheduled",
    "map_expanded",    "node_completed",      "node_attempt_failed",  "node_attempt_lost",    "node_cancelled",
    "node_failed",     "node_skipped",        "checkpoint_reached",   "approval_requested",   "approval_answered",
    "node_resolved",   "node_retry_due",      "budget_exhausted",     "connection_attempted", "run_queued",
    "run_admitted",    "run_deadline_passed", "run_timed_out",        "signal_received",      "input_requested",
    "input_provided",  "signal_awaited",      "node_deadline_passed", "stream_declared",      "stream_held",
    "stream_released", "stream_removed",      "timer_fired",          "cursor_moved",         "state_opened",
    "state_changed",   "node_waits_for_place"};

template <class E>
const NodeId* pointer_to(const E& event) {
  if constexpr (requires { event.node.str(); })
    return &event.node;
  else if constexpr (requires { event.node->str(); })
    return event.node ? &*event.node : nullptr;
  else
    return nullptr;
}

}  // namespace

std::string_view type_name(const Event& event) { return kTypeNames[event.index()]; }

const NodeId* node_of(const Event& event) {
  return std::visit([](const auto& e) { return pointer_to(e); }, event);
}

}  // namespace hillstar
