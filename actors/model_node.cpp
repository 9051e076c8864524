// SPDX-License-Identifier: Apache-2.0
#include "actors/model_node.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>
#include <utility>

#include "actors/job.hpp"
#include "actors/model_call.hpp"
#include "actors/tool_node.hpp"
#include "providers/pool/token_bound.hpp"
#include "runtime/policy/air_gap.hpp"
#include "runtime/policy/call_bound.hpp"
#include "runtime/policy/model_request.hpp"
#include "runtime/policy/pricing.hpp"
#include "runtime/policy/program_address.hpp"
#include "runtime/tools/images.hpp"
#include "runtime/tools/standard_tools.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::actors {
namespace {

AttemptFailed failed(const Attempt& attempt, FailureClass kind, const Error& error) {
  return {attempt.command.ref, Failure{kind, to_string(error), {}}, {}, {}};
}

FailureClass class_of(const Error& error) {
  switch (error.code) {
    case Errc::permission_denied:
    case Errc::terms_not_accepted:
      return FailureClass::permission;
    case Errc::provider_config:
      return FailureClass::auth;
    case Errc::path_refused:
      return FailureClass::path_refused;
    case Errc::not_found:
      return FailureClass::not_found;
    case Errc::output_limit:
      return FailureClass::output_limit;
    case Errc::io:
      return FailureClass::io;
    default:
      return FailureClass::invalid_request;
  }
}

/// The refusal is a connection that was attempted, and stands in the history as one.
AttemptFailed refused_by_gap(const Attempt& attempt, const policy::Backend& backend, const Error& error) {
  auto refused = failed(attempt, FailureClass::permission, error);
  refused.connections.push_back({backend.base_url, std::nullopt, false, error.message});
  return refused;
}

/// What can be known of a request's size before it is sent.
std::optional<AttemptFailed> check_size(const Attempt& attempt, const ModelRequest& request,
                                        const policy::Backend& backend) {
  const auto bytes = providers::input_token_bound(request);
  const auto reply = request.max_tokens.value_or(0);
  // No tokenizer makes fewer tokens of a long text than this.
  const auto least = bytes / policy::kBytesPerTokenMost;
  if (backend.context_tokens && least + reply > *backend.context_tokens) {
    const Error error{Errc::tool_parameters,
                      "The request is too large for model '" + backend.model + "': at least " + std::to_string(least) +
                          " tokens and a reply of " + std::to_string(reply) + ", but its context holds " +
                          std::to_string(*backend.context_tokens) + ". It was not sent.",
                      attempt.node->id.str(),
                      "Shorten the input, lower max_tokens, or name a model with more context."};
    return failed(attempt, FailureClass::context_too_long, error);
  }
  const auto& reserved = attempt.command.call;
  if (!reserved || reserved->tokens == 0 || !backend.prices) return std::nullopt;
  const auto input = backend.context_tokens ? std::min(bytes, *backend.context_tokens) : bytes;
  if (policy::most_of(input, providers::output_token_bound(request), *backend.prices) <= reserved->cost)
    return std::nullopt;
  const Error error{Errc::internal,
                    "The request may cost more than the " + to_dollars(reserved->cost) +
                        " USD that were reserved for it. It was not sent.",
                    attempt.node->id.str()};
  return failed(attempt, FailureClass::budget, error);
}

/// A program gets what a script of the same node would get.
std::shared_ptr<const providers::ProgramContext> program_context(const Attempt& attempt) {
  tools::ToolCall call;
  call.node = unit_name(attempt);
  call.attempt = attempt.command.ref.attempt;
  call.idempotency_key = attempt.run->run + "/" + call.node;
  call.attempt_key = call.idempotency_key + "/" + std::to_string(call.attempt);
  call.trace = trace_of(attempt);
  auto context = std::make_shared<providers::ProgramContext>();
  context->folder = attempt.run->workspace;
  context->environment = tools::tool_environment(call, *attempt.run);
  context->redactor = attempt.run->redactor;
  context->run = attempt.run->run;
  context->node = call.node;
  context->attempt = call.attempt;
  context->idempotency_key = call.idempotency_key;
  return context;
}

/// The text of a result's `output`, read back if it is a blob.
Result<std::string> output_text(const Value& result, const Services& services) {
  for (const auto& blob : result.blobs)
    if (blob.at == "/output") return services.read_blob(blob.sha256);
  const auto tree = result.json.value();
  const auto* object = tree.if_object();
  const auto* output = object == nullptr ? nullptr : object->if_contains("output");
  return output != nullptr && output->is_string() ? std::string(output->get_string()) : std::string();
}

/// The member of a rejected result; empty if it has none.
std::string text_member(const Value& result, std::string_view key) {
  const auto tree = result.json.value();
  const auto* member = json::member(tree, key);
  return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::string();
}

/// What the node says, with the reply that it wants mended. Refers to the attempt.
Result<policy::Asked> asked_of(const Attempt& attempt, std::string text, const Services& services) {
  policy::Asked asked;
  asked.text = std::move(text);
  asked.shape = &attempt.node->input;
  asked.load_image = [run = attempt.run](const std::string& path) { return tools::load_image(*run, path); };
  if (attempt.command.rejected) {
    HILLSTAR_TRY(auto output, output_text(*attempt.command.rejected, services));
    asked.rejected = policy::Rejected{std::move(output), text_member(*attempt.command.rejected, "error")};
  }
  return asked;
}

/// One file through the file_write tool, which keeps to the run's folders. Returns an entry of the detail's `files`.
boost::json::object write_file(const Attempt& attempt, const std::string& path, const std::string& text,
                               const Services& services, tools::CancelFlag& cancel) {
  boost::json::object entry;
  entry["path"] = path;
  const auto tool = services.catalog.find("file_write");
  if (tool == services.catalog.end()) {
    entry["error"] = "there is no tool 'file_write'";
    return entry;
  }
  tools::ToolCall call;
  call.tool = "file_write";
  call.node = unit_name(attempt);
  call.attempt = attempt.command.ref.attempt;
  call.idempotency_key = attempt.run->run + "/" + call.node;
  call.attempt_key = call.idempotency_key + "/" + std::to_string(call.attempt);
  call.input.text = text;
  call.parameters = Json::of(boost::json::object{{"path", path}});
  tools::ToolContext context;
  context.run = attempt.run;
  context.cancel = &cancel;
  context.new_blob = [store = services.store] { return store->blob_sink(); };
  const auto reply = tool->second.run(call, context);
  if (reply.failure) entry["error"] = reply.failure->message;
  if (reply.cancelled) entry["error"] = "cancelled";
  return entry;
}

NodeOutcome write_outputs(const Attempt& attempt, AttemptSucceeded succeeded, const Services& services,
                          tools::CancelFlag& cancel) {
  const auto text = output_text(succeeded.result, services);
  auto detail = succeeded.detail ? succeeded.detail->value() : boost::json::value(boost::json::object{});
  auto& files = detail.as_object()["files"].emplace_array();
  if (!text) {
    files.push_back(boost::json::object{{"error", to_string(text.error())}});
  } else if (!text->empty()) {
    for (const auto& [key, path] : attempt.node->outputs)
      files.push_back(write_file(attempt, path, *text, services, cancel));
  }
  succeeded.detail = Json::of(detail);
  return succeeded;
}

}  // namespace

std::variant<ModelCallPtr, AttemptFailed> prepare_call(const Attempt& attempt, const ServicesPtr& services,
                                                       NodeActor node) {
  const auto prompt = workflow::render(attempt.node->input, attempt.command, services->read_blob);
  if (!prompt) return failed(attempt, FailureClass::io, prompt.error());
  const auto look_up = policy::look_up_in(attempt.run->environment);
  const auto& registry = services->registry ? *services->registry : policy::shipped_registry();
  // A replay sends nothing, so it asks for nothing.
  const policy::World world{registry, look_up, services->keys_needed,
                            services->keys_needed ? &attempt.provider_config : nullptr};
  const auto& planned = attempt.command.call;
  auto backend =
      planned ? policy::find_backend(*attempt.node, attempt.model_config, world, planned->provider, planned->model)
              : policy::choose_backend(*attempt.node, attempt.model_config, world);
  if (!backend) return failed(attempt, class_of(backend.error()), backend.error());
  std::shared_ptr<const policy::Reach> reach;
  if (attempt.run->air_gapped) {
    reach = std::make_shared<const policy::Reach>(policy::reach_of(attempt.run->rules.get()));
    if (const auto reached = policy::check_reach(*reach, *backend, attempt.node->id.str()); !reached)
      return refused_by_gap(attempt, *backend, reached.error());
  }
  auto asked = asked_of(attempt, prompt->text, *services);
  if (!asked) return failed(attempt, FailureClass::io, asked.error());
  auto request = policy::make_request(attempt.node->parameters, attempt.model_config, *asked, *backend);
  if (!request) return failed(attempt, class_of(request.error()), request.error());
  if (auto refused = check_size(attempt, *request, *backend)) return *std::move(refused);
  ModelCall::Parts parts;
  parts.reserved = planned;
  parts.ref = attempt.command.ref;
  parts.node = std::move(node);
  if (!backend->key_variable.empty()) parts.key = Secret(look_up(backend->key_variable).value_or(""));
  parts.network =
      std::make_shared<const providers::NetworkSettings>(providers::network_settings(attempt.run->environment));
  if (policy::is_program(backend->base_url)) parts.program = program_context(attempt);
  parts.backend = std::move(*backend);
  parts.request = std::move(*request);
  parts.start_to_close = attempt.node->start_to_close;
  parts.queue_timeout = attempt.node->queue_timeout;
  parts.run = RunId(attempt.run->run);
  parts.node_id = attempt.node->id;
  parts.workflow = attempt.run->workflow;
  if (attempt.budget) parts.shared = {attempt.budget->workflow, attempt.budget->day};
  parts.reach = std::move(reach);
  parts.priority = attempt.run->priority;
  parts.redactor = attempt.run->redactor;
  parts.trace = trace_of(attempt);
  return std::make_shared<ModelCall>(std::move(parts));
}

bool reads_files(const Attempt& attempt) { return policy::names_images(attempt.node->parameters, attempt.node->input); }

JobPtr prepare_job(const Attempt& attempt, const ServicesPtr& services, NodeActor node, PreparedCallPtr prepared) {
  Job::Parts parts;
  parts.ref = attempt.command.ref;
  parts.node = node;
  parts.queue_timeout = attempt.node->queue_timeout;
  parts.work = [attempt, services, node = std::move(node), prepared = std::move(prepared)](tools::CancelFlag&) {
    prepared->call = prepare_call(attempt, services, node);
    return NodeOutcome(AttemptCancelled{attempt.command.ref});
  };
  return std::make_shared<Job>(std::move(parts));
}

JobPtr write_outputs_job(const Attempt& attempt, AttemptSucceeded succeeded, const ServicesPtr& services,
                         NodeActor node) {
  Job::Parts parts;
  parts.ref = attempt.command.ref;
  parts.node = std::move(node);
  parts.work = [attempt, succeeded = std::move(succeeded), services](tools::CancelFlag& cancel) {
    return write_outputs(attempt, succeeded, *services, cancel);
  };
  return std::make_shared<Job>(std::move(parts));
}

}  // namespace hillstar::actors
