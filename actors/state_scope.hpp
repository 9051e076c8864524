// SPDX-License-Identifier: Apache-2.0
// State that many runs share: one actor for each scope, which takes requests one after the other and is the only writer
// of its history. Decisions are runtime/state's. And the directory of them, by name.
//
// A request is done once whatever crashes: its key is recorded with the change, and who asks again is answered with
// what was recorded.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/services.hpp"
#include "persistence/state_histories.hpp"

namespace hillstar::actors {

/// Scopes that are open at once.
inline constexpr std::size_t kScopesMax = 10'001;
/// Values that one append writes, about.
inline constexpr std::size_t kScopeBatchBytes = 4U << 20U;

struct StateScopeParts {
  ServicesPtr services;
  std::string stream;  ///< Empty: the store's state.
  persistence::ReadScope found;
  Lifeline alive;
};

class StateScopeState {
 public:
  explicit StateScopeState(ScopeActor::pointer actor) : self_(actor) {}

  void open(StateScopeParts parts) { parts_ = std::move(parts); }
  void on_ask(AskScope& message);
  void on_appended(const Appended& message);

  const char* name = "state";

 private:
  struct Answer {
    Reply<StateOutcome> reply;
    Result<StateOutcome> outcome;
  };

  void pump();
  Result<StateOutcome> decide(const AskScope& asked);
  Result<StateOutcome> repeat(const AskScope& asked, std::uint64_t seq) const;
  void record(Event event);
  void append();
  void answer_all();

  ScopeActor::pointer self_;
  StateScopeParts parts_;
  std::deque<AskScope> backlog_;  ///< Came while a batch was in flight; bounded by nodes in flight, and people.
  std::vector<Recorded> batch_;   ///< Decided, and not written yet or in flight.
  std::size_t batch_bytes_ = 0;
  std::vector<Answer> answers_;  ///< Once the batch is durable.
  bool writing_ = false;
};

ScopeActor::behavior_type state_scope(ScopeActor::stateful_pointer<StateScopeState> self, StateScopeParts parts);

/// What a person asks, and is told.
AskScope asked_by_person(AskState request);
Result<Json> for_person(StateOutcome outcome);

struct StateDirectoryParts {
  ServicesPtr services;
  std::vector<std::string> environment;  ///< What people write must hold no secret of it.
  Lifeline alive;
};

class StateDirectoryState {
 public:
  explicit StateDirectoryState(StateDirectory::pointer actor) : self_(actor) {}
  ~StateDirectoryState() { leave(); }

  void hold(StateDirectoryParts parts) { parts_ = std::move(parts); }
  void on_ask(AskScope& message);
  void on_down(const caf::down_msg& message);
  void leave();

  const char* name = "states";

 private:
  Result<ScopeActor> find(const AskScope& asked);
  [[nodiscard]] Result<void> check_person(const AskScope& asked) const;

  StateDirectory::pointer self_;
  StateDirectoryParts parts_;
  std::unordered_map<std::string, ScopeActor> scopes_;
};

StateDirectory::behavior_type state_directory(StateDirectory::stateful_pointer<StateDirectoryState> self,
                                              StateDirectoryParts parts);

}  // namespace hillstar::actors
