// SPDX-License-Identifier: Apache-2.0
// judge_commit: one rule after the other, the first that objects decides.
#include "runtime/policy/governance.hpp"

#include <algorithm>

#include "runtime/policy/path_patterns.hpp"

namespace hillstar::policy {
namespace {

constexpr std::size_t kPathsNamed = 3;
constexpr std::size_t kShortId = 12;

std::string short_id(const std::string& id) { return id.empty() ? "no commit" : id.substr(0, kShortId); }

std::string named(const std::vector<std::string>& paths) {
  std::string text;
  for (std::size_t i = 0; i < paths.size() && i < kPathsNamed; ++i) text += (i == 0 ? "" : ", ") + paths[i];
  if (paths.size() > kPathsNamed) text += " and " + std::to_string(paths.size() - kPathsNamed) + " more";
  return text;
}

/// Collects what all verdicts share.
class Judge {
 public:
  Judge(const GovernancePolicy& policy, const CommitFacts& facts) : policy_(policy), facts_(facts) {}

  CommitVerdict judge() {
    if (auto bypass = dev_bypass(); !bypass.empty()) {
      if (policy_.allow_dev_mode)
        return passed("Development mode active (" + bypass + "): no run is asked for.", "allow_dev_mode", bypass);
      note_ = " Development mode (" + bypass + ") does not count: " + who_says("allow_dev_mode");
    }
    if (facts_.force_variable == "1") {
      if (policy_.allow_force_override)
        return passed("Forced by HILLSTAR_FORCE_COMMIT=1: no run is asked for.", "allow_force_override",
                      "HILLSTAR_FORCE_COMMIT=1");
      note_ += " HILLSTAR_FORCE_COMMIT does not count: " + who_says("allow_force_override");
    } else if (!facts_.force_variable.empty()) {
      note_ += " HILLSTAR_FORCE_COMMIT is '" + facts_.force_variable + "'; only 1 counts.";
    }
    const auto governed = governed_paths(policy_, facts_.paths);
    if (governed.empty() && (facts_.is_hook || !facts_.paths.empty()))
      return passed(facts_.paths.empty()
                        ? "Nothing is staged that differs from HEAD: no run is needed."
                        : "Only exempt paths are staged (" + named(facts_.paths) + "): no run is needed.",
                    "exempt_patterns", {});
    if (auto verdict = judge_marker()) return *verdict;
    if (auto verdict = judge_place()) return *verdict;
    if (auto verdict = judge_record()) return *verdict;
    const auto& marker = *facts_.marker;
    auto reason = "Workflow '" + marker.workflow_id + "' (" + marker.workflow_file + ") completed " +
                  std::to_string(age_ / 1'000'000) + " s ago as run " + marker.run + ".";
    if (facts_.record != RecordFinding::fits) reason += " Its record was not looked at: " + facts_.record_note + ".";
    return passed(reason, "run", {});
  }

 private:
  [[nodiscard]] std::string dev_bypass() {
    if (facts_.dev_flag) return "--dev";
    if (facts_.dev_variable == "1") return "HILLSTAR_DEV_MODE=1";
    if (!facts_.dev_variable.empty()) note_ += " HILLSTAR_DEV_MODE is '" + facts_.dev_variable + "'; only 1 counts.";
    return facts_.dev_file ? "mode dev" : "";
  }

  static CommitVerdict passed(std::string reason, std::string rule, std::string bypass) {
    return {true, std::move(reason), std::move(rule), {}, std::move(bypass)};
  }

  [[nodiscard]] const std::string& file_of(std::string_view rule) const {
    const auto stated = policy_.stated_by.find(rule);
    return stated == policy_.stated_by.end() ? facts_.policy_file : stated->second;
  }
  [[nodiscard]] std::string who_says(const std::string& rule) const {
    return file_of(rule) + " says \"" + rule + "\": false.";
  }
  [[nodiscard]] CommitVerdict refused(const std::string& reason, const std::string& rule,
                                      const std::string& mend) const {
    return {false,
            reason + note_,
            rule,
            mend + " The rule is '" + rule + "'; who may write " + file_of(rule) + " may change the policy.",
            {}};
  }
  [[nodiscard]] CommitVerdict run_again(const std::string& reason, const std::string& rule) const {
    const bool is_named = facts_.marker && !facts_.marker->workflow_file.empty();
    return refused(reason, rule,
                   is_named ? "Run it again: `hillstar-actors run " + facts_.marker->workflow_file + "`."
                            : "Run a workflow: `hillstar-actors run FILE`.");
  }

  std::optional<CommitVerdict> judge_marker() {
    if (!facts_.marker_problem.empty())
      return run_again("Could not read commit_ready marker " + facts_.marker_file + ": " + facts_.marker_problem + ".",
                       "run");
    if (!facts_.marker) return run_again("No workflow execution found: there is no " + facts_.marker_file + ".", "run");
    const auto& marker = *facts_.marker;
    if (marker.executed_at.empty()) return run_again("The commit_ready marker has no executed_at.", "run");
    const auto at = parse_iso_time(marker.executed_at);
    if (!at) return run_again("The commit_ready marker's executed_at is no time: '" + marker.executed_at + "'.", "run");
    age_ = facts_.now.micros - at->micros;
    if (age_ < 0)
      return run_again("The commit_ready marker lies in the future: " + marker.executed_at + ", and now it is " +
                           to_rfc3339(facts_.now) + ".",
                       "run");
    const auto seconds = age_ / 1'000'000;
    if (seconds > policy_.max_age_seconds)
      return run_again("The last workflow execution is stale: it ended " + std::to_string(seconds) +
                           " s ago, and the policy allows " + std::to_string(policy_.max_age_seconds) + " s.",
                       "max_age_seconds");
    if (policy_.require_workflow_id && marker.workflow_id.empty())
      return run_again("The commit_ready marker is missing workflow_id.", "require_workflow_id");
    if (marker.run.empty() || marker.chain.empty() || marker.workflow_sha256.empty())
      return run_again("The commit_ready marker names no run: it was not written by hillstar-actors after a success.",
                       "run");
    if (marker.nodes_given > 0)
      return run_again("The run took over results that no run made, from a checkpoint file or changed by hand.", "run");
    if (marker.nodes_executed == 0)
      return run_again("The run executed no node: what it says was checked before.", "run");
    return std::nullopt;
  }

  /// The repository, and the workflow, are those that the run ended with.
  [[nodiscard]] std::optional<CommitVerdict> judge_place() const {
    const auto& marker = *facts_.marker;
    if (!marker.git_error.empty())
      return run_again("When the run ended, git could not be asked: " + marker.git_error + ".", "run");
    if (marker.git_folder != facts_.git_folder)
      return run_again("The run ended in " + (marker.git_folder ? *marker.git_folder : "no repository") +
                           ", and this is " + (facts_.git_folder ? *facts_.git_folder : "no repository") + ".",
                       "run");
    if (marker.head != facts_.head)
      return run_again("A run licenses one commit: it ended on " + short_id(marker.head) + ", and HEAD is now " +
                           short_id(facts_.head) + ".",
                       "run");
    if (facts_.committed_since)
      return run_again(
          "A run licenses one commit: " + short_id(*facts_.committed_since) + " has been made since it ended.", "run");
    if (!facts_.workflow_sha256)
      return run_again("The workflow file " + marker.workflow_file + " cannot be read any more.", "run");
    if (*facts_.workflow_sha256 != marker.workflow_sha256)
      return run_again("The workflow file " + marker.workflow_file + " has changed since the run.", "run");
    return std::nullopt;
  }

  [[nodiscard]] std::optional<CommitVerdict> judge_record() const {
    const auto& run = facts_.marker->run;
    switch (facts_.record) {
      case RecordFinding::fits:
        return std::nullopt;
      case RecordFinding::differs:
        return run_again("The marker and the record of run " + run + " differ: " + facts_.record_note + ".", "run");
      case RecordFinding::unknown_run:
        return run_again("The store does not know run " + run + ".", "run");
      case RecordFinding::not_looked:
        break;
    }
    if (!policy_.require_record) return std::nullopt;
    return refused("The record of run " + run + " cannot be looked at: " + facts_.record_note + ".", "require_record",
                   "Say where the store is with HILLSTAR_STORE.");
  }

  const GovernancePolicy& policy_;
  const CommitFacts& facts_;
  std::string note_;  ///< What was asked for and does not count.
  std::int64_t age_ = 0;
};

}  // namespace

std::vector<std::string> governed_paths(const GovernancePolicy& policy, const std::vector<std::string>& paths) {
  const auto fits_one = [](const std::vector<std::string>& patterns, const std::string& path) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return fits_path(pattern, path); });
  };
  std::vector<std::string> governed;
  for (const auto& path : paths) {
    const bool is_policy = std::string_view(path).substr(path.rfind('/') + 1) == kGovernancePolicyFile;
    const bool is_exempt = fits_one(policy.exempt_patterns, path) &&
                           std::all_of(policy.exempt_limits.begin(), policy.exempt_limits.end(),
                                       [&](const auto& patterns) { return fits_one(patterns, path); });
    if (is_policy || fits_one(policy.blocked_patterns, path) || !is_exempt) governed.push_back(path);
  }
  return governed;
}

CommitVerdict judge_commit(const GovernancePolicy& policy, const CommitFacts& facts) {
  return Judge(policy, facts).judge();
}

}  // namespace hillstar::policy
