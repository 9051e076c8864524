// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/project_table.hpp"

#include "apps/cli/migrate_command.hpp"
#include "apps/cli/project_commands.hpp"

namespace hillstar::cli {
namespace {

void add_json_view(Commands& commands) {
  auto [view, v] = commands.add<JsonViewArgs>("json-view", "Show the members of a JSON object", view_json);
  view->add_option("FILE", v->file, "the JSON file")->required();
  view->add_option("--key", v->key, "only this member")->type_name("K");
  view->add_flag("--lines", v->lines, "number the lines");
  view->add_flag("--summary", v->summary, "type, size and beginning of each member");
  view->add_flag("--raw", v->raw, "the file as it is");
  view->add_flag("--validate", v->validate, "say whether it is a JSON object, and no more");
  auto* args = v;
  view->add_option_function<std::vector<std::string>>(
          "--markdown",
          [args](const std::vector<std::string>& given) {
            args->markdown = true;
            if (!given.empty()) args->markdown_file = given.front();
          },
          "write it as Markdown; else outputs.md beside the file")
      ->expected(0, 1)
      ->type_name("PATH");
}

void add_execute_node(Commands& commands) {
  auto [node, n] = commands.add<ExecuteNodeArgs>(
      "execute-node", "Run one node of a workflow; what lies before it is taken over", execute_node);
  node->add_option("FILE", n->file, "the workflow")->required();
  node->add_option("NODE", n->node, "the node")->required();
  node->add_option("--from-run", n->from_run, "results of the nodes before: those of this run")->type_name("RUN");
  node->add_option("--set", n->edits, "a result of a node before, or a change of it; may be repeated")
      ->type_name("NODE.PATH=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  node->add_option("-p,--param", n->parameters, "an input of the workflow, name=value; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  node->add_option("--params-file", n->params_file, "inputs as one JSON object; -p wins");
  node->add_option("--allow-path", n->allow_paths, "a further folder that file tools may use; may be repeated")
      ->type_name("DIR")
      ->allow_extra_args(false)
      ->take_all();
  node->add_option("--env-file", n->env_file, "instead of the nearest .env; what is set already wins");
  node->add_flag("--strict", n->strict, "unknown fields are errors");
}

}  // namespace

void add_project_commands(Commands& commands) {
  auto [diagram, d] =
      commands.add<FileArgs>("diagram", "Draw a workflow file for Mermaid, as Hillstar's README does", draw_diagram);
  diagram->add_option("FILE", d->file, "the workflow")->required();

  auto [discover, f] =
      commands.add<FolderArgs>("discover", "List the workflow files below a folder", discover_workflows);
  discover->add_option("PATH", f->folder, "the folder")->capture_default_str();

  commands.add<FolderArgs>("presets", "List the presets by which models are chosen",
                           [](Context& context, const FolderArgs&) { return list_presets(context); });

  auto [init, i] = commands.add<FolderArgs>("project-init", "Make the folders of a project", init_project);
  init->add_option("PATH", i->folder, "the project")->capture_default_str();

  auto [migration, m] =
      commands.add<MigrateArgs>("migrate", "Say what files made for Hillstar will do here; changes nothing", migrate);
  migration->add_option("FILE", m->target, "a workflow, another file of Hillstar's, or a project's folder")->required();

  add_json_view(commands);
  add_execute_node(commands);
}

}  // namespace hillstar::cli
