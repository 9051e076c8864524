// SPDX-License-Identifier: Apache-2.0
// May this be committed? A policy, the marker of a run that completed, and what is known about both. Pure.
//
// docs/guides/commit_governance.md describes it to people.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar::policy {

inline constexpr std::string_view kGovernancePolicyFile = "governance_policy.json";
/// Patterns in one list of a policy.
inline constexpr std::size_t kGovernancePatternsMax = 1'000;

/// What one policy file says about commits.
struct GovernanceText {
  std::string file;
  std::optional<std::int64_t> max_age_seconds = {};
  std::optional<bool> allow_force_override = {};
  std::optional<bool> allow_dev_mode = {};
  std::optional<bool> require_workflow_id = {};
  std::optional<bool> require_record = {};
  std::optional<std::vector<std::string>> blocked_patterns = {};
  std::optional<std::vector<std::string>> exempt_patterns = {};
};
/// Errors: permission_denied, with `file:line:column` and JSON pointer of every problem and what was expected. A policy
/// that cannot be understood forbids everything: nobody knows what it would have allowed.
Result<GovernanceText> read_governance_policy(std::string text, const std::string& file);

/// What holds; the values here are those where no file says anything.
struct GovernancePolicy {
  std::int64_t max_age_seconds = 3'600;
  bool allow_force_override = true;
  bool allow_dev_mode = true;
  bool require_workflow_id = true;
  bool require_record = false;  ///< The run must be in the store, with the hash that the marker says.
  std::vector<std::string> blocked_patterns;
  std::vector<std::string> exempt_patterns{"*.log", "*.md", "*.txt"};
  std::vector<std::vector<std::string>> exempt_limits;  ///< A path is exempt only if it fits each of these lists, too.
  std::map<std::string, std::string, std::less<>> stated_by;  ///< Rule -> the file whose word holds.
};
/// The strictest of what the files say; the last one names what is exempt, within what the others exempt.
GovernancePolicy governance_policy(const std::vector<GovernanceText>& texts);

/// The paths of a commit that need a run: those of `blocked_patterns`, and all others but those of `exempt_patterns`.
/// The policy itself always does.
std::vector<std::string> governed_paths(const GovernancePolicy& policy, const std::vector<std::string>& paths);

/// `commit_ready.json`.
struct CommitMarker {
  std::string workflow_id;
  std::string workflow_file;  ///< As typed; relative to the workspace.
  std::string workspace;
  std::string workflow_sha256;
  std::string executed_at;
  std::string run;
  std::uint64_t seq = 0;
  std::uint64_t nodes_executed = 0;
  std::uint64_t nodes_given = 0;          ///< Results that no run made: from a checkpoint file, or changed by hand.
  std::string chain;                      ///< Hex hash of the run's last record.
  std::optional<std::string> git_folder;  ///< Nothing: the workspace was in no repository.
  std::string head;                       ///< Empty: before the first commit.
  std::string git_error;                  ///< Why nothing is known of the repository.
};
/// Errors: json_type and those of json::parse; nothing that is missing is one.
Result<CommitMarker> read_commit_marker(std::string_view text);

/// ISO 8601 with seconds, a fraction or none, and `Z`, an offset or nothing, which is UTC. Nothing if it is none.
std::optional<UtcTime> parse_iso_time(std::string_view text);

enum class RecordFinding {
  not_looked,  ///< There is no store, or it cannot be read.
  fits,
  differs,
  unknown_run,
};

/// What is known when a commit is about to be made.
struct CommitFacts {
  UtcTime now;
  bool dev_flag = false;       ///< --dev
  std::string dev_variable;    ///< HILLSTAR_DEV_MODE, as it is.
  bool dev_file = false;       ///< `mode dev`
  std::string force_variable;  ///< HILLSTAR_FORCE_COMMIT, as it is.
  bool is_hook = false;        ///< A commit without changes needs no run; a person who asks wants to know.
  std::string policy_file;     ///< For messages.
  std::string marker_file;     ///< For messages.
  std::optional<CommitMarker> marker;
  std::string marker_problem;             ///< Why it cannot be read.
  std::optional<std::string> git_folder;  ///< Nothing: no repository.
  std::string head;
  std::vector<std::string> paths;              ///< What differs between HEAD and the index.
  std::optional<std::string> workflow_sha256;  ///< Of the file as it is now; nothing: it cannot be read.
  std::optional<std::string> committed_since;  ///< A commit that was made on top of the marker's since the run ended.
  RecordFinding record = RecordFinding::not_looked;
  std::string record_note;  ///< Why not looked at.
};

struct CommitVerdict {
  bool compliant = false;
  std::string reason;  ///< One or two sentences: which rule, and what is.
  std::string rule;    ///< Such as `max_age_seconds`: a key of the policy, or a word of ours.
  std::string hint;    ///< What to do, and who may change the rule; empty if compliant.
  std::string bypass;  ///< What let it pass without a run, to be recorded; empty otherwise.
};
CommitVerdict judge_commit(const GovernancePolicy& policy, const CommitFacts& facts);

}  // namespace hillstar::policy
