// SPDX-License-Identifier: Apache-2.0
// Nodes with tool `state`: what they ask of shared state, and whether each entry point lets them.
#include <algorithm>
#include <boost/json.hpp>

#include "runtime/state/request.hpp"
#include "runtime/workflow/definition_parts.hpp"
#include "runtime/workflow/state_fit.hpp"

namespace hillstar::workflow {

namespace bj = boost::json;

void read_state(const FieldReader& node) {
  for (const auto* name : {"cwd", "outputs", "provider", "model"}) {
    const auto at = node.place().key(name);
    if (node.find(name) != nullptr)
      node.problems().warning(at.pointer(), "'" + std::string(name) + "' has no effect on shared state");
  }
  static const bj::object kEmpty;
  const auto* value = node.find("parameters");
  if (value != nullptr && !value->is_object()) return;  // said already
  const auto at = node.place().key("parameters");
  const auto& object = value == nullptr ? kEmpty : value->get_object();
  const FieldReader parameters(object, at, node.problems());
  parameters.check_names(Section::state_parameters);
  std::vector<std::string> given;
  const auto* input = node.find("input");
  if (input != nullptr && input->is_object()) {
    for (const auto& [name, unused] : input->get_object()) given.emplace_back(name);
  } else if (input != nullptr && !input->is_null()) {
    given.emplace_back(state::input_member(state::op_of(bj::value(object))));
  }
  state::check_parameters(object, &given, [&](const state::Complaint& complaint) {
    node.problems().error(Errc::tool_parameters,
                          (value == nullptr ? node.place().pointer() : at.pointer()) + complaint.pointer,
                          complaint.message);
  });
  for (const auto& name : given) {
    const auto input_at = node.place().key("input");
    const auto& known = state::parameter_names();
    if (std::find(known.begin(), known.end(), name) == known.end() || name == "op" || name == "scope" ||
        name == "json" || name == "on_conflict")
      node.problems().error(Errc::tool_parameters, input_at.key(name).pointer(),
                            "the input of shared state has no member '" + name + "'",
                            "it may have key, value, expected_version, by and operations");
  }
}

void check_shared_state(const Definition& definition, Problems& problems) {
  for (std::size_t i = 0; i < definition.entry_points.size(); ++i) {
    const auto& entry = definition.entry_points[i];
    for (const auto& node : definition.nodes) {
      const auto input = node.input == nullptr ? Json() : Json::of(*node.input);
      const auto misfit = state_misfit(node.draft, input, {entry.isolation, true});
      if (!misfit) continue;
      const bool isolated = entry.isolation == Isolation::isolated;
      problems.error(Errc::workflow_invalid, isolated ? "/entry_points/" + std::to_string(i) : misfit->pointer,
                     misfit->message + " (entry point '" + entry.id + "')", misfit->hint);
      if (isolated) break;
    }
  }
}

}  // namespace hillstar::workflow
