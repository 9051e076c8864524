// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/attempt_command.hpp"

#include <unistd.h>

#include <iostream>

#include "actors/cluster_attempt.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/exit_codes.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/run_variables.hpp"

namespace hillstar::cli {
namespace {

Result<void> make(const std::string& folder) {
  HILLSTAR_TRY(const auto attempt, ClusterAttempt::open(absolute_path(folder)));
  const auto environment = attempt->environment(process_environment());
  // Keys that the person has in files hold here too: in .env, and in secrets.env of the home that machines share.
  HILLSTAR_TRY(const auto registry, load_registry(environment));
  HILLSTAR_TRY(
      auto variables,
      read_variables(environment, {attempt->workspace(), variable(environment, "HILLSTAR_ENV_FILE").value_or("")},
                     *registry));
  for (const auto& warning : variables.warnings) std::cerr << "warning: " << warning << '\n';
  const Interrupts interrupts([&](int) { attempt->stop(); });
  const auto job = variable(environment, "SLURM_JOB_ID").value_or("process " + std::to_string(::getpid()));
  return attempt->make(job, std::move(variables.environment));
}

}  // namespace

int make_attempt(const std::string& folder) {
  const auto done = make(folder);
  if (done) return static_cast<int>(Exit::done);
  std::cerr << to_string(done.error()) << '\n';
  return static_cast<int>(exit_of(done.error().code));
}

}  // namespace hillstar::cli
