// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/orders.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "actors/call_record.hpp"
#include "actors/remote/admission.hpp"
#include "actors/tool_node.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/policy/rules.hpp"

namespace hillstar::actors {
namespace {

constexpr std::uint64_t kTokensMax = 1'000'000'000'000;
constexpr std::int64_t kCostMax = 1'000'000'000'000;  // a million dollars

bool is_sha256(const std::string& text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

void add(std::vector<BlobRef>& all, const Value& value) {
  all.insert(all.end(), value.blobs.begin(), value.blobs.end());
}

Result<void> check(const std::vector<BlobRef>& blobs) {
  for (const auto& blob : blobs)
    if (!is_sha256(blob.sha256)) return Error{Errc::host_protocol, "a blob is named by something that is no hash"};
  return {};
}

/// What no call can have used.
Result<void> check(const std::optional<Usage>& usage) {
  if (!usage) return {};
  for (const auto tokens : {usage->input_tokens, usage->output_tokens, usage->cached_tokens.value_or(0),
                            usage->reasoning_tokens.value_or(0), usage->cache_write_tokens.value_or(0)})
    if (tokens > kTokensMax) return Error{Errc::host_protocol, "more tokens than a call can have"};
  if (usage->cost.count < 0 || usage->cost.count > kCostMax)
    return Error{Errc::host_protocol, "a cost that no call can have"};
  return {};
}

std::optional<std::string> key_of_said(const boost::json::value& said) {
  const auto* object = said.if_object();
  const auto* key = object == nullptr ? nullptr : object->if_contains("key");
  if (key == nullptr || !key->is_string() || key->get_string().size() > kKeyBytesMax) return std::nullopt;
  return std::string(key->get_string());
}

}  // namespace

std::optional<std::string> key_in(const wire::PeerFrame& frame) {
  if (frame.said) return key_of_said(*frame.said);
  const auto said = json::parse(frame.frame.json);
  return said ? key_of_said(*said) : std::nullopt;
}

std::string key_of(const Attempt& attempt) {
  const auto& ref = attempt.command.ref;
  return attempt_key(RunId(attempt.run->run), attempt.node->id, ref.item, ref.attempt);
}

remote::Order order_of(const Attempt& attempt, UtcTime now, std::vector<remote::FileRef> files) {
  const auto& command = attempt.command;
  const auto& run = *attempt.run;
  remote::Order order;
  order.run = run.run;
  order.workflow = run.workflow;
  order.node_index = command.ref.node;
  order.item = command.ref.item;
  order.attempt = command.ref.attempt;
  order.node = Json::from_canonical(json::to_text(*attempt.node));
  for (const auto& binding : command.bindings) order.bindings.push_back({binding.source, binding.result});
  if (command.ref.item) order.item_value = command.item;
  order.inputs = command.inputs;
  order.call = command.call;
  order.rejected = command.rejected;
  order.failed = command.failed;
  if (command.ends_by) order.time_left = std::max(*command.ends_by - now, Millis{0});
  order.model_config = attempt.model_config;
  order.provider_config = attempt.provider_config;
  order.priority = run.priority;
  order.air_gapped = run.air_gapped;
  if (run.rules) order.rules = policy::to_text(*run.rules);
  order.step = run.step;
  order.trace = run.trace;
  order.files = std::move(files);
  return order;
}

Result<Attempt> attempt_of(const remote::Order& order, UtcTime now, tools::RunContext context) {
  HILLSTAR_TRY(auto node, json::read<workflow::PlanNode>(order.node.value(), "/node"));
  HILLSTAR_CHECK(check(blobs_of(order)));
  Attempt attempt;
  auto& command = attempt.command;
  command.ref = {order.node_index, order.item, order.attempt};
  for (const auto& binding : order.bindings) command.bindings.push_back({binding.source, binding.result});
  if (order.item_value) command.item = *order.item_value;
  command.inputs = order.inputs;
  command.call = order.call;
  command.rejected = order.rejected;
  command.failed = order.failed;
  if (order.time_left) command.ends_by = now + *order.time_left;
  // Here is where it is made.
  node.placement.reset();
  attempt.node = std::make_shared<const workflow::PlanNode>(std::move(node));
  attempt.model_config = order.model_config;
  attempt.provider_config = order.provider_config;
  context.run = order.run;
  context.workflow = order.workflow;
  context.priority = order.priority;
  context.air_gapped = context.air_gapped || order.air_gapped;
  context.step = order.step;
  context.trace = order.trace;
  attempt.run = std::make_shared<const tools::RunContext>(std::move(context));
  return attempt;
}

std::vector<BlobRef> blobs_of(const remote::Order& order) {
  std::vector<BlobRef> all;
  for (const auto& binding : order.bindings) add(all, binding.result);
  if (order.item_value) add(all, *order.item_value);
  if (order.rejected) add(all, *order.rejected);
  for (const auto& file : order.files) all.push_back({file.path, file.bytes, true, file.sha256});
  return all;
}

remote::Report report_of(const NodeOutcome& outcome) {
  remote::Report report;
  const auto take_connections = [&](const std::vector<Connection>& made) {
    for (const auto& one : made) report.connections.push_back({one.endpoint, one.address, one.allowed, one.failure});
  };
  if (const auto* succeeded = std::get_if<AttemptSucceeded>(&outcome)) {
    report.ending = remote::Ending::succeeded;
    report.result = succeeded->result;
    report.tests = succeeded->tests;
    report.usage = succeeded->usage;
    report.detail = succeeded->detail;
    take_connections(succeeded->connections);
  } else if (const auto* failed = std::get_if<AttemptFailed>(&outcome)) {
    report.ending = remote::Ending::failed;
    report.failure = failed->failure;
    report.result = failed->result;
    report.usage = failed->usage;
    report.detail = failed->detail;
    take_connections(failed->connections);
  } else if (const auto* cancelled = std::get_if<AttemptCancelled>(&outcome)) {
    report.ending = remote::Ending::cancelled;
    report.unsent = cancelled->unsent;
    report.detail = cancelled->detail;
    report.usage = cancelled->usage;
    take_connections(cancelled->connections);
  } else if (const auto* lost = std::get_if<AttemptLost>(&outcome)) {
    report.detail = lost->detail;
    take_connections(lost->connections);
  }
  return report;
}

Result<NodeOutcome> outcome_of(const remote::Report& report, const AttemptRef& ref, const MadeBy& made_by) {
  HILLSTAR_CHECK(check(blobs_of(report)));
  HILLSTAR_CHECK(check(report.usage));
  std::vector<Connection> connections;
  for (const auto& one : report.connections)
    connections.push_back({one.endpoint, one.address, one.allowed, one.failure});
  switch (report.ending) {
    case remote::Ending::succeeded: {
      if (!report.result) return Error{Errc::host_protocol, "a success without a result"};
      AttemptSucceeded outcome{ref, *report.result, report.tests, report.usage, report.detail};
      outcome.connections = std::move(connections);
      outcome.made_by = made_by;
      return NodeOutcome(std::move(outcome));
    }
    case remote::Ending::failed: {
      if (!report.failure) return Error{Errc::host_protocol, "a failure without a reason"};
      AttemptFailed outcome{ref, *report.failure, report.result.value_or(Value{}), report.usage, report.detail};
      outcome.connections = std::move(connections);
      outcome.made_by = made_by;
      return NodeOutcome(std::move(outcome));
    }
    case remote::Ending::cancelled: {
      AttemptCancelled outcome{ref, report.unsent, report.detail, std::move(connections), report.usage};
      outcome.made_by = made_by;
      return NodeOutcome(std::move(outcome));
    }
    case remote::Ending::lost:
      break;
  }
  AttemptLost outcome{ref, report.detail, std::move(connections)};
  outcome.made_by = made_by;
  return NodeOutcome(std::move(outcome));
}

std::vector<BlobRef> blobs_of(const remote::Report& report) {
  std::vector<BlobRef> all;
  if (report.result) add(all, *report.result);
  for (const auto& file : report.files) all.push_back({file.path, file.bytes, true, file.sha256});
  // What a model call leaves for the history is named in its detail, without its size.
  if (!report.detail) return all;
  const auto tree = report.detail->value();
  if (const auto* object = tree.if_object())
    for (const auto* name : {"request_sha256", "reply_sha256"})
      if (const auto* sha256 = object->if_contains(name); sha256 != nullptr && sha256->is_string())
        all.push_back({name, kCallRecordBytesMax, true, std::string(sha256->get_string())});
  return all;
}

void mask(NodeOutcome& outcome, const policy::Redactor& redactor) {
  std::visit(
      [&](auto& what) {
        if constexpr (requires { what.result.json; }) what.result.json = redactor.redact(what.result.json);
      },
      outcome);
}

std::string file_name_of(const std::string& key, std::size_t characters, std::size_t digits) {
  std::string name;
  for (const char c : key.substr(0, characters))
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ? c : '.';
  return name + "-" + sha256_hex(key).substr(0, digits);
}

}  // namespace hillstar::actors
