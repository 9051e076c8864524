// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/run_table.hpp"

#include "apps/cli/command_table.hpp"
#include "apps/cli/state_commands.hpp"
#include "apps/cli/worker_commands.hpp"

namespace hillstar::cli {

void add_run(Commands& commands) {
  auto [run, args] = commands.add<RunArgs>("run", "Run a workflow file", run_workflow);
  run->alias("execute");
  run->add_option("FILE", args->file, "the workflow")->required();
  run->add_option("OUTPUT_DIR", args->output_dir, "folder of traces, logs and checkpoints")->capture_default_str();
  run->add_option("-p,--param", args->parameters, "an input of the workflow, name=value; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  run->add_option("--params-file", args->params_file, "inputs as one JSON object; -p wins");
  run->add_option("--resume-from", args->resume_from, "start from a checkpoint: its file, or its node")->type_name("X");
  run->add_option("--allow-path", args->allow_paths, "a further folder that file tools may use; may be repeated")
      ->type_name("DIR")
      ->allow_extra_args(false)
      ->take_all();
  run->add_option("--max-concurrency", args->max_concurrency, "attempts in flight, instead of the workflow's")
      ->check(CLI::Range(1U, 1'000'000U))
      ->type_name("N");
  run->add_option("--priority", args->priority,
                  "turns of its model calls, against other runs: low, normal, high, 1..100")
      ->type_name("P");
  run->add_option("--timeout", args->timeout, "it must have ended after so long, such as 30s, 5m, 2h, 1d; then 124")
      ->type_name("TIME");
  run->add_option("--label", args->labels, "a label, for lists; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  run->add_option("--correlation", args->correlation, "ties it to other runs and systems")->type_name("ID");
  add_isolation(*run, *args);
  add_places(*run, *args);
  run->add_option("--env-file", args->env_file, "instead of the nearest .env; what is set already wins");
  run->add_flag("--air-gapped", args->air_gapped, "reach declared endpoints only; scripts have no network");
  run->add_flag("--ephemeral", args->ephemeral, "keep the history in memory only");
  run->add_flag("--strict", args->strict, "unknown fields are errors");
}

}  // namespace hillstar::cli
