// SPDX-License-Identifier: Apache-2.0
// One function per command; app.cpp is a table of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/exit_codes.hpp"
#include "apps/cli/output.hpp"
#include "messages/error.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::cli {

/// What every command is given.
struct Context {
  Output& output;
  const Clock& clock;
  std::string store;                     ///< Folder of the store, absolute.
  std::vector<std::string> environment;  ///< `NAME=value`.
  bool yes = false;                      ///< -y: do not ask.
};

struct RunArgs {
  std::string file;
  std::string output_dir = ".hillstar";
  std::string resume_from;
  std::vector<std::string> parameters;  ///< `name=value`.
  std::string params_file;
  std::vector<std::string> allow_paths;
  std::uint32_t max_concurrency = 0;  ///< 0: as the workflow says.
  std::string priority;               ///< low, normal, high, or 1 to 100; empty: normal.
  bool ephemeral = false;
  bool air_gapped = false;
  bool strict = false;
  std::string env_file;
  std::string timeout;              ///< As typed; empty: none.
  std::vector<std::string> labels;  ///< `name=value`.
  std::string correlation;
  std::string isolation;  ///< isolated, shared, synchronized; empty: isolated.
  std::string state_of;   ///< The stream whose state it shares; empty: none.
  std::string workers;    ///< As serve's, as the next two.
  std::string workers_identity;
  std::string worker_lost_after = "10s";
};
struct ResumeArgs {
  std::string run = "latest";
  std::string settle;  ///< `NODE=run-again` or `NODE=failed`.
  std::string reason;
  std::string budget;  ///< US dollars, as typed; empty: as before.
};
struct ForkArgs {
  std::string run;
  std::string from;
  std::vector<std::string> edits;
};
/// approve, reject and cancel.
struct AnswerArgs {
  std::string run;
  std::string node;
  std::string reason;
  bool yes = false;
};
struct EventsArgs {
  std::string run = "latest";
  bool follow = false;
  std::uint64_t from = 1;
};
struct ResultArgs {
  std::string run = "latest";
  std::string node;
  std::string key;
  bool raw = false;
  bool wait = false;  ///< Until the run has ended.
};
struct ShowArgs {
  std::string run = "latest";
  std::string node;
  std::uint32_t attempt = 0;  ///< 0: the last one that was recorded.
  bool request = false;
  bool reply = false;
  bool rules = false;  ///< Those that held for the run.
};
struct NodeArgs {
  std::string run = "latest";
  std::string node;
};
struct ReplayArgs {
  std::string run = "latest";
  bool all = false;
  bool offline = false;    ///< Make the run again, models answered from what was kept.
  bool run_tools = false;  ///< With it: tools really run,
  std::string workspace;   ///< here; empty: in a copy of the run's workspace.
  bool live = false;       ///< Make the run again, models asked again.
  bool diff = false;       ///< With it: show what changed in the texts.
  std::string env_file;
};
struct ExportArgs {
  std::string run = "latest";
  std::string folder = ".hillstar";
  bool jsonl = false;
  bool otlp = false;  ///< The trace of the run, as a collector gets it.
};
struct FileArgs {
  std::string file;
  bool strict = false;
  std::string format = "mermaid";
  bool diagram = false;  ///< validate: draw it, too.
};

/// providers ls, models, test, usage.
struct ProviderArgs {
  std::string what = "ls";
  std::vector<std::string> names;  ///< Empty: all.
  std::string model;               ///< test: the one that is wanted.
  bool call = false;               ///< test: ask it a word, which may cost money.
  std::string since = "7d";        ///< usage.
};

Result<Exit> run_workflow(Context& context, const RunArgs& args);
Result<Exit> resume_run(Context& context, const ResumeArgs& args);
Result<Exit> fork_run(Context& context, const ForkArgs& args);
Result<Exit> cancel_run(Context& context, const AnswerArgs& args);
Result<Exit> answer_approval(Context& context, const AnswerArgs& args);

Result<Exit> show_run(Context& context, const std::string& run);
Result<Exit> show_call(Context& context, const ShowArgs& args);
Result<Exit> show_rules(Context& context, const std::string& run);
Result<Exit> show_events(Context& context, const EventsArgs& args);
Result<Exit> show_logs(Context& context, const NodeArgs& args);
Result<Exit> show_result(Context& context, const ResultArgs& args);

/// Folds histories again, which is what `replay` does unless it is told to make the run again.
Result<Exit> replay_runs(Context& context, const ReplayArgs& args);
Result<Exit> replay_offline_run(Context& context, const ReplayArgs& args);
Result<Exit> replay_live_run(Context& context, const ReplayArgs& args);
Result<Exit> export_files(Context& context, const ExportArgs& args);
Result<Exit> verify(Context& context, const std::string& file_or_run);
Result<Exit> repair_store(Context& context);

Result<Exit> validate_file(Context& context, const FileArgs& args);
Result<Exit> draw_graph(Context& context, const FileArgs& args);
/// As Hillstar's README draws it.
Result<Exit> draw_diagram(Context& context, const FileArgs& args);
Result<Exit> plan_file(Context& context, const RunArgs& args);
/// All four; the last two are functions of their own.
Result<Exit> show_providers(Context& context, const ProviderArgs& args);
Result<Exit> test_providers(Context& context, const ProviderArgs& args);
Result<Exit> show_usage(Context& context, const ProviderArgs& args);

Result<Exit> explain_error(Context& context, const std::string& number);
Result<Exit> show_version(Context& context);
Result<Exit> print_completion(Context& context, const std::string& shell);

}  // namespace hillstar::cli
