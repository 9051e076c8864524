// SPDX-License-Identifier: Apache-2.0
// What is known about a commit that is about to be made: the repository, the marker, the store, the switches.
#pragma once

#include <string>

#include "apps/cli/commands.hpp"
#include "runtime/policy/governance.hpp"

namespace hillstar::cli {

struct GovernancePlaces {
  std::string project;   ///< Absolute.
  std::string hillstar;  ///< Absolute: policy, marker, log.

  [[nodiscard]] std::string policy_file() const;
  [[nodiscard]] std::string marker_file() const;
  [[nodiscard]] std::string dev_file() const;
  [[nodiscard]] std::string log_file() const;
};
/// An empty `hillstar_dir` is `.hillstar` in the project.
GovernancePlaces governance_places(const std::string& hillstar_dir, const std::string& project_dir);

/// The defaults if there is no file. Errors: permission_denied if it cannot be read or understood, policy_invalid if
/// what the policies say about runs cannot.
Result<policy::GovernancePolicy> load_governance_policy(const Context& context, const GovernancePlaces& places);

struct CommitSwitches {
  bool dev = false;
  bool hook = false;
};
/// Errors: what git says is wrong with the repository.
Result<policy::CommitFacts> gather_commit_facts(const Context& context, const GovernancePlaces& places,
                                                const CommitSwitches& switches);

/// Appends one line to the governance log: who passed without a run, when, by what, on which commit and with which
/// content. Errors: io, permission_denied.
Result<void> record_bypass(const Context& context, const GovernancePlaces& places, const policy::CommitFacts& facts,
                           const std::string& bypass);

}  // namespace hillstar::cli
