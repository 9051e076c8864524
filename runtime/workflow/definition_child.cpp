// SPDX-License-Identifier: Apache-2.0
// Nodes that run another workflow: `workflow_run`. The file itself is read by whoever compiles: children.hpp.
#include <boost/json.hpp>
#include <utility>

#include "runtime/workflow/definition_parts.hpp"

namespace hillstar::workflow {
namespace {

constexpr std::size_t kFileNameBytesMax = 1024;

void check_file(const FieldReader& parameters) {
  const auto file = parameters.string("workflow");
  if (!file || file->empty()) return;
  const auto at = parameters.place().key("workflow");
  if (file->front() == '/')
    parameters.problems().error(Errc::tool_parameters, at.pointer(), "expected a path from the folder of this file",
                                "an absolute one would not move with it");
  else if (file->size() > kFileNameBytesMax || file->find('\0') != std::string::npos)
    parameters.problems().error(Errc::tool_parameters, at.pointer(), "expected the path of a file");
}

}  // namespace

void read_workflow_run(const FieldReader& node, PlanNode& draft) {
  for (const auto* name : {"cwd", "provider", "model", "effect"}) {
    const auto at = node.place().key(name);
    if (node.find(name) != nullptr)
      node.problems().warning(
          at.pointer(),
          "'" + std::string(name) + "' has no effect here: the nodes of the workflow " + "that is run have their own");
  }
  // What may happen twice say the nodes of the run; the same attempt is always the same run.
  draft.effect = Effect::repeatable;
  const auto* input = node.find("input");
  if (const auto at = node.place().key("input"); input != nullptr && !input->is_null() && !input->is_object())
    node.problems().error(Errc::json_type, at.pointer(),
                          "expected an object of the workflow's inputs, found " + kind_of(*input),
                          "such as {\"name\": \"{{ node.output }}\"}");
  const auto* object = node.find("parameters");
  if (object == nullptr || !object->is_object()) return;
  const auto at = node.place().key("parameters");
  const FieldReader parameters(object->get_object(), at, node.problems());
  parameters.check_names(Section::workflow_parameters);
  check_file(parameters);
}

}  // namespace hillstar::workflow
