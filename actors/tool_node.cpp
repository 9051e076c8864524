// SPDX-License-Identifier: Apache-2.0
#include "actors/tool_node.hpp"

#include <boost/json.hpp>
#include <utility>

#include "actors/blobs.hpp"
#include "actors/job.hpp"
#include "actors/live_output.hpp"
#include "runtime/telemetry/trace_context.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::actors {
namespace {

AttemptFailed failed(const Attempt& attempt, FailureClass kind, const Error& error) {
  return {attempt.command.ref, Failure{kind, to_string(error), {}}, {}, {}};
}

tools::ToolCall call_of(const Attempt& attempt, workflow::Rendered input) {
  tools::ToolCall call;
  call.tool = attempt.node->tool;
  call.node = unit_name(attempt);
  call.attempt = attempt.command.ref.attempt;
  call.idempotency_key = attempt.run->run + "/" + call.node;
  call.attempt_key = call.idempotency_key + "/" + std::to_string(call.attempt);
  call.input = std::move(input);
  call.parameters = attempt.node->parameters;
  call.cwd = attempt.node->cwd;
  call.start_to_close = attempt.node->start_to_close;
  call.sandbox = attempt.node->sandbox;
  call.trace = trace_of(attempt);
  return call;
}

tools::ToolContext context_of(const Attempt& attempt, const Services& services, tools::CancelFlag& cancel,
                              LiveOutput& live) {
  tools::ToolContext context;
  context.run = attempt.run;
  context.cancel = &cancel;
  context.new_blob = [store = services.store] { return store->blob_sink(); };
  context.progress = [&live](std::string_view text) { live.say(text); };
  return context;
}

NodeOutcome list(const Attempt& attempt, const Services& services) {
  const auto items = workflow::list_items(attempt.node->map->for_each, attempt.command, services.read_blob);
  if (!items) return failed(attempt, FailureClass::invalid_input, items.error());
  const auto tree = items->value();
  const auto count = tree.is_array() ? tree.get_array().size() : 0;
  if (count > kMapItemsMax) {
    return failed(attempt, FailureClass::output_limit,
                  Error{Errc::output_limit, "the list has more than " + std::to_string(kMapItemsMax) + " items"});
  }
  Value value;
  if (items->text().size() <= kInlineBytesMax) {
    value.json = *items;
  } else {
    auto sha256 = services.store->put_blob(items->text());
    if (!sha256) return failed(attempt, FailureClass::io, sha256.error());
    value.blobs.push_back({"", items->text().size(), false, std::move(*sha256)});
  }
  std::uint64_t longest = 0;
  if (attempt.node->tool == "model_call")
    for (const auto& item : tree.get_array()) longest = std::max<std::uint64_t>(longest, json::canonical(item).size());
  return ItemsListed{attempt.command.ref, static_cast<std::uint32_t>(count), std::move(value), longest};
}

}  // namespace

std::string unit_name(const NodeId& node, std::optional<std::uint32_t> item) {
  return item ? node.str() + "[" + std::to_string(*item) + "]" : node.str();
}

std::string unit_name(const Attempt& attempt) { return unit_name(attempt.node->id, attempt.command.ref.item); }

std::string attempt_key(const RunId& run, const NodeId& node, std::optional<std::uint32_t> item,
                        std::uint32_t attempt) {
  return run.str() + "/" + unit_name(node, item) + "/" + std::to_string(attempt);
}

std::string trace_of(const Attempt& attempt) {
  const auto& ref = attempt.command.ref;
  const auto& run = *attempt.run;
  return telemetry::traceparent_of(run.trace, RunId(run.run), attempt.node->id, ref.item, ref.attempt);
}

NodeOutcome succeed(const Attempt& attempt, Value result, const Services& services) {
  result.json = attempt.run->redactor.redact(result.json);
  if (const auto kept = keep_small(result, *services.store); !kept)
    return failed(attempt, FailureClass::io, kept.error());
  std::vector<bool> verdicts;
  verdicts.reserve(attempt.node->tests.size());
  for (const auto& test : attempt.node->tests) {
    const auto verdict = workflow::passes(test, result, services.read_blob);
    if (!verdict) return failed(attempt, FailureClass::io, verdict.error());
    verdicts.push_back(*verdict);
  }
  return AttemptSucceeded{attempt.command.ref, std::move(result), std::move(verdicts), {}, {}};
}

NodeOutcome run_attempt(const Attempt& attempt, const tools::ToolEntry& tool, const Services& services,
                        tools::CancelFlag& cancel) {
  auto input = workflow::render(attempt.node->input, attempt.command, services.read_blob);
  if (!input) return failed(attempt, FailureClass::io, input.error());
  const auto& ref = attempt.command.ref;
  LiveOutput live(services.gate, services.feed, {RunId(attempt.run->run), attempt.node->id, ref.item, ref.attempt, {}});
  auto reply = tool.run(call_of(attempt, std::move(*input)), context_of(attempt, services, cancel, live));
  live.end();
  if (reply.cancelled) return AttemptCancelled{attempt.command.ref};
  if (!reply.failure) {
    auto outcome = succeed(attempt, std::move(reply.result), services);
    if (auto* succeeded = std::get_if<AttemptSucceeded>(&outcome)) succeeded->detail = std::move(reply.detail);
    return outcome;
  }
  reply.result.json = attempt.run->redactor.redact(reply.result.json);
  if (const auto kept = keep_small(reply.result, *services.store); !kept)
    return failed(attempt, FailureClass::io, kept.error());
  return AttemptFailed{
      attempt.command.ref, std::move(*reply.failure), std::move(reply.result), {}, std::move(reply.detail)};
}

NodeOutcome checkpoint(const Attempt& attempt, const Services& services) {
  return succeed(attempt, Value{{}, Json::from_canonical(R"({"output":""})")}, services);
}

JobPtr tool_job(const Attempt& attempt, const tools::ToolEntry& tool, const ServicesPtr& services, NodeActor node) {
  const auto& name = attempt.node->tool;
  Job::Parts parts;
  parts.ref = attempt.command.ref;
  parts.node = std::move(node);
  parts.script = name != "file_read" && name != "file_write";
  parts.queue_timeout = attempt.node->queue_timeout;
  parts.work = [attempt, &tool, services](tools::CancelFlag& cancel) {
    return run_attempt(attempt, tool, *services, cancel);  // `tool` lives in the services' catalog
  };
  return std::make_shared<Job>(std::move(parts));
}

JobPtr list_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node) {
  Job::Parts parts;
  parts.ref = attempt.command.ref;
  parts.node = std::move(node);
  parts.work = [attempt, services](tools::CancelFlag&) { return list(attempt, *services); };
  return std::make_shared<Job>(std::move(parts));
}

}  // namespace hillstar::actors
