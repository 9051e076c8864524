// SPDX-License-Identifier: Apache-2.0
#include "actors/state_scope.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include "runtime/policy/credential_check.hpp"
#include "runtime/policy/known_secrets.hpp"
#include "runtime/policy/redaction.hpp"
#include "runtime/policy/secret_rules.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::actors {

// -- one scope ----------------------------------------------------------------------------------------

void StateScopeState::on_ask(AskScope& message) {
  backlog_.push_back(std::move(message));
  pump();
}

void StateScopeState::pump() {
  // Decided only of what is durable, or in the same write.
  if (writing_) return;
  while (!backlog_.empty() && batch_bytes_ < kScopeBatchBytes) {
    const auto asked = std::move(backlog_.front());
    backlog_.pop_front();
    auto outcome = decide(asked);
    answers_.push_back({asked.reply, std::move(outcome)});
  }
  if (batch_.empty()) return answer_all();
  append();
}

Result<StateOutcome> StateScopeState::decide(const AskScope& asked) {
  auto& found = parts_.found;
  std::optional<std::string> key;
  if (asked.run && asked.node) key = stream::request_key(*asked.run, *asked.node, asked.item);
  if (key && !state::only_reads(asked.request.op))
    if (const auto seq = found.done.find(*key)) return repeat(asked, *seq);
  auto decided = state::apply(found.state.cells, asked.request);
  if (auto* refused = std::get_if<state::Refused>(&decided)) return StateOutcome(std::move(*refused));
  auto& applied = std::get<state::Applied>(decided);
  // A change that changes nothing is recorded for a node all the same: asked again, it must not change something then.
  if (applied.changes.empty() && (!key || state::only_reads(asked.request.op))) return StateOutcome(applied.answer);
  if (found.state.version == 0)
    record(StateOpened{parts_.stream.empty() ? StateScope::store : StateScope::stream,
                       parts_.stream.empty() ? std::nullopt : std::optional(parts_.stream)});
  StateChanged change;
  for (const auto& cell : applied.changes) batch_bytes_ += cell.key.size() + cell.value.text().size();
  change.cells = std::move(applied.changes);
  change.run = asked.run;
  change.node = asked.node;
  change.item = asked.item;
  change.key = std::move(key);
  change.who = asked.who;
  record(std::move(change));
  return StateOutcome(applied.answer);
}

Result<StateOutcome> StateScopeState::repeat(const AskScope& asked, std::uint64_t seq) const {
  const auto answer = [&](const Event& event) -> Result<StateOutcome> {
    const auto* change = std::get_if<StateChanged>(&event);
    if (change == nullptr) return Error{Errc::record_corrupt, "a change of shared state is none", std::to_string(seq)};
    if (!change->cells.empty() || asked.request.op == StateOp::batch)
      return StateOutcome(state::answer_to(asked.request, *change));
    // It was to remove what was not there.
    auto read = asked.request;
    read.versioned = false;
    StateChanged none;
    none.cells.push_back({read.operations.front().key, 0, {}, true});
    return StateOutcome(state::answer_to(read, none));
  };
  for (const auto& recorded : batch_)
    if (recorded.seq == seq) return answer(recorded.event);
  const auto history = persistence::state_history(parts_.stream);
  HILLSTAR_TRY(const auto records, parts_.services->store->read_records(history, seq, 1));
  if (records.empty()) return Error{Errc::record_corrupt, "a record of shared state is missing", std::to_string(seq)};
  HILLSTAR_TRY(const auto recorded, persistence::decode(records.front().line, history));
  return answer(recorded.event);
}

void StateScopeState::record(Event event) {
  auto& found = parts_.found;
  const auto at = parts_.services->clock->utc_now();
  stream::evolve(found.state, event, at);
  if (const auto* change = std::get_if<StateChanged>(&event)) found.done.note(*change, found.state.version);
  batch_.push_back({found.state.version, at, std::move(event)});
}

void StateScopeState::append() {
  auto& found = parts_.found;
  const auto history = persistence::state_history(parts_.stream);
  AppendEvents message;
  message.append.run = history;
  message.append.expected_version = batch_.front().seq - 1;
  for (const auto& [seq, at, event] : batch_) {
    message.append.records.push_back(persistence::encode(history, seq, at, event, found.chain));
    found.chain = message.append.records.back().hash;
  }
  message.append.summary = stream::row_of(found.state, history);
  message.events = std::make_shared<const std::vector<Recorded>>(std::exchange(batch_, {}));
  message.writer = ScopeActor(self_);
  batch_bytes_ = 0;
  writing_ = true;
  self_->anon_send(parts_.services->event_log, std::move(message));
  if (!found.done.needs_sweep()) return;
  found.done.sweep([&](const RunId& run) {
    const auto row = parts_.services->store->summary(run);
    return row ? run::is_terminal(*row) : row.error().code == Errc::run_not_found;
  });
}

void StateScopeState::answer_all() {
  for (auto& answer : std::exchange(answers_, {})) answer.reply.answer(std::move(answer.outcome));
}

void StateScopeState::on_appended(const Appended& message) {
  writing_ = false;
  if (message.conflict) {
    // Who waits is answered by the end of this actor: nobody saw whether it was done.
    parts_.services->log("error " + to_string(Error{Errc::store_conflict, "another program writes this shared state",
                                                    stream::name_of(parts_.stream)}));
    return self_->quit();
  }
  answer_all();
  pump();
}

ScopeActor::behavior_type state_scope(ScopeActor::stateful_pointer<StateScopeState> self, StateScopeParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](AskScope& message) { self->state.on_ask(message); },
          [self](const Appended& message) { self->state.on_appended(message); }, [self](LeaveStates) { self->quit(); }};
}

AskScope asked_by_person(AskState request) {
  AskScope asked;
  asked.stream = std::move(request.stream);
  asked.request = std::move(request.request);
  asked.who = std::move(request.who);
  return asked;
}

Result<Json> for_person(StateOutcome outcome) {
  if (const auto* refused = std::get_if<state::Refused>(&outcome)) return state::error_of(*refused);
  return std::get<Json>(std::move(outcome));
}

// -- all of them --------------------------------------------------------------------------------------

Result<void> StateDirectoryState::check_person(const AskScope& asked) const {
  const auto& environment = parts_.environment;
  const auto redactor = policy::redactor_of(environment, policy::rule_choice(environment));
  const auto secrets = policy::secrets_of(environment);
  for (const auto& operation : asked.request.operations) {
    const auto* secret = policy::find_secret(operation.value.text(), secrets);
    if (secret != nullptr)
      return Error{
          Errc::permission_denied,
          "The value holds that of the environment variable " + secret->variable + ", and it would be recorded.",
          operation.key};
    if (const auto found = policy::first_credential(redactor, operation.value))
      return Error{Errc::credential_found,
                   "The value holds something that looks like a credential (rule " + found->rule +
                       "), and it would be recorded.",
                   operation.key,
                   "Name an environment variable instead. If it is none, switch the rule off: HILLSTAR_REDACT_OFF=" +
                       found->rule + "."};
  }
  return {};
}

Result<ScopeActor> StateDirectoryState::find(const AskScope& asked) {
  const auto open = scopes_.find(asked.stream);
  if (open != scopes_.end()) return open->second;
  if (scopes_.size() >= kScopesMax)
    return Error{Errc::too_large, "at most " + std::to_string(kScopesMax) + " shared states are open at once."};
  const auto& store = *parts_.services->store;
  HILLSTAR_TRY(auto found, persistence::read_scope(store, asked.stream));
  // Somebody may have mistyped it.
  if (found.state.version == 0 && !asked.stream.empty()) {
    HILLSTAR_TRY(const auto streams, store.streams());
    const bool known = std::any_of(streams.begin(), streams.end(), [&](const RunId& id) {
      const auto row = store.summary(id);
      return row && row->reason == asked.stream;
    });
    if (!known)
      return Error{Errc::not_found,
                   "there is no stream '" + asked.stream + "'.",
                   {},
                   "`hillstar-actors state ls` shows "
                   "what there is."};
  }
  auto actor = self_->spawn<caf::monitored>(
      state_scope, StateScopeParts{parts_.services, asked.stream, std::move(found), parts_.alive});
  scopes_.emplace(asked.stream, actor);
  return actor;
}

void StateDirectoryState::on_ask(AskScope& message) {
  if (!message.run) {
    if (const auto checked = check_person(message); !checked) return message.reply.answer(checked.error());
  }
  auto scope = find(message);
  if (!scope) return message.reply.answer(scope.error());
  caf::anon_send(*scope, std::move(message));
}

void StateDirectoryState::on_down(const caf::down_msg& message) {
  std::erase_if(scopes_, [&](const auto& scope) { return scope.second.address() == message.source; });
}

void StateDirectoryState::leave() {
  for (const auto& [stream, actor] : scopes_) caf::anon_send(actor, LeaveStates{});
  scopes_.clear();
}

StateDirectory::behavior_type state_directory(StateDirectory::stateful_pointer<StateDirectoryState> self,
                                              StateDirectoryParts parts) {
  die_quietly(self);
  self->set_down_handler([self](caf::down_msg& message) { self->state.on_down(message); });
  self->state.hold(std::move(parts));
  return {[self](AskScope& message) { self->state.on_ask(message); },
          [self](LeaveStates) {
            self->state.leave();
            self->quit();
          }};
}

}  // namespace hillstar::actors
