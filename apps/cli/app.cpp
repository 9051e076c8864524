// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/app.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstring>

#include "apps/cli/attempt_command.hpp"
#include "apps/cli/backup_commands.hpp"
#include "apps/cli/command_table.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/completion.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/gc_command.hpp"
#include "apps/cli/given_settings.hpp"
#include "apps/cli/governance_table.hpp"
#include "apps/cli/keyring_helper.hpp"
#include "apps/cli/list_commands.hpp"
#include "apps/cli/live_table.hpp"
#include "apps/cli/message_mask.hpp"
#include "apps/cli/operator_table.hpp"
#include "apps/cli/project_table.hpp"
#include "apps/cli/report_command.hpp"
#include "apps/cli/run_table.hpp"
#include "apps/cli/serve_table.hpp"
#include "apps/cli/server_option.hpp"
#include "apps/cli/state_commands.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/version.hpp"
#include "apps/cli/why_command.hpp"

namespace hillstar::cli {
namespace {

struct Global {
  OutputOptions output;
  std::string format = "text";
  std::string store = ".hillstar/store";
  std::string server;
  bool yes = false;
};

constexpr const char* kRunHelp = "a unique start of a run id, a workflow id (its latest run), or 'latest'";

void add_control(Commands& commands) {
  auto [resume, r] = commands.add<ResumeArgs>(
      "resume", "Go on with a run that is paused, interrupted, failed or cancelled", resume_run);
  resume->add_option("RUN", r->run, kRunHelp)->capture_default_str();
  resume->add_option("--settle", r->settle, "what to do about an attempt that may or may not have run")
      ->type_name("NODE=run-again|failed");
  resume->add_option("--reason", r->reason, "why; recorded");
  resume->add_option("--budget", r->budget, "what a paused run may cost from now on, in all")->type_name("USD");

  auto [cancel, c] = commands.add<AnswerArgs>("cancel", "Stop a run for good", cancel_run);
  cancel->add_option("RUN", c->run, kRunHelp)->required();
  cancel->add_option("--reason", c->reason, "why; recorded");

  for (const bool yes : {true, false}) {
    auto [answer, a] = commands.add<AnswerArgs>(
        yes ? "approve" : "reject",
        yes ? "Let a node run that waits for approval" : "Refuse a node that waits for approval", answer_approval);
    a->yes = yes;
    answer->add_option("RUN", a->run, kRunHelp)->required();
    answer->add_option("NODE", a->node, "the node")->required();
    answer->add_option("--reason", a->reason, "why; recorded");
  }

  auto [fork, f] = commands.add<ForkArgs>("fork", "Start a new run from a point of an old one", fork_run);
  fork->add_option("RUN", f->run, kRunHelp)->required();
  fork->add_option("--from", f->from, "the node to run again with all that depends on it, or an event number")
      ->required()
      ->type_name("NODE|SEQ");
  fork->add_option("--set", f->edits, "change a result that is taken over; may be repeated")
      ->type_name("NODE.PATH=VALUE")
      ->allow_extra_args(false)
      ->take_all();
}

Result<Exit> show_run_or_call(Context& context, const ShowArgs& args) {
  if (args.rules) return show_rules(context, args.run);
  const bool call = !args.node.empty() || args.request || args.reply || args.attempt != 0;
  return call ? show_call(context, args) : show_run(context, args.run);
}

void add_inspect(Commands& commands) {
  auto [show, s] =
      commands.add<ShowArgs>("show", "Show a run and its nodes, or one of its model calls", show_run_or_call);
  show->add_option("RUN", s->run, kRunHelp)->capture_default_str();
  show->add_option("--node", s->node, "only this node; an item of a map as node[3]")->type_name("NODE");
  show->add_flag("--request", s->request, "what was sent to the model, secrets masked");
  show->add_flag("--reply", s->reply, "what came back");
  show->add_flag("--rules", s->rules, "the rules that held for the run");
  show->add_option("--attempt", s->attempt, "instead of the last attempt")->type_name("N");

  auto [why, w] = commands.add<WhyArgs>("why", "Say why a run or a node is as it is, and what to do next", explain_why);
  why->add_option("RUN", w->run, kRunHelp)->capture_default_str();
  why->add_option("NODE", w->node, "instead of the run; an item of a map as node[3]");

  auto [events, e] = commands.add<EventsArgs>("events", "Print a run's history", show_events);
  events->add_option("RUN", e->run, kRunHelp)->capture_default_str();
  events->add_flag("-f,--follow", e->follow, "go on until the run ends");
  events->add_option("--from", e->from, "first event")->capture_default_str()->type_name("N");

  auto [logs, g] = commands.add<NodeArgs>("logs", "Print what happened, with the nodes' output", show_logs);
  logs->add_option("RUN", g->run, kRunHelp)->capture_default_str();
  logs->add_option("NODE", g->node, "only this node");

  auto [result, t] = commands.add<ResultArgs>("result", "Print what a run or a node produced", show_result);
  result->add_option("RUN", t->run, kRunHelp)->capture_default_str();
  result->add_option("NODE", t->node, "instead of the run's last nodes");
  result->add_flag("--wait", t->wait, "once the run has ended");
  result->add_option("--key", t->key, "one member of the result, such as return_code");
  result->add_flag("--raw", t->raw, "the exact bytes, nothing added");
}

Result<Exit> replay_any(Context& context, const ReplayArgs& args) {
  if (args.offline) return replay_offline_run(context, args);
  return args.live ? replay_live_run(context, args) : replay_runs(context, args);
}

void add_audit(Commands& commands) {
  auto [replay, r] = commands.add<ReplayArgs>(
      "replay", "Fold a history again and compare with what is stored, or make the run again", replay_any);
  auto* run = replay->add_option("RUN", r->run, kRunHelp)->capture_default_str();
  auto* all = replay->add_flag("--all", r->all, "every run of the store")->excludes(run);
  auto* offline =
      replay->add_flag("--offline", r->offline, "make the run again: nothing is sent, models answer as recorded");
  auto* tools =
      replay->add_flag("--run-tools", r->run_tools, "with --offline: tools really run, in a copy of the workspace");
  replay->add_option("--workspace", r->workspace, "with --run-tools: in this folder instead")
      ->needs(tools)
      ->type_name("DIR");
  auto* live = replay->add_flag("--live", r->live, "make the run again: models are asked again, which may cost money");
  replay->add_flag("--diff", r->diff, "with --live: show what changed in the texts")->needs(live);
  replay->add_option("--env-file", r->env_file, "instead of the nearest .env; what is set already wins");
  tools->needs(offline);
  offline->excludes(all)->excludes(live);
  live->excludes(all);

  auto [exporter, e] =
      commands.add<ExportArgs>("export", "Write a run's files again, or its history as JSON lines", export_files);
  exporter->add_option("RUN", e->run, kRunHelp)->capture_default_str();
  exporter->add_option("--dir", e->folder, "folder of traces, logs and checkpoints")->capture_default_str();
  auto* jsonl = exporter->add_flag("--jsonl", e->jsonl, "the history with its hash chain, to stdout");
  exporter->add_flag("--otlp", e->otlp, "the trace as OTLP (JSON), to stdout; a request a line")->excludes(jsonl);

  auto [report, p] =
      commands.add<ReportArgs>("report", "Tell a run as a document: Markdown, or one HTML page", report_run);
  report->add_option("RUN", p->run, kRunHelp)->capture_default_str();
  report->add_option("--format", p->format, "markdown or html; else as the file's name ends")
      ->check(CLI::IsMember({"markdown", "html"}))
      ->type_name("FORMAT");
  report->add_option("--to", p->file, "write it there, in one step; else to stdout")->type_name("FILE");

  auto [check, v] =
      commands.add<FileArgs>("verify", "Check hash chains: of an export, of a run, or of the whole store",
                             [](Context& context, const FileArgs& args) { return verify(context, args.file); });
  check->add_option("WHAT", v->file, "an export (.jsonl) or a run; nothing: the store");

  commands.add<FileArgs>("repair", "Open a damaged store as far as it can be read",
                         [](Context& context, const FileArgs&) { return repair_store(context); });
}

void add_workflow(Commands& commands) {
  auto [validate, v] = commands.add<FileArgs>("validate", "Check a workflow file", validate_file);
  validate->add_option("FILE", v->file, "the workflow")->required();
  validate->add_flag("--strict", v->strict, "unknown fields are errors");
  validate->add_flag("--diagram", v->diagram, "print its diagram, too; see `diagram`");

  auto [graph, g] = commands.add<FileArgs>("graph", "Draw a workflow file", draw_graph);
  graph->add_option("FILE", g->file, "the workflow")->required();
  graph->add_option("--format", g->format, "how")
      ->check(CLI::IsMember({"mermaid", "dot", "json", "tree", "ascii"}))
      ->capture_default_str()
      ->type_name("FORMAT");
}

void add_models(Commands& commands) {
  auto [plan, p] =
      commands.add<RunArgs>("plan", "Show which models a workflow would ask, why, and what it may cost", plan_file);
  plan->add_option("FILE", p->file, "the workflow")->required();
  plan->add_option("-p,--param", p->parameters, "an input of the workflow, name=value; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  plan->add_option("--params-file", p->params_file, "inputs as one JSON object; -p wins");
  plan->add_option("--env-file", p->env_file, "instead of the nearest .env; what is set already wins");
  plan->add_flag("--strict", p->strict, "unknown fields are errors");

  auto [providers, q] = commands.add<ProviderArgs>(
      "providers", "Known providers: what they are, whether they answer, what was used", show_providers);
  providers->add_option("WHAT", q->what, "ls, models, test or usage")
      ->check(CLI::IsMember({"ls", "models", "test", "usage"}))
      ->capture_default_str();
  providers->add_option("PROVIDER", q->names, "only these");
  providers->add_option("--model", q->model, "test: does it have this one?")->type_name("M");
  providers->add_flag("--call", q->call, "test: ask it for a word, which may cost money");
  providers->add_option("--since", q->since, "usage: today, a number of days, or a day")
      ->type_name("7d|DAY")
      ->capture_default_str();
}

/// The words that an argument may be, as its type says them: `TEXT:{check,status}`.
std::vector<std::string> choices_of(const CLI::Option& argument) {
  const auto type = argument.get_type_name();
  const auto open = type.find('{');
  const auto close = type.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

/// What the shells complete, from the table itself.
std::vector<CommandWords> words_of(const CLI::App& app) {
  std::vector<CommandWords> all;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    CommandWords words{
        command->get_name(), command->get_description(), {}, operator_choices(command->get_name()), false};
    for (const auto* option : command->get_options()) {
      if (option->get_positional()) {
        constexpr std::array<std::string_view, 4> kFiles{"FILE", "WHAT", "TARGET", "PATH"};
        const auto choices = choices_of(*option);
        if (words.choices.empty()) words.choices = choices;
        const bool is_file = std::find(kFiles.begin(), kFiles.end(), option->get_name()) != kFiles.end();
        words.takes_file = words.takes_file || (is_file && choices.empty());
        continue;
      }
      for (const auto& name : option->get_lnames())
        words.options.push_back({"--" + name, option->get_description(), option->get_items_expected_max() > 0});
    }
    if (words.name == "completion") words.choices = {"bash", "zsh", "fish"};  // its type is not shown
    all.push_back(std::move(words));
  }
  return all;
}

void add_setup(Commands& commands, const CLI::App& app) {
  auto [explain, e] =
      commands.add<FileArgs>("explain", "Print the page about an error number",
                             [](Context& context, const FileArgs& args) { return explain_error(context, args.file); });
  explain->add_option("NUMBER", e->file, "such as HS112")->required();

  commands.add<FileArgs>("version", "Print the version",
                         [](Context& context, const FileArgs&) { return show_version(context); });

  auto [completion, c] = commands.add<FileArgs>("completion", "Print a completion script for a shell",
                                                [&app](Context& context, const FileArgs& args) -> Result<Exit> {
                                                  context.output.bytes(completion_script(args.format, words_of(app)));
                                                  return Exit::done;
                                                });
  completion->add_option("SHELL", c->format, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("");
}

void add_global(CLI::App& app, Global& global) {
  app.add_option("-o,--output", global.format, "how data is printed: text, json or jsonl")
      ->check(CLI::IsMember({"text", "json", "jsonl"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  app.add_option("--store", global.store, "folder of the store; else HILLSTAR_STORE, else .hillstar/store")
      ->type_name("DIR");
  app.add_option("--server", global.server, "ask a service in place of a store; else HILLSTAR_SERVER")
      ->type_name("URL");
  app.add_flag("--no-color", global.output.no_color, "no colours; as is with NO_COLOR set");
  app.add_flag("-q,--quiet", global.output.quiet, "say only what a person must know");
  app.add_flag("-v,--verbose", global.output.verbose, "say more: the nodes' output as it comes");
  app.add_flag("-y,--yes", global.yes, "do not ask");
}

/// What is wrong with the settings stops every command but those that help to mend it.
Result<void> settle(CLI::App& app, Configuration& configuration, Output& output) {
  constexpr std::array<std::string_view, 5> kMenders{"config", "completion", "doctor", "explain", "version"};
  const auto given = app.get_subcommands();
  const bool mends =
      given.empty() || std::find(kMenders.begin(), kMenders.end(), given.front()->get_name()) != kMenders.end();
  if (!configuration.errors.empty() && !mends) return configuration.errors.front();
  for (const auto& warning : configuration.warnings) output.warn("warning: " + visible(warning));
  return {};
}

int finish(Output& output, const Result<Exit>& result) {
  Exit exit = Exit::done;
  if (result) {
    exit = *result;
  } else {
    output.error(result.error());
    exit = exit_of(result.error().code);
  }
  // Data that did not arrive must not look like success; a reader that went away is its own business.
  if (output.write_error() != 0) {
    output.warn(std::string("error: stdout cannot be written: ") + std::strerror(output.write_error()));
    if (exit == Exit::done) exit = Exit::storage;
  }
  return static_cast<int>(exit);
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  if (argc == 2 && argv[1] == kKeyringHelper) return keyring_helper();
  if (argc == 3 && argv[1] == kAttemptCommand) return make_attempt(argv[2]);
  CLI::App app{"Durable, auditable workflow runs. Data goes to stdout, talk to stderr.", "hillstar-actors"};
  app.set_version_flag("--version", std::string(engine_name()));
  app.require_subcommand(0, 1);
  app.footer(
      "Exit codes: 0 done, 1 run failed, 2 usage, 3 invalid workflow, 4 not found, 5 wrong state, 6 refused,\n"
      "7 budget exhausted, 8 waits for a person, 9 integrity, 10 host unreachable, 11 cancelled, 70 bug,\n"
      "71 system limit, 74 storage, 124 timeout, 130/143 interrupted (resumable).\n"
      "`hillstar-actors explain HS112` explains an error.");
  Global global;
  Action chosen;
  Commands commands(app, chosen);
  add_global(app, global);
  add_run(commands);
  add_control(commands);
  add_live(commands);
  add_serve(commands);
  add_lists(commands);
  add_inspect(commands);
  add_audit(commands);
  add_backup_commands(commands);
  add_gc(commands);
  add_workflow(commands);
  add_models(commands);
  add_governance(commands);
  add_project_commands(commands);
  add_setup(commands, app);
  const auto folder = current_folder();
  auto configuration = read_configuration(process_environment(), folder ? *folder : std::string());
  add_operator_commands(commands, configuration);

  StoreChoice choice;
  try {
    app.parse(argc, argv);
    choice.folder_given = app.get_option("--store")->count() > 0;
    hand_to_options(app, configuration);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);  // --help, --version
  } catch (const CLI::ParseError& wrong) {
    Output output(OutputOptions{});
    output.mask_with(message_mask(process_environment()));
    output.error(Error{Errc::usage,
                       std::string(wrong.what()) + ".",
                       {},
                       "`hillstar-actors --help` and `hillstar-actors COMMAND --help` list what there is."});
    return static_cast<int>(Exit::usage);
  }
  export_settings(configuration);
  global.output.format = global.format == "json"    ? Format::json
                         : global.format == "jsonl" ? Format::jsonl
                                                    : Format::text;
  Output output(global.output);
  output.mask_with(message_mask(process_environment()));
  if (!chosen) {
    output.bytes(app.help());
    return static_cast<int>(Exit::done);
  }
  if (const auto settled = settle(app, configuration, output); !settled) return finish(output, settled.error());
  const SystemClock clock;
  const auto command = app.get_subcommands().front()->get_name();
  choice.folder = global.store;
  choice.server = global.server;
  const auto store = place_of_store(choice, command, process_environment());
  if (!store) return finish(output, store.error());
  Context context{output, clock, *store, process_environment(), global.yes};
  return finish(output, chosen(context));
}

}  // namespace hillstar::cli
