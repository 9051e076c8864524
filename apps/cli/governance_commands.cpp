// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/governance_commands.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>

#include "apps/cli/commit_facts.hpp"
#include "apps/cli/commit_hook.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/text.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// What is wrong before any rule is looked at is a refusal like the others.
policy::CommitVerdict refused_by(const Error& error) {
  return {false, error.message + (error.where.empty() ? "" : " (" + error.where + ")"), "policy", error.hint, {}};
}

struct Judged {
  policy::CommitVerdict verdict;
  policy::GovernancePolicy policy;
  std::optional<policy::CommitFacts> facts;
};

Judged judge(const Context& context, const GovernancePlaces& places, const CommitSwitches& switches) {
  Judged judged;
  auto read = load_governance_policy(context, places);
  if (!read) {
    judged.verdict = refused_by(read.error());
    return judged;
  }
  judged.policy = std::move(read).value();
  auto facts = gather_commit_facts(context, places, switches);
  if (!facts) {
    judged.verdict = refused_by(facts.error());
    return judged;
  }
  judged.facts = std::move(facts).value();
  judged.verdict = policy::judge_commit(judged.policy, *judged.facts);
  return judged;
}

bj::value text_or_null(const std::string& text) { return text.empty() ? bj::value() : bj::value(json::to_utf8(text)); }

Exit tell_verdict(Output& output, const policy::CommitVerdict& verdict) {
  if (output.is_json()) {
    output.data(Json::of(bj::object{{"compliant", verdict.compliant},
                                    {"reason", json::to_utf8(verdict.reason)},
                                    {"rule", verdict.rule},
                                    {"hint", text_or_null(verdict.hint)},
                                    {"bypass", text_or_null(verdict.bypass)}}));
  } else {
    output.data(output.paint_data(verdict.compliant ? Tone::good : Tone::bad, visible(verdict.reason)));
    if (!verdict.hint.empty()) output.data("  " + visible(verdict.hint));
  }
  return verdict.compliant ? Exit::done : Exit::run_failed;
}

Result<Exit> check(Context& context, const GovernancePlaces& places, const EnforceArgs& args) {
  auto judged = judge(context, places, {.dev = args.dev, .hook = args.hook});
  if (!judged.verdict.bypass.empty()) {
    if (const auto recorded = record_bypass(context, places, *judged.facts, judged.verdict.bypass); !recorded) {
      judged.verdict = refused_by(recorded.error());
      judged.verdict.reason = "What passes without a run must be recorded, and cannot be: " + judged.verdict.reason;
    }
  }
  return tell_verdict(context.output, judged.verdict);
}

bj::object policy_object(const policy::GovernancePolicy& policy) {
  return {{"max_age_seconds", policy.max_age_seconds},
          {"allow_force_override", policy.allow_force_override},
          {"allow_dev_mode", policy.allow_dev_mode},
          {"require_workflow_id", policy.require_workflow_id},
          {"require_record", policy.require_record},
          {"blocked_patterns", bj::value_from(policy.blocked_patterns)},
          {"exempt_patterns", bj::value_from(policy.exempt_patterns)},
          {"exempt_limits", bj::value_from(policy.exempt_limits)},
          {"stated_by",
           bj::value_from(std::map<std::string, std::string>(policy.stated_by.begin(), policy.stated_by.end()))}};
}

Exit status(Context& context, const GovernancePlaces& places) {
  const auto judged = judge(context, places, {});
  const auto hook = look_at_hook(places, context.environment);
  // git calls no hook that is not executable.
  const bool installed = hook && hook->kind == HookKind::ours && ::access(hook->file.c_str(), X_OK) == 0;
  const auto& marker = judged.facts ? judged.facts->marker : std::optional<policy::CommitMarker>();
  auto& output = context.output;
  if (output.is_json()) {
    bj::object object{{"compliant", judged.verdict.compliant},
                      {"reason", json::to_utf8(judged.verdict.reason)},
                      {"marker", nullptr},
                      {"hook_installed", installed},
                      {"hook", text_or_null(hook ? hook->file : std::string())},
                      {"dev_mode", judged.facts && judged.facts->dev_file},
                      {"policy", policy_object(judged.policy)}};
    if (marker)
      object["marker"] = bj::object{{"workflow_id", marker->workflow_id},
                                    {"workflow_file", marker->workflow_file},
                                    {"executed_at", marker->executed_at},
                                    {"run", marker->run}};
    output.data(Json::of(object));
    return Exit::done;
  }
  std::vector<std::vector<std::string>> rows{{"Compliant:", judged.verdict.compliant ? "yes" : "no"},
                                             {"Reason:", visible(judged.verdict.reason)}};
  if (marker) {
    rows.push_back({"Last workflow:", visible(marker->workflow_id) + " (" + visible(marker->workflow_file) + ")"});
    rows.push_back({"Executed at:", visible(marker->executed_at)});
  }
  rows.push_back({"Hook installed:", installed ? "yes" : "no"});
  if (judged.facts && judged.facts->dev_file) rows.push_back({"Development mode:", "on"});
  rows.push_back({"Max age:", std::to_string(judged.policy.max_age_seconds) + " s"});
  for (const auto& line : table(rows)) output.data(line);
  return Exit::done;
}

Exit tell_change(Output& output, const Result<HookChange>& change) {
  const bool done = change && change->is_done;
  const auto message = change ? change->message : to_string(change.error());
  if (output.is_json())
    output.data(Json::of(bj::object{{"done", done}, {"message", json::to_utf8(message)}}));
  else
    output.data(visible(message));
  return done ? Exit::done : Exit::run_failed;
}

Result<void> write_dev_file(const Context& context, const GovernancePlaces& places) {
  std::error_code failed;
  std::filesystem::create_directories(places.hillstar, failed);
  const Descriptor folder(::open(places.hillstar.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return io_error(errno, "open", places.hillstar);
  const auto text =
      json::canonical(bj::object{{"enabled_at", to_rfc3339(context.clock.utc_now())}, {"enabled_by", person()}});
  return replace_file({Descriptor(::dup(folder.get())), "dev_mode_active"}, text + "\n", places.dev_file());
}

void tell_mode(Output& output, bool is_dev) {
  if (output.is_json())
    output.data(Json::of(bj::object{{"mode", is_dev ? "dev" : "normal"}}));
  else
    output.data(is_dev ? "Development mode enabled" : "Development mode disabled");
}

}  // namespace

Result<Exit> enforce(Context& context, const EnforceArgs& args) {
  const auto places = governance_places(args.hillstar_dir, args.project_dir);
  if (args.action == "check") return check(context, places, args);
  if (args.action == "status") return status(context, places);
  const auto hook = look_at_hook(places, context.environment);
  if (!hook) return tell_change(context.output, hook.error());
  if (args.action == "uninstall") return tell_change(context.output, uninstall_hook(*hook));
  return tell_change(context.output, install_hook(places, *hook, args.force, context.environment));
}

Result<Exit> switch_mode(Context& context, const ModeArgs& args) {
  const auto places = governance_places(args.hillstar_dir, ".");
  if (args.mode == "dev") {
    HILLSTAR_TRY(const auto policy, load_governance_policy(context, places));
    if (!policy.allow_dev_mode)
      return Error{Errc::permission_denied, "The policy says \"allow_dev_mode\": false.",
                   policy.stated_by.at("allow_dev_mode"), "Who may write that file may change it."};
    HILLSTAR_CHECK(write_dev_file(context, places));
    tell_mode(context.output, true);
    context.output.say("  Commits pass without a run, and each one is recorded in " + places.log_file());
    return Exit::done;
  }
  if (::unlink(places.dev_file().c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
    return io_error(errno, "remove", places.dev_file());
  tell_mode(context.output, false);
  return Exit::done;
}

}  // namespace hillstar::cli
