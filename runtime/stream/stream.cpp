// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/stream.hpp"

#include <algorithm>
#include <utility>

#include "messages/json_codec.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::stream {
namespace {

struct Evolution {
  StreamState& state;
  UtcTime at;

  void operator()(const StreamDeclared& event) const {
    state.declared = event;
    state.declared_at = at;
    state.removed = false;
  }
  void operator()(const StreamHeld& event) const {
    state.held = true;
    state.reason = event.reason;
  }
  void operator()(const StreamReleased&) const {
    state.held = false;
    state.reason.clear();
  }
  void operator()(const StreamRemoved&) const { state.removed = true; }
  void operator()(const TimerFired& event) const {
    if (!state.last_due || *state.last_due < event.due) state.last_due = event.due;
  }
  void operator()(const CursorMoved& event) const { state.cursor = std::max(state.cursor, event.position); }
  template <class Foreign>
  void operator()(const Foreign&) const {
    throw InvariantError{"a stream's history holds a fact of a run"};
  }
};

/// A timer whose runs may not overlap has one slot.
bool is_lone(const EntryPoint& entry) { return entry.trigger == TriggerKind::timer && entry.overlap != Overlap::allow; }

bool has_slot(const StreamState& state, const Crowd& crowd) {
  const auto& entry = state.declared.entry;
  return !state.held && (is_lone(entry) ? crowd.started() == 0 : crowd.moving() < entry.max_concurrent);
}

}  // namespace

void evolve(StreamState& state, const Event& event, UtcTime at) {
  std::visit(Evolution{state, at}, event);
  if (state.version++ == 0) state.begun_at = at;
  state.updated_at = at;
}

StreamState replay(const std::vector<Recorded>& history) {
  if (history.empty() || !std::holds_alternative<StreamDeclared>(history.front().event))
    throw InvariantError{"a stream's history begins with stream_declared"};
  StreamState state;
  for (const auto& recorded : history) evolve(state, recorded.event, recorded.at);
  return state;
}

bool is_same(const StreamDeclared& one, const StreamDeclared& other) {
  auto twin = one;
  twin.declared_by = other.declared_by;
  return json::to_text(twin) == json::to_text(other);
}

run::Summary row_of(const StreamState& state, const RunId& history) {
  run::Summary row;
  row.run = history;
  row.workflow = state.declared.workflow;
  row.workflow_file = state.declared.workflow_file;
  row.status = "stream";
  row.version = state.version;
  row.started_at = state.begun_at;
  row.updated_at = state.updated_at;
  row.reason = state.declared.stream;
  return row;
}

Phase phase_of(const run::RunState& state) {
  if (state.status == run::RunStatus::queued) return Phase::queued;
  return state.running == 0 && run::waits_for_person(state) ? Phase::resting : Phase::moving;
}

Phase phase_of(const run::Summary& row) {
  if (row.status == "queued") return Phase::queued;
  const bool waits = row.status == "waiting" || row.status == "paused";
  return waits && row.nodes_running == 0 ? Phase::resting : Phase::moving;
}

// -- the crowd ----------------------------------------------------------------------------------------

std::optional<std::uint64_t> Crowd::accept(const RunId& run, bool queue) {
  Member member;
  member.has_slot = !queue;
  if (queue) {
    member.ticket = next_ticket_++;
    queue_.emplace(member.ticket, run);
  } else {
    ++moving_;
  }
  const auto ticket = member.ticket;
  members_.emplace(run, member);
  return queue ? std::optional(ticket) : std::nullopt;
}

void Crowd::accepted(const RunId& run) {
  const auto found = members_.find(run);
  if (found != members_.end() && found->second.phase == Phase::accepting)
    found->second.phase = found->second.ticket != 0 ? Phase::queued : Phase::moving;
}

void Crowd::found(const RunId& run, Phase phase, std::optional<std::uint64_t> ticket) {
  Member member;
  member.phase = phase;
  if (phase == Phase::queued) {
    member.ticket = ticket.value_or(next_ticket_);
    next_ticket_ = std::max(next_ticket_, member.ticket + 1);
    queue_.emplace(member.ticket, run);
  } else if (phase == Phase::moving) {
    member.has_slot = true;
    ++moving_;
  }
  members_.emplace(run, member);
}

void Crowd::free_slot(Member& member) {
  if (std::exchange(member.has_slot, false)) --moving_;
}

void Crowd::move(const RunId& run, Phase phase) {
  const auto found = members_.find(run);
  if (found == members_.end()) return;
  auto& member = found->second;
  if (phase != Phase::queued && member.ticket != 0) queue_.erase(std::exchange(member.ticket, 0));
  if (phase == Phase::moving && !std::exchange(member.has_slot, true)) ++moving_;
  if (phase == Phase::resting) free_slot(member);
  member.phase = phase;
}

void Crowd::leave(const RunId& run) {
  const auto found = members_.find(run);
  if (found == members_.end()) return;
  if (found->second.ticket != 0) queue_.erase(found->second.ticket);
  free_slot(found->second);
  members_.erase(found);
}

const RunId* Crowd::first() const {
  if (queue_.empty()) return nullptr;
  const auto& run = queue_.begin()->second;
  return members_.at(run).phase == Phase::queued ? &run : nullptr;
}

// -- decisions ----------------------------------------------------------------------------------------

Verdict admit(const StreamState& state, const Crowd& crowd, TriggerKind kind, std::size_t waiting_callers) {
  const auto& entry = state.declared.entry;
  if (state.removed) return Verdict::refuse;
  if (kind == TriggerKind::timer && entry.overlap == Overlap::skip && crowd.started() + crowd.queued() > 0)
    return Verdict::skip;
  // Who waits already goes first.
  if (waiting_callers == 0) {
    if (crowd.queued() == 0 && has_slot(state, crowd)) return Verdict::start;
    if (crowd.queued() < entry.max_queued) return Verdict::queue;
  }
  switch (entry.overflow) {
    case Overflow::drop_oldest:
      return crowd.first() != nullptr ? Verdict::drop : Verdict::refuse;
    case Overflow::wait:
      return waiting_callers < kCallersMax ? Verdict::wait : Verdict::refuse;
    case Overflow::reject:
      break;
  }
  return Verdict::refuse;
}

Error refusal(const StreamState& state, Verdict verdict) {
  const auto& name = state.declared.stream;
  if (state.removed) return {Errc::not_found, "the stream '" + name + "' was removed."};
  if (verdict == Verdict::skip)
    return {Errc::run_state, "a run of the stream has not ended, so this firing starts none (overlap: skip).", name};
  const auto& entry = state.declared.entry;
  return {Errc::stream_full,
          "the queue of the stream is full: " + std::to_string(entry.max_queued) + " runs wait for one of " +
              std::to_string(entry.max_concurrent) + (entry.max_concurrent == 1 ? " place." : " places."),
          name, state.held ? "The stream is held: release it." : "Try again later, or raise max_queued."};
}

const RunId* next(const StreamState& state, const Crowd& crowd) {
  return has_slot(state, crowd) ? crowd.first() : nullptr;
}

}  // namespace hillstar::stream
