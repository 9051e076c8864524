// SPDX-License-Identifier: Apache-2.0
#include "actors/model_result.hpp"

#include <boost/json.hpp>
#include <utility>

#include "actors/call_record.hpp"
#include "actors/model_call.hpp"
#include "actors/tool_node.hpp"
#include "runtime/policy/reply_schema.hpp"

namespace hillstar::actors {
namespace {

namespace bj = boost::json;

bj::object detail_of(const ModelReply& reply, const policy::Backend& backend) {
  bj::object detail;
  detail["model"] = reply.model;
  detail["model_asked"] = backend.model;
  detail["provider"] = backend.provider_label;
  detail["source"] = backend.source;
  detail["backend"] = backend.name;
  detail["finish_reason"] = reply.finish_reason;
  if (!reply.request_id.empty()) detail["request_id"] = reply.request_id;
  if (!reply.fingerprint.empty()) detail["fingerprint"] = reply.fingerprint;
  if (!backend.notes.empty()) detail["notes"] = bj::value_from(backend.notes);
  return detail;
}

/// What a later process must know of a call whose usage nobody told.
bj::object detail_of_failed(const ModelCall& call) {
  const auto& backend = call.parts().backend;
  bj::object detail;
  detail["backend"] = backend.name;
  detail["provider"] = backend.provider_label;
  detail["model_asked"] = backend.model;
  detail["tokens_reserved"] = call.tokens_max;
  detail["cost_reserved"] = call.cost_max.count;
  return detail;
}

bj::array calls_of(const ModelReply& reply) {
  bj::array calls;
  for (const auto& call : reply.tool_calls)
    calls.push_back(bj::object{{"id", call.id}, {"name", call.name}, {"arguments", call.arguments.value()}});
  return calls;
}

/// The turn as a conversation takes it back.
bj::object message_of(const ModelReply& reply) {
  bj::object message{{"role", "assistant"}, {"content", reply.text}};
  if (!reply.tool_calls.empty()) message["tool_calls"] = calls_of(reply);
  if (!reply.verbatim.is_null()) message["verbatim"] = reply.verbatim.value();
  return message;
}

/// True if the conversation may well go on from the reply.
bool goes_on(const ModelRequest& request, const ModelReply& reply) {
  return !request.tools.empty() || !request.messages.empty() || !reply.tool_calls.empty() || !reply.verbatim.is_null();
}

bj::object result_of(const ModelReply& reply, const ModelCall::Parts& call) {
  const auto& backend = call.backend;
  bj::object result;
  result["output"] = reply.text;
  result["model"] = reply.model.empty() ? backend.model : reply.model;
  result["provider"] = backend.provider_label;
  result["tokens_used"] = reply.usage.input_tokens + reply.usage.output_tokens;
  result["input_tokens"] = reply.usage.input_tokens;
  result["output_tokens"] = reply.usage.output_tokens;
  result["finish_reason"] = reply.finish_reason;
  if (reply.reasoning) result["reasoning"] = *reply.reasoning;
  if (!reply.tool_calls.empty()) result["tool_calls"] = calls_of(reply);
  if (goes_on(call.request, reply)) result["message"] = message_of(reply);
  return result;
}

/// A result without the questions that conditions ask of it.
Value kept_value(const Attempt& attempt, bj::object result, const Services& services) {
  auto outcome = succeed(attempt, Value{{}, Json::of(std::move(result))}, services);
  auto* kept = std::get_if<AttemptSucceeded>(&outcome);
  return kept != nullptr ? std::move(kept->result) : Value{};
}

NodeOutcome reply_outcome(const Attempt& attempt, const ModelCall& call, const ModelReply& reply,
                          const Services& services) {
  const auto& backend = call.parts().backend;
  const auto detail = Json::of(detail_of(reply, backend));
  auto result = result_of(reply, call.parts());
  if (policy::must_be_json(call.parts().request, reply)) {
    const auto read = policy::read_json_reply(call.parts().request, reply);
    if (!read.problem.empty()) {
      result["error"] = read.problem;
      return AttemptFailed{attempt.command.ref, Failure{FailureClass::schema_mismatch, read.problem, {}},
                           kept_value(attempt, std::move(result), services), reply.usage, detail};
    }
    // Large strings go to blobs; a large structure can only as text, into which references step just as well.
    if (read.json.text().size() <= kInlineBytesMax)
      result["json"] = read.json.value();
    else
      result["json"] = read.json.text();
  }
  auto outcome = succeed(attempt, Value{{}, Json::of(std::move(result))}, services);
  if (auto* succeeded = std::get_if<AttemptSucceeded>(&outcome)) {
    succeeded->usage = reply.usage;
    succeeded->detail = detail;
  } else if (auto* failure = std::get_if<AttemptFailed>(&outcome)) {
    failure->usage = reply.usage;
  }
  return outcome;
}

NodeOutcome outcome_of(const Attempt& attempt, const ModelCall& call, ModelDone& done, const Services& services) {
  if (auto* reply = std::get_if<ModelReply>(&done.answer)) return reply_outcome(attempt, call, *reply, services);
  if (auto* cancelled = std::get_if<AttemptCancelled>(&done.answer)) return *cancelled;
  if (auto* lost = std::get_if<AttemptLost>(&done.answer)) return *lost;
  if (auto* refused = std::get_if<BudgetRefused>(&done.answer)) return *refused;
  auto& failure = std::get<Failure>(done.answer);
  bj::object result;
  result["output"] = nullptr;
  result["error"] = failure.message;
  result["provider"] = call.parts().backend.provider_label;
  if (!done.partial.empty()) result["partial"] = done.partial;
  AttemptFailed ended{attempt.command.ref, std::move(failure), kept_value(attempt, std::move(result), services), {}};
  if (call.in_flight) ended.detail = Json::of(detail_of_failed(call));
  return ended;
}

void add_connections(NodeOutcome& outcome, std::vector<Connection> made) {
  std::visit(
      [&](auto& what) {
        if constexpr (requires { what.connections; }) what.connections = std::move(made);
      },
      outcome);
}

}  // namespace

NodeOutcome model_outcome(const Attempt& attempt, const ModelCall& call, ModelDone& done, const Services& services) {
  if (!call.sent) return outcome_of(attempt, call, done, services);
  // First, for making a result takes the answer apart.
  const auto names = record_call(call, done, *services.store);
  if (!names)
    return AttemptFailed{attempt.command.ref, Failure{FailureClass::io, to_string(names.error()), {}}, {}, {}};
  auto outcome = outcome_of(attempt, call, done, services);
  name_records(outcome, *names);
  if (call.parts().reach) add_connections(outcome, call.connections());
  return outcome;
}

}  // namespace hillstar::actors
