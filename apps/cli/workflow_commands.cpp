// SPDX-License-Identifier: Apache-2.0
// validate, graph, diagram: a workflow file without running it.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/commands.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/workflow_file.hpp"
#include "runtime/workflow/render.hpp"

namespace hillstar::cli {
namespace {

std::string hillstar_diagram(const workflow::Plan& plan) {
  return workflow::draw(plan, workflow::GraphFormat::hillstar);
}

}  // namespace

Result<Exit> validate_file(Context& context, const FileArgs& args) {
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(const auto loaded, load_workflow(args.file, {args.strict, *registry, context.environment}));
  const auto& compiled = loaded.compiled;
  auto& output = context.output;
  if (!show_diagnostics(output, compiled.diagnostics, args.file)) return Exit::invalid_workflow;
  const auto& plan = *compiled.plan;
  if (output.is_json()) {
    output.data(Json::of(boost::json::object{
        {"valid", true},
        {"file", args.file},
        {"id", plan.workflow.str()},
        {"description", compiled.description},
        {"nodes", compiled.authored_nodes},
        {"edges", compiled.authored_edges},
        {"planned_nodes", plan.nodes.size()},
        {"diagram", args.diagram ? boost::json::value(hillstar_diagram(plan)) : boost::json::value()},
        {"diagnostics", workflow::to_json(compiled.diagnostics, args.file).value()}}));
    return Exit::done;
  }
  output.data(output.paint_data(Tone::good, "Workflow is valid"));
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"  ID:", visible(plan.workflow.str())});
  rows.push_back({"  Description:", compiled.description.empty() ? "(none)" : one_line(compiled.description, 400)});
  rows.push_back({"  Nodes:", std::to_string(compiled.authored_nodes)});
  rows.push_back({"  Edges:", std::to_string(compiled.authored_edges)});
  if (plan.nodes.size() != compiled.authored_nodes)
    rows.push_back({"  Planned:", fmt::format("{} nodes with loops unrolled", plan.nodes.size())});
  if (!plan.inputs.empty()) {
    std::string names;
    for (const auto& input : plan.inputs)
      names += (names.empty() ? "" : ", ") + visible(input.name) + (input.fallback ? " (optional)" : "");
    rows.push_back({"  Inputs:", names});
  }
  const auto config = plan.model_config.value();
  if (const auto* object = config.if_object()) {
    for (const auto& [key, shown] : {std::pair{"mode", "  Mode:"}, std::pair{"preset", "  Preset:"}})
      if (const auto* value = object->if_contains(key); value != nullptr && value->is_string())
        rows.push_back({shown, one_line(std::string(value->get_string()), 60)});
  }
  for (const auto& line : table(rows)) output.data(line);
  if (args.diagram) output.bytes("\n" + hillstar_diagram(plan));
  return Exit::done;
}

Result<Exit> draw_diagram(Context& context, const FileArgs& args) {
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(const auto loaded, load_workflow(args.file, {args.strict, *registry, context.environment}));
  if (!show_diagnostics(context.output, loaded.compiled.diagnostics, args.file)) return Exit::invalid_workflow;
  const auto diagram = hillstar_diagram(*loaded.compiled.plan);
  if (context.output.is_json())
    context.output.data(Json::of(boost::json::object{{"file", args.file}, {"diagram", diagram}}));
  else
    context.output.bytes(diagram);
  return Exit::done;
}

Result<Exit> draw_graph(Context& context, const FileArgs& args) {
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(const auto loaded, load_workflow(args.file, {args.strict, *registry, context.environment}));
  auto& output = context.output;
  if (!show_diagnostics(output, loaded.compiled.diagnostics, args.file)) return Exit::invalid_workflow;
  const auto& plan = *loaded.compiled.plan;
  auto format = workflow::GraphFormat::mermaid;
  if (args.format == "json" || output.is_json())
    format = workflow::GraphFormat::json;
  else if (args.format == "dot")
    format = workflow::GraphFormat::dot;
  else if (args.format == "ascii" || args.format == "tree")
    format = workflow::GraphFormat::tree;
  output.bytes(workflow::draw(plan, format));
  return Exit::done;
}

}  // namespace hillstar::cli
