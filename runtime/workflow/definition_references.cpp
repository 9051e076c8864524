// SPDX-License-Identifier: Apache-2.0
// Every {{ ... }} of a workflow names something that will be there; what it names becomes a predecessor.
#include <algorithm>
#include <boost/json.hpp>
#include <unordered_set>

#include "runtime/workflow/definition.hpp"
#include "runtime/workflow/did_you_mean.hpp"
#include "runtime/workflow/fields.hpp"
#include "runtime/workflow/templates.hpp"

namespace hillstar::workflow {
namespace {

constexpr std::string_view kLiteralHint = "write {{{ ... }}} for text that is no reference";

std::uint64_t pair_of(const Edge& edge) { return (std::uint64_t{edge.from} << 32U) | edge.to; }

/// One template of one node.
struct Template {
  AuthoredIndex node = 0;
  bool in_item = false;  ///< `input` of a map: knows `item` and `index`.
  std::string pointer;   ///< Where the string stands.
};

class ReferenceChecker {
 public:
  ReferenceChecker(Definition& definition, Problems& problems) : definition_(definition), problems_(problems) {
    for (const auto& edge : definition_.edges) listed_.insert(pair_of(edge));
    auto conditions = std::move(definition_.implied);
    definition_.implied.clear();
    for (const auto& edge : conditions) imply(edge);
  }

  void check(AuthoredIndex index) {
    const auto& node = definition_.nodes[index];
    const auto base = "/graph/nodes/" + json::pointer_token(node.draft.id.str());
    const auto visit = [&](const boost::json::value* value, const std::string& name, bool in_item) {
      if (value == nullptr) return;
      visit_strings(*value, [&](std::string_view text, const std::string& pointer) {
        if (text.find("{{") == std::string_view::npos) return;
        const Template where{index, in_item, base + name + pointer};
        for (const auto& reference : find_references(text)) check(inner_text(text, reference), where);
      });
    };
    visit(node.input, "/input", node.for_each != nullptr);
    visit(node.for_each, "/for_each", false);
    warn_of_literals(node, base);
  }

 private:
  [[nodiscard]] bool is_node(std::string_view id) const { return definition_.index.contains(id); }

  void error(const Template& where, std::string message, std::string hint) {
    problems_.error(Errc::reference, where.pointer, std::move(message), std::move(hint));
  }

  void imply(const Edge& edge) {
    if (listed_.insert(pair_of(edge)).second) definition_.implied.push_back(edge);
  }

  void check(std::string_view inner, const Template& where) {
    const auto name = split_reference(inner, [&](std::string_view id) { return is_node(id); });
    const auto node = definition_.index.find(name.source);
    const auto shown = "{{ " + std::string(inner) + " }}";
    if (name.has_dot && node != definition_.index.end()) return check_node(node->second, name.key, where);
    if (name.source == "prev") return check_previous(name, shown, where);
    if (name.source == "inputs") return check_input(name, shown, where);
    if (name.source == "item" || inner == "index") {
      if (!where.in_item)
        error(where, shown + " has a value in the 'input' of a node with 'for_each' only", std::string(kLiteralHint));
      return;
    }
    if (name.source == "index") return error(where, shown + ": 'index' is a number without keys", "write {{ index }}");
    if (is_node(inner))
      return error(where, shown + " names no key of the result", "write {{ " + std::string(inner) + ".output }}");
    auto hint = definition_.suggest_node(name.source, problems_);
    if (hint.empty()) hint = problems_.suggest(name.source, reserved_ids());
    error(where, shown + ": there is no node '" + std::string(name.source) + "'",
          hint.empty() ? std::string(kLiteralHint) : hint);
  }

  /// A reply that nothing goes on from is no turn of a conversation.
  void check_message(const NodeDefinition& asked, std::string_view key, const Template& where) {
    const auto& draft = asked.draft;
    const bool converses = draft.parameters.text().find("\"tools\"") != std::string::npos ||
                           (asked.input != nullptr && asked.input->is_object());
    if (draft.tool != "model_call" || converses || key.substr(0, key.find('.')) != "message") return;
    problems_.warning(where.pointer,
                      "'" + draft.id.str() + "' offers no tools and is no conversation: its result may have no message",
                      R"(write {"role": "assistant", "content": "{{ )" + draft.id.str() + R"(.output }}"})");
  }

  void check_node(AuthoredIndex source, std::string_view key, const Template& where) {
    const auto& asked = definition_.nodes[source];
    check_key(asked, key, where);
    check_message(asked, key, where);
    if (source == where.node) {
      return error(
          where, "node '" + asked.draft.id.str() + "' refers to its own result",
          asked.loop == kNone ? "" : "write {{ prev." + asked.draft.id.str() + ".output }} for the attempt before");
    }
    imply({source, where.node});
  }

  void check_key(const NodeDefinition& asked, std::string_view key, const Template& where) {
    const auto& keys = asked.for_each != nullptr ? map_result_keys() : result_keys(asked.draft.tool);
    const auto step = key.substr(0, key.find('.'));
    if (keys.empty() || std::find(keys.begin(), keys.end(), step) != keys.end()) return;
    auto hint = problems_.suggest(step, keys);
    if (hint.empty()) hint = "write " + one_of(keys);
    error(where,
          "the result of '" + asked.draft.id.str() + "' (" +
              (asked.for_each != nullptr ? "for_each" : asked.draft.tool) + ") has no key '" + std::string(step) + "'",
          std::move(hint));
  }

  void check_previous(const SourceAndKey& name, const std::string& shown, const Template& where) {
    const auto loop = definition_.nodes[where.node].loop;
    if (loop == kNone)
      return error(where, shown + ": 'prev' is the attempt before, and this node is in no loop",
                   std::string(kLiteralHint));
    const auto rest = split_reference(name.key, [&](std::string_view id) { return is_node(id); });
    const auto node = definition_.index.find(rest.source);
    if (!rest.has_dot || node == definition_.index.end()) {
      auto hint = definition_.suggest_node(rest.source, problems_);
      return error(where, shown + " names no result of the attempt before",
                   hint.empty() ? "write {{ prev.node.output }}" : std::move(hint));
    }
    const auto& asked = definition_.nodes[node->second];
    if (asked.loop != loop)
      return error(where, shown + ": '" + asked.draft.id.str() + "' is not in the body of the same loop",
                   "write {{ " + std::string(name.key) + " }}");
    check_key(asked, rest.key, where);
  }

  void check_input(const SourceAndKey& name, const std::string& shown, const Template& where) {
    const auto names = definition_.input_names();
    if (!name.has_dot) return error(where, shown + " names no input", "write {{ inputs.name }}");
    const auto is_declared = [&](std::string_view key) {
      return std::find(names.begin(), names.end(), key) != names.end();
    };
    const auto step = name.key.substr(0, name.key.find('.'));
    if (is_declared(name.key) || is_declared(step)) return;
    auto hint = problems_.suggest(step, names);
    error(where, shown + ": the workflow declares no input '" + std::string(step) + "'",
          hint.empty() ? "declare it under the top-level 'inputs'" : std::move(hint));
  }

  /// Parameters are never filled, which keeps results out of shell commands; a template there is most likely a mistake.
  void warn_of_literals(const NodeDefinition& node, const std::string& base) {
    if (node.draft.parameters.text().find("{{") == std::string::npos) return;
    const auto parameters = node.draft.parameters.value();
    visit_strings(parameters, [&](std::string_view text, const std::string& pointer) {
      for (const auto& reference : find_references(text)) {
        const auto inner = inner_text(text, reference);
        const auto name = split_reference(inner, [&](std::string_view id) { return is_node(id); });
        const auto& reserved = reserved_ids();
        const bool is_reserved = std::find(reserved.begin(), reserved.end(), name.source) != reserved.end();
        if (!is_node(name.source) && !is_reserved) continue;
        problems_.warning(base + "/parameters" + pointer,
                          "{{ " + std::string(inner) + " }} stays as it is: parameters are never filled",
                          node.draft.tool == "script_run" ? "put it into 'input', which the script reads on stdin"
                                                          : "put it into 'input'");
      }
    });
  }

  Definition& definition_;
  Problems& problems_;
  std::unordered_set<std::uint64_t> listed_;
};

}  // namespace

void check_references(Definition& definition, Problems& problems) {
  ReferenceChecker checker(definition, problems);
  for (AuthoredIndex index = 0; index < definition.nodes.size(); ++index) checker.check(index);
}

}  // namespace hillstar::workflow
