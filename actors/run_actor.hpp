// SPDX-License-Identifier: Apache-2.0
// One run: input -> step -> append -> on ack, act. The only writer of its history. Decides nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/run_context.hpp"
#include "actors/services.hpp"
#include "persistence/event_codec.hpp"
#include "runtime/run/state.hpp"
#include "runtime/workflow/item_list.hpp"

namespace hillstar::actors {

/// Node actors of one run that are kept for its next attempts.
inline constexpr std::size_t kIdleNodesMax = 256;

/// A run whose time comes sooner stays.
inline constexpr Millis kRestMin{1'000};

/// Category of the exit reasons below; a normal exit means that the run is terminal.
inline constexpr auto kRunExitCategory = caf::atom("hsrun");
enum class RunExit : std::uint8_t {
  stopped = 1,   ///< The engine stops; the history says how far it came.
  parked = 2,    ///< A bug or an unreadable history: a restart would not help.
  conflict = 3,  ///< Somebody else writes this history.
  asleep = 4,    ///< Nothing happens until somebody tells the run something, or its time comes.
};

class RunActorState {
 public:
  explicit RunActorState(RunActor::pointer actor) : self_(actor) {}
  ~RunActorState();

  void open(ServicesPtr services, RunBirth birth, Supervisor supervisor);
  void on_begin(BeginRun& message);
  void on_appended(const Appended& message);
  void on_attempt_ended(AttemptEnded& message);
  void on_timer(const TimerDue& message);
  void on_deadline();
  void on_grace_over(const GraceOver& message);
  void on_place_missing(const PlaceMissing& message);
  void on_tell(TellRun& message);
  void on_set_environment(SetEnvironment& message);
  void on_sleep(const Sleep& message);
  void on_clock_moved();
  void on_stop();
  void on_down(const caf::down_msg& message);

  const char* name = "run";

 private:
  /// An attempt that was handed to a node actor and not answered yet.
  struct InFlight {
    NodeActor node;
    std::uint32_t attempt = 0;
  };
  /// A person whose input is part of the batch in flight.
  struct Waiting {
    Reply<std::vector<Event>> reply;
    std::size_t begin = 0;  ///< Range of the batch's events.
    std::size_t end = 0;
  };
  struct Queued {
    Input input;
    Reply<std::vector<Event>> reply;
  };

  void start(const BeginRun& message);
  void recover(std::optional<TellRun> told);
  void enqueue(decltype(Input::what) what, std::uint32_t chance_ppm = 0, Reply<std::vector<Event>> reply = {});
  void pump();
  void step_inbox(std::vector<Recorded>& batch);
  void append(std::vector<Recorded> batch);
  void act();
  void issue(Command& command, std::uint64_t seq);
  void arm_deadline();
  void execute(ExecuteNode& command, std::uint64_t seq);
  /// Gives a map item its part of the list. The list is read at the first item.
  Result<void> cut_item(ExecuteNode& command);
  /// The end of a map is the end of its list.
  void forget_list(const Event& event);
  void cancel(const CancelNode& command);
  void pass_on(const HoldNode& command);
  void stop_if_quiet();
  void leave(RunExit reason, const Error& error);
  void make_context();
  /// Machines that made attempts may forget them, now that the ends are durable.
  void confirm_ends() const;
  /// Has the run's files written, if it has any and its turn has come.
  void announce();
  /// Tells the run's stream, if it has one, what the run is to it now.
  void tell_stream();
  /// The same for the run that it is a part of, if it is one, once it has ended or stops here.
  void tell_above(std::optional<Error> parked);
  /// It is a part of a run that has ended without it.
  [[nodiscard]] bool above_has_ended() const;
  [[nodiscard]] Input cancel_by(const RunId& above) const;
  /// Parts that stand still, and that no attempt waits for, end with the run.
  void end_parts();
  /// What it hands on to its own parts.
  const std::shared_ptr<const ChildFrame>& frame();
  /// Asks to leave memory if nothing can happen but what the supervisor brings.
  void rest();
  void stay_awake();
  void arm_timers();

  static std::uint64_t key_of(const AttemptRef& ref);
  static AttemptRef ref_of(std::uint64_t key, std::uint32_t attempt);

  RunActor::pointer self_;
  ServicesPtr services_;
  RunBirth birth_;
  Supervisor supervisor_;
  run::RunState state_;
  persistence::Hash chain_{};
  std::shared_ptr<const tools::RunContext> context_;  ///< Null: no attempt was made since it was last made void.
  std::shared_ptr<const ChildFrame> frame_;           ///< Null: nothing was handed on yet.
  std::optional<ExportBell> bell_;
  Reply<RunId> started_;
  std::vector<Queued> inbox_;  ///< What came while a batch was in flight; bounded by nodes and people.
  std::vector<Waiting> waiting_;
  EventBatch in_flight_;    ///< The batch that the log has; null: none.
  EventBatch first_batch_;  ///< The whole history, as long as it is one small batch that this actor wrote.
  std::unordered_map<std::uint64_t, InFlight> attempts_;
  std::unordered_map<std::uint64_t, std::uint32_t> resumed_;  ///< Attempts elsewhere that were under way at recovery.
  std::vector<NodeActor> idle_;
  std::unordered_map<NodeIndex, workflow::ItemList> lists_;  ///< Of the maps that are under way.
  std::optional<stream::Phase> reported_;                    ///< To the stream.
  std::uint64_t told_ = 0;                                   ///< Messages of the supervisor that were seen.
  bool asked_sleep_ = false;      ///< Timers are not heard then: whoever wakes the run arms them again.
  std::optional<UtcTime> armed_;  ///< When the next DeadlineDue comes; a later one may be on its way, too.
  bool recovering_ = false;
  bool stopping_ = false;
  bool gone_ = false;
};

RunActor::behavior_type run_actor(RunActor::stateful_pointer<RunActorState> self, ServicesPtr services, RunBirth birth,
                                  Supervisor supervisor);

}  // namespace hillstar::actors
