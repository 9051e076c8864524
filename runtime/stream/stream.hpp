// SPDX-License-Identifier: Apache-2.0
// One stream as pure functions: what its history says it is, who of its runs is under way and who waits, and what
// becomes of a trigger now. Source: Hive's execution streams, with its promises kept (docs/concepts/streams.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::stream {

/// Callers that wait for room in the queue of one stream (overflow `wait`), and how long.
inline constexpr std::size_t kCallersMax = 1'000;
inline constexpr Millis kCallerWait{30'000};

/// What the facts of the stream's history come to.
struct StreamState {
  std::uint64_t version = 0;
  UtcTime begun_at;    ///< Of the first fact,
  UtcTime updated_at;  ///< of the last one.
  StreamDeclared declared;
  UtcTime declared_at;
  bool held = false;
  std::string reason;  ///< Of the hold.
  bool removed = false;
  std::optional<UtcTime> last_due;  ///< The last firing of a timer that was dealt with.
  std::uint64_t cursor = 0;         ///< As CursorMoved::position.
};
/// A fact of a run is an InvariantError.
void evolve(StreamState& state, const Event& event, UtcTime at);
/// The state after a history; one that does not begin with StreamDeclared is an InvariantError too.
StreamState replay(const std::vector<Recorded>& history);

/// Declared again as it is? Whoever says so does not count.
bool is_same(const StreamDeclared& one, const StreamDeclared& other);
/// Its row beside those of runs: status `stream`, and its name as the reason.
run::Summary row_of(const StreamState& state, const RunId& history);

/// `accepting`: its first events are not durable yet. `queued`: it waits to be admitted. `moving`: it has a slot.
/// `resting`: it waits for a person or is paused, and holds none.
enum class Phase : std::uint8_t { accepting, queued, moving, resting };
/// A run that has ended counts as moving: it leaves.
Phase phase_of(const run::RunState& state);
Phase phase_of(const run::Summary& row);

/// The runs of a stream that have no end.
class Crowd {
 public:
  /// A new run, which takes a slot or the last place in the queue. Returns its ticket if it is to wait.
  std::optional<std::uint64_t> accept(const RunId& run, bool queue);
  /// It is durable now.
  void accepted(const RunId& run);
  /// As found after a restart.
  void found(const RunId& run, Phase phase, std::optional<std::uint64_t> ticket);
  void move(const RunId& run, Phase phase);
  void leave(const RunId& run);

  [[nodiscard]] std::size_t moving() const { return moving_; }
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  /// Under way or resting: started, and without an end.
  [[nodiscard]] std::size_t started() const { return members_.size() - queue_.size(); }
  [[nodiscard]] bool has(const RunId& run) const { return members_.contains(run); }
  /// First in the queue; null if there is none, or if it is not durable yet: nobody overtakes.
  [[nodiscard]] const RunId* first() const;

 private:
  struct Member {
    Phase phase = Phase::accepting;
    bool has_slot = false;
    std::uint64_t ticket = 0;  ///< 0: none.
  };
  void free_slot(Member& member);

  std::unordered_map<RunId, Member> members_;
  std::map<std::uint64_t, RunId> queue_;
  std::size_t moving_ = 0;
  std::uint64_t next_ticket_ = 1;
};

/// `wait`: the caller is answered later. `drop`: the one that waits longest makes room, and the new one waits.
enum class Verdict : std::uint8_t { start, queue, drop, wait, skip, refuse };

/// What becomes of a trigger now; `waiting_callers` wait already.
Verdict admit(const StreamState& state, const Crowd& crowd, TriggerKind kind, std::size_t waiting_callers);
/// Why, for `skip` and `refuse`.
Error refusal(const StreamState& state, Verdict verdict);
/// The run whose turn it is; null: nobody's.
const RunId* next(const StreamState& state, const Crowd& crowd);

}  // namespace hillstar::stream
