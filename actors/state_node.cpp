// SPDX-License-Identifier: Apache-2.0
#include "actors/state_node.hpp"

#include <boost/json.hpp>
#include <caf/send.hpp>
#include <utility>

#include "actors/tool_node.hpp"
#include "runtime/state/request.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::actors {
namespace {

namespace bj = boost::json;

AttemptFailed failed(const Attempt& attempt, FailureClass kind, std::string message) {
  return {attempt.command.ref, Failure{kind, std::move(message), {}}, {}, {}};
}

/// The input as an object of members, so that what templates fill in keeps its structure.
Json template_of(const workflow::PlanNode& node) {
  if (node.input.is_null() || node.input.text().starts_with('{')) return node.input;
  std::string text = "{";
  json::append_string(text, state::input_member(state::op_of(node.parameters.value())));
  return Json::from_canonical(text + ":" + node.input.text() + "}");
}

/// Why the run does not see this scope.
std::optional<std::string> hidden(StateScope scope, const tools::RunContext& run) {
  if (scope == StateScope::run) return std::nullopt;
  if (run.isolation == Isolation::isolated) return "the run is isolated: it sees scope 'run' only";
  if (scope == StateScope::stream && run.state_stream.empty()) return "the run belongs to no stream";
  return std::nullopt;
}

void redact(StateRequest& request, const policy::Redactor& redactor) {
  for (auto& operation : request.operations) {
    operation.key = redactor.redact(operation.key);
    operation.value = redactor.redact(operation.value);
  }
}

}  // namespace

std::variant<StateRequest, AttemptFailed> prepare_state(const Attempt& attempt, const Services& services) {
  const auto& node = *attempt.node;
  const auto filled = workflow::render(template_of(node), attempt.command, services.read_blob);
  if (!filled) return failed(attempt, FailureClass::io, to_string(filled.error()));
  // Filled templates are canonical JSON.
  const auto members = filled->is_null ? Json() : Json::from_canonical(filled->text);
  auto request = state::request_of(node.parameters, members);
  if (!request) return failed(attempt, FailureClass::invalid_input, to_string(request.error()));
  if (const auto why = hidden(request->scope, *attempt.run)) return failed(attempt, FailureClass::permission, *why);
  request->versioned = request->scope != StateScope::run && attempt.run->isolation == Isolation::synchronized;
  redact(*request, attempt.run->redactor);
  return *std::move(request);
}

void ask_scope(const Attempt& attempt, StateRequest request, const Services& services, const NodeActor& node) {
  AskScope asked;
  if (request.scope == StateScope::stream) asked.stream = attempt.run->state_stream;
  asked.request = std::move(request);
  asked.run = RunId(attempt.run->run);
  asked.node = attempt.node->id;
  asked.item = attempt.command.ref.item;
  asked.reply = Reply<StateOutcome>::call([node, ref = attempt.command.ref](Result<StateOutcome> outcome) {
    caf::anon_send(node, StateDone{ref, std::move(outcome)});
  });
  caf::anon_send(services.states, std::move(asked));
}

NodeOutcome state_outcome(const Attempt& attempt, StateDone& done, const Services& services) {
  if (!done.outcome) {
    const auto& error = done.outcome.error();
    // Whether it was done nobody saw; asked again, it is answered.
    if (error.code == Errc::host_unreachable) return AttemptLost{attempt.command.ref, {}, {}};
    return failed(attempt, error.code == Errc::not_found ? FailureClass::not_found : FailureClass::io,
                  to_string(error));
  }
  auto& outcome = *done.outcome;
  if (auto* answer = std::get_if<Json>(&outcome)) return succeed(attempt, Value{{}, std::move(*answer)}, services);
  auto& refused = std::get<state::Refused>(outcome);
  const auto parameters = attempt.node->parameters.value();
  const auto* what = json::member(parameters, "on_conflict");
  const bool as_result = what != nullptr && what->is_string() && what->get_string() == "result";
  if (refused.conflict && as_result)
    return succeed(attempt, Value{{}, state::conflict_answer(*refused.conflict)}, services);
  return AttemptFailed{attempt.command.ref, std::move(refused.failure), {}, {}};
}

}  // namespace hillstar::actors
