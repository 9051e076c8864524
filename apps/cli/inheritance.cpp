// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/inheritance.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <unordered_map>

#include "runtime/workflow/references.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

std::unordered_map<std::string, NodeIndex> index_of(const workflow::Plan& plan) {
  std::unordered_map<std::string, NodeIndex> index;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) index.emplace(plan.nodes[i].id.str(), i);
  return index;
}

/// Hillstar's rule: a result is an error if it has an `error` that is neither null nor empty.
bool is_error(const bj::value& result) {
  const auto* object = result.if_object();
  const auto* error = object != nullptr ? object->if_contains("error") : nullptr;
  if (error == nullptr || error->is_null()) return false;
  if (const auto* text = error->if_string()) return !text->empty();
  if (const auto* flag = error->if_bool()) return *flag;
  return true;
}

Result<std::vector<bool>> verdicts(const workflow::PlanNode& node, const Value& result, const ReadBlob& read) {
  std::vector<bool> tests;
  for (const auto& test : node.tests) {
    HILLSTAR_TRY(const bool passed, workflow::passes(test, result, read));
    tests.push_back(passed);
  }
  return tests;
}

Error foreign(std::string message, const std::string& file) {
  return {Errc::run_state, std::move(message), file,
          "A checkpoint goes with the workflow that wrote it; run without --resume-from to start afresh."};
}

}  // namespace

Result<Checkpoint> read_checkpoint(const std::string& text, const std::string& file) {
  auto parsed = json::parse(text);
  if (!parsed) return Error{parsed.error().code, parsed.error().message, file + ":" + parsed.error().where};
  const auto wrong = [&file](const std::string& what) {
    return Error{Errc::json_type, "This is no checkpoint file: " + what + ".", file,
                 "Checkpoint files lie in the `checkpoints` folder of the output folder."};
  };
  const auto* root = parsed->if_object();
  const auto* state = root != nullptr ? root->if_contains("state") : nullptr;
  if (state == nullptr || !state->is_object()) return wrong("it has no object `state`");
  Checkpoint checkpoint;
  checkpoint.place = file;
  if (const auto* node = root->if_contains("node_id"); node != nullptr && node->is_string())
    checkpoint.node = bj::value_to<std::string>(*node);
  else
    return wrong("it has no text `node_id`");
  const auto& fields = state->get_object();
  if (const auto* workflow = fields.if_contains("workflow_id"); workflow != nullptr && workflow->is_string())
    checkpoint.workflow = bj::value_to<std::string>(*workflow);
  else
    return wrong("its state has no text `workflow_id`");
  const auto* outputs = fields.if_contains("node_outputs");
  if (outputs == nullptr || !outputs->is_object()) return wrong("its state has no object `node_outputs`");
  for (const auto& [id, result] : outputs->get_object())
    checkpoint.results.emplace_back(id, Value{{}, Json::of(result)});
  if (const auto* order = fields.if_contains("execution_order"); order != nullptr && order->is_array()) {
    for (const auto& id : order->get_array()) {
      if (!id.is_string()) return wrong("its `execution_order` holds more than node ids");
      checkpoint.order.push_back(bj::value_to<std::string>(id));
    }
  }
  return checkpoint;
}

Result<std::vector<NodeInherited>> inherit(const Checkpoint& checkpoint, const workflow::Plan& plan,
                                           const ReadBlob& read) {
  const auto& file = checkpoint.place;
  if (checkpoint.workflow != plan.workflow.str())
    return foreign("The checkpoint is of workflow '" + checkpoint.workflow + "', not of '" + plan.workflow.str() + "'.",
                   file);
  const auto index = index_of(plan);
  std::unordered_map<NodeIndex, std::size_t> place;
  for (const auto& id : checkpoint.order) {
    const auto found = index.find(id);
    if (found == index.end()) return foreign("The checkpoint ran a node '" + id + "' that the workflow lacks.", file);
    place.emplace(found->second, place.size());
  }
  std::unordered_map<NodeIndex, const Value*> results;
  for (const auto& [id, result] : checkpoint.results) {
    const auto found = index.find(id);
    if (found == index.end())
      return foreign("The checkpoint has a result of a node '" + id + "' that the workflow lacks.", file);
    results.emplace(found->second, &result);
  }
  std::vector<bool> stands(plan.nodes.size(), false);
  std::vector<NodeInherited> inherited;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    const auto& node = plan.nodes[i];
    bool rests = true;
    for (const NodeIndex p : node.predecessors) {
      rests = rests && stands[p];
      if (place.contains(i) && place.contains(p) && place[p] > place[i])
        return foreign("The checkpoint ran '" + node.id.str() + "' before '" + plan.nodes[p].id.str() +
                           "', which it needs in this workflow.",
                       file);
    }
    const auto result = results.find(i);
    stands[i] = rests && result != results.end() && !is_error(result->second->json.value());
    // Skipped attempts of loops have no result of their own; they are skipped again.
    if (!stands[i]) continue;
    HILLSTAR_TRY(auto taken, taken_over(node, *result->second, checkpoint.origin, read));
    inherited.push_back(std::move(taken));
  }
  return inherited;
}

Result<NodeInherited> taken_over(const workflow::PlanNode& node, const Value& result,
                                 const std::optional<Origin>& origin, const ReadBlob& read) {
  HILLSTAR_TRY(auto tests, verdicts(node, result, read));
  return NodeInherited{node.id, result, std::move(tests), origin, false};
}

Result<void> edit(std::vector<NodeInherited>& inherited, const workflow::Plan& plan, std::string_view assignment,
                  const ReadBlob& read) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return Error{Errc::usage, "An edit is written node.path=value, such as review.output=fine.",
                 std::string(assignment)};
  const auto left = assignment.substr(0, equals);
  const auto text = assignment.substr(equals + 1);
  auto parsed = json::parse(text);
  const bj::value value = parsed ? *std::move(parsed) : bj::value(bj::string(json::to_utf8(text)));

  // Node ids may hold dots, so the longest inherited id that fits is meant.
  NodeInherited* target = nullptr;
  for (auto& candidate : inherited) {
    const auto& id = candidate.node.str();
    const bool fits = left.substr(0, id.size()) == id && (left.size() == id.size() || left[id.size()] == '.');
    if (fits && (target == nullptr || target->node.str().size() < id.size())) target = &candidate;
  }
  if (target == nullptr)
    return Error{Errc::not_found,
                 "No node whose result is taken over fits '" + std::string(left) + "'.",
                 {},
                 "Only nodes that completed before the point of the fork can be edited."};
  auto document = target->result.json.value();
  std::string pointer;
  bj::value* here = &document;
  auto rest = left.substr(target->node.str().size());
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const auto key = rest.substr(0, rest.find('.'));
    rest.remove_prefix(key.size());
    pointer += "/" + json::pointer_token(key);
    if (auto* object = here->if_object()) {
      here = &(*object)[bj::string_view(key.data(), key.size())];
    } else if (auto* array = here->if_array()) {
      std::size_t at = array->size();
      std::from_chars(key.data(), key.data() + key.size(), at);
      if (at >= array->size()) return Error{Errc::not_found, "There is no such element.", std::string(left)};
      here = &(*array)[at];
    } else {
      return Error{Errc::not_found, "The path leads into a value without parts.", std::string(left)};
    }
  }
  *here = value;
  auto& blobs = target->result.blobs;
  std::erase_if(blobs, [&](const BlobRef& blob) {
    return blob.at == pointer || blob.at.compare(0, pointer.size() + 1, pointer + "/") == 0;
  });
  target->result.json = Json::of(document);
  target->edited = true;
  const auto node = std::find_if(plan.nodes.begin(), plan.nodes.end(),
                                 [&](const auto& candidate) { return candidate.id == target->node; });
  HILLSTAR_TRY(target->tests, verdicts(*node, target->result, read));
  return {};
}

}  // namespace hillstar::cli
