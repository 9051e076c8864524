// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/estimate.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <unordered_map>

#include "runtime/policy/call_bound.hpp"
#include "runtime/policy/model_request.hpp"
#include "runtime/workflow/references.hpp"
#include "runtime/workflow/templates.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using workflow::PlanNode;

__extension__ using Wide = unsigned __int128;

/// What is said about a reply that is to be mended.
constexpr std::uint64_t kMendTokens = 1'024;

std::uint64_t tokens_of(std::uint64_t bytes) { return (bytes + kBytesPerToken - 1) / kBytesPerToken; }

MicroUsd amount_of(Wide micros) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return {micros > static_cast<Wide>(kMost) ? kMost : static_cast<std::int64_t>(micros)};
}

class Estimator {
 public:
  Estimator(const workflow::Plan& plan, const Json& inputs) : plan_(plan), inputs_(inputs.value()) {
    for (const auto& node : plan.nodes)
      if (node.tool == "model_call") replies_[node.id.str()] = reply_of(node);
  }

  NodeEstimate of(const PlannedCall& call) const {
    const auto& node = plan_.nodes[call.node];
    NodeEstimate out;
    out.node = call.node;
    out.output_high = reply_of(node);
    measure(node, call.backend, out);
    const auto items = items_of(node);
    out.items_known = items.has_value();
    out.calls_low = least_of(node, items);
    out.calls_high = (attempts_of(node) + node.repairs.value_or(0)) * items.value_or(1);
    if (const auto& prices = call.backend.prices) {
      Usage least;
      least.input_tokens = out.input_low;
      out.low = times(cost_of(least, *prices), out.calls_low);
      if (out.input_high) out.high = times(most_of(*out.input_high, out.output_high, *prices), out.calls_high);
    }
    return out;
  }

  Occasions occasions(const PlanNode& node) const {
    const auto items = items_of(node);
    return {least_of(node, items), items ? std::optional(attempts_of(node) * *items) : std::nullopt};
  }

 private:
  static std::uint64_t attempts_of(const PlanNode& node) { return std::max<std::uint64_t>(node.retry.attempts, 1); }
  static std::uint64_t least_of(const PlanNode& node, std::optional<std::uint64_t> items) {
    const bool may_be_skipped = node.when || node.skip_if || node.stands_for;
    return may_be_skipped ? 0 : items.value_or(0);
  }

  std::uint64_t reply_of(const PlanNode& node) const {
    const auto asked = tokens_asked(node, plan_.model_config);
    return asked > 0 ? asked : kMaxTokensDefault;
  }

  /// Items of a map, 1 for a node that is none, nothing if only the run knows.
  std::optional<std::uint64_t> items_of(const PlanNode& node) const {
    if (!node.map) return 1;
    const auto list = node.map->for_each.value();
    if (list.is_array()) return list.get_array().size();
    if (!list.is_string()) return std::nullopt;
    const std::string_view text(list.get_string().data(), list.get_string().size());
    const auto references = workflow::find_references(text);
    if (references.size() != 1 || references[0].source != "inputs" ||
        references[0].end - references[0].begin != text.size())
      return std::nullopt;
    const auto* value = input(references[0].key);
    return value != nullptr && value->is_array() ? std::optional<std::uint64_t>(value->get_array().size())
                                                 : std::nullopt;
  }

  const bj::value* input(std::string_view key) const {
    const auto* object = inputs_.if_object();
    return object != nullptr ? object->if_contains(key) : nullptr;
  }

  /// Images that the node itself names.
  static std::uint64_t images_of(const PlanNode& node) {
    const auto parameters = node.parameters.value();
    const auto* list = json::member(parameters, "images");
    std::size_t count = list != nullptr && list->is_array() ? list->get_array().size() : 0;
    if (!is_conversation(node.input)) return count;
    const auto input = node.input.value();
    const auto* messages = json::member(input, "messages");
    if (messages == nullptr || !messages->is_array()) return count;
    for (const auto& message : messages->get_array()) {
      const auto* parts = json::member(message, "content");
      if (parts == nullptr || !parts->is_array()) continue;
      for (const auto& part : parts->get_array()) count += json::member(part, "path") != nullptr ? 1 : 0;
    }
    return count;
  }

  /// What is no longer than the reply it is made of.
  static bool is_of_reply(std::string_view key) {
    const auto step = key.substr(0, key.find('.'));
    return step == "output" || step == "json" || step == "message" || step == "tool_calls";
  }

  void measure(const PlanNode& node, const Backend& backend, NodeEstimate& out) const {
    std::uint64_t known = 0;                                     // bytes
    std::uint64_t from_models = images_of(node) * kImageTokens;  // tokens
    bool open = false;
    const auto parameters = node.parameters.value();
    for (const auto* name : {"system", "tools", "schema", "response_format"})
      if (const auto* told = json::member(parameters, name))
        known += told->is_string() ? told->get_string().size() : json::canonical(*told).size();
    // A reply that is to be mended is shown to the model again, with what is wrong with it.
    if (node.repairs.value_or(0) > 0) from_models += out.output_high + kMendTokens;
    workflow::visit_strings(node.input.value(), [&](std::string_view text, const std::string&) {
      known += text.size();
      for (const auto& reference : workflow::find_references(text)) {
        known -= reference.end - reference.begin;
        if (const auto* value = reference.source == "inputs" ? input(reference.key) : nullptr)
          known += value->is_string() ? value->get_string().size() : json::canonical(*value).size();
        else if (const auto model = replies_.find(reference.source);
                 model != replies_.end() && is_of_reply(reference.key))
          from_models += model->second;
        else
          open = true;
      }
    });
    out.input_low = tokens_of(known);
    const auto room = backend.context_tokens
                          ? std::optional(*backend.context_tokens - std::min(*backend.context_tokens, out.output_high))
                          : std::nullopt;
    // What is known in bytes may be as many tokens.
    const auto most = known + from_models;
    if (open)
      out.input_high = room;
    else
      out.input_high = room ? std::min(most, std::max(*room, out.input_low)) : most;
    if (out.input_high) out.input_high = std::max(*out.input_high, out.input_low);
  }

  const workflow::Plan& plan_;
  bj::value inputs_;
  std::unordered_map<std::string, std::uint64_t> replies_;
};

}  // namespace

MicroUsd times(MicroUsd amount, std::uint64_t count) { return amount_of(static_cast<Wide>(amount.count) * count); }

MicroUsd plus(MicroUsd one, MicroUsd other) {
  return amount_of(static_cast<Wide>(one.count) + static_cast<Wide>(other.count));
}

Occasions occasions_of(const workflow::Plan& plan, NodeIndex node, const Json& inputs) {
  return Estimator(plan, inputs).occasions(plan.nodes[node]);
}

std::vector<NodeEstimate> estimate(const workflow::Plan& plan, const std::vector<PlannedCall>& calls,
                                   const Json& inputs) {
  const Estimator estimator(plan, inputs);
  std::vector<NodeEstimate> found;
  found.reserve(calls.size());
  for (const auto& call : calls) found.push_back(estimator.of(call));
  return found;
}

}  // namespace hillstar::policy
