// SPDX-License-Identifier: Apache-2.0
// One stream: turns triggers into runs, at once or when it is their turn. Decisions are runtime/stream's; this actor
// carries messages, writes the stream's history, and remembers whom it owes an answer.
//
// A run is accepted once its own history has it (run_started, and run_queued if it waits), so what survives a crash is
// what the store says; the queue is built again from there.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/services.hpp"
#include "actors/stream_meter.hpp"
#include "persistence/event_codec.hpp"
#include "runtime/stream/stream.hpp"

namespace hillstar::actors {

/// Triggers that were refused, which a stream remembers.
inline constexpr std::size_t kRefusalsKept = 8;

struct StreamParts {
  ServicesPtr services;
  Supervisor supervisor;
  StreamDirectory directory;
  std::vector<std::string> environment;  ///< Of its runs.
  RunId history;
  stream::StreamState state;  ///< Folded; version 0 for a new one.
  persistence::Hash chain{};  ///< Of the last record.
  std::shared_ptr<const workflow::Plan> plan;
  std::string workflow_text;
  Lifeline alive;
};

class StreamActorState {
 public:
  explicit StreamActorState(StreamActor::pointer actor) : self_(actor) {}

  void open(StreamParts parts);
  void on_offer(OfferRun& message);
  void on_answered(const OfferAnswered& message);
  void on_caller_over(const CallerOver& message);
  void on_moved(const RunMoved& message);
  void on_tell(TellStream& message);
  void on_declare(DeclareRequest& message);
  void on_ask(const AskStatus& message);
  void on_appended(const Appended& message);
  void on_end_chain(const EndChain& message);
  void on_count_again();

  const char* name = "stream";

 private:
  /// What is accepted or on its way to be.
  struct Offer {
    std::shared_ptr<TriggerRun> trigger;
    std::vector<Reply<Accepted>> replies;  ///< More than one: the same key came again meanwhile.
    bool queued = false;
    UtcTime accepted_at;
  };
  struct Caller {
    std::uint64_t number = 0;
    std::shared_ptr<TriggerRun> trigger;
    Reply<Accepted> reply;
  };
  struct Fact {
    Event event;
    Reply<bool> reply;
  };

  void find_runs();
  /// The run that has this key already, or is about to; answers the reply then.
  bool is_repeated(const TriggerRun& trigger, const Reply<Accepted>& reply);
  void decide(std::shared_ptr<TriggerRun> trigger, Reply<Accepted> reply);
  void accept(std::shared_ptr<TriggerRun> trigger, Reply<Accepted> reply, bool queue);
  void start(const RunId& run, const TriggerRun& trigger, std::optional<std::uint64_t> ticket);
  void drop_oldest();
  /// Lets runs and callers go on as far as there is room.
  void settle();
  void refuse(const TriggerRun& trigger, const Reply<Accepted>& reply, const Error& why);
  /// True if a quota refuses it; answered then.
  bool is_beyond_quota(const TriggerRun& trigger, const Reply<Accepted>& reply);
  /// Begins to count, or goes on counting, as the entry point says now.
  void take_quota();
  void record(Event fact, Reply<bool> reply);
  void pump();
  [[nodiscard]] StreamStatus status();

  StreamActor::pointer self_;
  StreamParts parts_;
  stream::Crowd crowd_;
  std::unordered_map<RunId, Offer> offers_;
  std::unordered_map<std::string, RunId> keys_;  ///< Of the offers.
  std::deque<Caller> callers_;
  std::uint64_t caller_numbers_ = 0;
  std::vector<Fact> facts_;  ///< Wait for the batch in flight.
  std::vector<Reply<bool>> in_flight_;
  bool writing_ = false;
  std::unique_ptr<StreamMeter> meter_;  ///< Null: no quota.
  std::deque<RefusedTrigger> refusals_;
  std::uint64_t chains_ended_ = 0;
  std::uint64_t accepted_ = 0, repeated_ = 0, refused_ = 0, dropped_ = 0;
};

StreamActor::behavior_type stream_actor(StreamActor::stateful_pointer<StreamActorState> self, StreamParts parts);

}  // namespace hillstar::actors
