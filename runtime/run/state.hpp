// SPDX-License-Identifier: Apache-2.0
// The state of one run: what its history folds to. Data only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "messages/events.hpp"
#include "messages/inputs.hpp"
#include "runtime/policy/data_guard.hpp"
#include "runtime/policy/routes.hpp"
#include "runtime/state/cells.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::run {

/// `queued`: nothing starts until it is admitted. `timing_out`: its time is over, and what still runs is being stopped.
enum class RunStatus : std::uint8_t {
  created,
  queued,
  running,
  paused,
  cancelling,
  timing_out,
  failing,
  completed,
  failed,
  cancelled,
  timed_out
};

/// `waiting`: predecessors are open. `ready`: may be scheduled. `held`: an approval is asked. `expanding`: the list of
/// a map is evaluated; `mapping`: its items run. `retrying`: a timer runs. `lost`: nobody saw the end of an attempt
/// that must not be repeated unasked. `asking`: a person is asked for a value; `listening`: for a signal. `failing`:
/// the last attempt failed, NodeFailed follows.
enum class NodeStatus : std::uint8_t {
  waiting,
  ready,
  held,
  running,
  expanding,
  mapping,
  retrying,
  lost,
  asking,
  listening,
  failing,
  completed,
  failed,
  skipped
};

/// What a model call has come to, over all its attempts.
struct CallState {
  Reservation reserved;                   ///< Of the last attempt; held while it is in flight.
  std::uint32_t candidate = 0;            ///< Where the next attempt goes.
  std::uint32_t repairs = 0;              ///< Attempts that asked for a reply to be mended.
  std::shared_ptr<const Value> rejected;  ///< The reply that the next attempt asks to mend; null: it does not.
  MicroUsd spent;                         ///< Ends that nobody saw count with all that was reserved.
  bool kept = false;                      ///< Of a run of its own that is to go on: stays reserved between attempts.
};

/// A plain node, a map as a whole, or one item of a map.
struct UnitState {
  NodeStatus status = NodeStatus::waiting;
  std::uint32_t attempt = 0;  ///< The last attempt that was scheduled; 0: none yet.
  std::uint32_t counted = 0;  ///< Failed attempts: what the retry policy counts (not lost, not cancelled).
  std::uint32_t lost = 0;     ///< Attempts whose end nobody saw.
  UtcTime retry_at;
  Value result;
  std::optional<Failure> failure;
  std::optional<CallState> call;   ///< Of a model call with known routes, once it was scheduled.
  std::optional<UtcTime> ends_by;  ///< Its whole time is over then; absent: no limit, or not ready yet, or ended.
  bool overdue = false;            ///< It is: nothing of it is tried again.
};

struct MapState {
  Value items;
  std::uint64_t longest = 0;  ///< Bytes of the longest item, as JSON; 0: not known.
  std::vector<UnitState> units;
  std::uint32_t next = 0;         ///< First item that was never scheduled.
  std::set<std::uint32_t> again;  ///< Items to be scheduled once more.
  std::uint32_t running = 0;
  std::uint32_t retrying = 0;  ///< Items that wait for a timer, a person or a signal.
  std::uint32_t succeeded = 0;
  std::uint32_t failed = 0;
  /// What result_of() collected once the map had ended. Not part of the state: it follows from the units.
  mutable std::shared_ptr<const Value> collected;
};

/// A request that is open.
struct ApprovalState {
  ApprovalRequested asked;
  std::set<std::string> given;  ///< Who has approved so far.
};

struct NodeState : UnitState {
  std::uint32_t open_predecessors = 0;
  bool approved = false;                    ///< By enough people.
  std::unique_ptr<ApprovalState> approval;  ///< Present while the node is held.
  std::vector<bool> tests;
  std::unique_ptr<MapState> map;  ///< Present once the list is known.
};

/// Nodes that must not overlap. One of them, the head, is in RunState::ready while the lane is free.
struct LaneState {
  bool busy = false;
  std::optional<NodeIndex> head;
  std::set<NodeIndex> waiting;
};

/// A plain node or a map item.
struct UnitRef {
  NodeIndex node = 0;
  std::optional<std::uint32_t> item;

  auto operator<=>(const UnitRef&) const = default;
};

/// What the run was told, and what it waits to be told. Requests and signals by name.
struct TalkState {
  std::map<std::string, UnitRef> asked;                  ///< Open questions.
  std::map<std::string, Value> answers;                  ///< Not used yet.
  std::set<std::string> answered;                        ///< Questions that have their answer, used or not.
  std::map<std::string, std::deque<UnitRef>> listeners;  ///< Those that wait, in order.
  std::map<std::string, std::deque<Value>> signals;      ///< Not taken yet, in order of arrival.
  std::set<std::string> keys;                            ///< Of signals that came, each with its name.
  std::uint32_t kept = 0;                                ///< Signals and early answers that nobody has taken, and
  std::uint64_t kept_bytes = 0;                          ///< their bytes.
  std::map<UnitRef, Value> told;  ///< Units that were told what they waited for: their end follows.
  std::set<UnitRef> to_wait;      ///< Units that may ask or listen now.
};

/// Node id -> index. Shared by all runs of a plan.
using PlanIndex = std::unordered_map<std::string, NodeIndex>;

struct RunState {
  std::shared_ptr<const workflow::Plan> plan;  ///< Shared: every run of one workflow uses the same plan.
  std::shared_ptr<const PlanIndex> index;
  std::shared_ptr<const policy::Routes>
      routes;  ///< Null: not known; calls find their own way, and nothing is reserved.
  std::shared_ptr<const policy::DataGuard> guard;  ///< Null: no data is classified.
  RunStatus status = RunStatus::created;
  std::uint64_t version = 0;  ///< Number of events applied.
  std::uint64_t ticket = 0;   ///< Of the queue that it waits or waited in; 0: none.
  RunStarted started;
  UtcTime started_at;
  UtcTime updated_at;
  std::vector<NodeState> nodes;
  std::vector<std::uint32_t> open_judges;  ///< By loop: condition nodes of the last attempt without an end.

  // What may be started, and what follows without waiting; kept by evolve so that advance looks at nothing else.
  std::set<NodeIndex> ready;  ///< Nodes that may be scheduled, and maps with items that may, in plan order.
  std::map<std::string, LaneState> lanes;
  std::set<NodeIndex> to_skip;            ///< Their condition says so.
  std::map<NodeIndex, NodeIndex> doomed;  ///< Dependents of a failed node (skip_dependents) -> that node.
  std::set<NodeIndex> to_refuse;          ///< Permission `never`.
  std::set<NodeIndex> to_ask;             ///< Permission `ask`, not yet asked.
  std::set<NodeIndex> to_checkpoint;
  std::set<NodeIndex> maps_ended;  ///< Every item has ended, or too many failed and none runs.
  std::set<UnitRef> failing;
  std::set<UnitRef> lost;  ///< A person must settle them.
  std::vector<std::uint32_t> unmet_loops;
  std::set<std::pair<UtcTime, UnitRef>> deadlines;  ///< Of units that have not ended, and are not overdue.
  std::set<std::pair<UtcTime, UnitRef>> retries;    ///< When units that wait for a timer go on.
  TalkState talk;
  state::Cells cells;  ///< Of scope `run`.

  std::uint32_t running = 0;     ///< Attempts in flight, items included.
  std::uint32_t retrying = 0;    ///< Units that wait for a timer.
  std::uint32_t held = 0;        ///< Nodes that wait for an approval.
  std::uint32_t talking = 0;     ///< Units that ask or listen.
  std::uint32_t children = 0;    ///< Of the attempts in flight: those that only wait for a run of their own.
  std::uint32_t open_nodes = 0;  ///< Nodes without an end.
  std::uint32_t failed_nodes = 0;
  std::optional<NodeIndex> first_failed;  ///< The node that makes the run fail.
  std::optional<Failure> failure;         ///< Why the run fails.
  std::string reason;                     ///< Of the pause or the cancellation.
  bool interrupted = false;               ///< Paused, and attempts in flight are being stopped.
  Usage usage;                            ///< Summed over all attempts that told it.
  Usage below;                            ///< Of it: what runs of other workflows told, which nodes here have run.
  MicroUsd spent;                         ///< The same money, and all that was reserved where nobody saw the end.
  MicroUsd reserved;                      ///< For the calls in flight.
  std::optional<MicroUsd> budget;         ///< Of the run, if a person changed it.
  std::uint32_t truncated = 0;            ///< Loops that ended unmet, and replies cut at a limit that were taken.
};

}  // namespace hillstar::run
