// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/carry.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "apps/cli/environment.hpp"
#include "apps/cli/hosting.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/run_end.hpp"
#include "apps/cli/run_variables.hpp"
#include "apps/cli/taking_over.hpp"
#include "apps/cli/talk_commands.hpp"
#include "apps/cli/text.hpp"
#include "apps/http/remote_store.hpp"
#include "persistence/rocksdb_store.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

/// Lines of a result that are shown on a terminal; a pipe gets everything.
constexpr std::size_t kShownLinesMax = 40;

ReadBlob blobs_of(const Link& link) {
  return [&link, store = std::shared_ptr<const persistence::EventStore>()](
             const std::string& sha256) mutable -> Result<std::string> {
    // Opened when a first blob is met: most runs have none.
    if (!store) {
      HILLSTAR_TRY(store, link.reading());
    }
    return store->read_blob(sha256);
  };
}

/// On a terminal: made visible, and cut after some lines.
void print_text(Output& output, const std::string& text, const std::string& how_to_see_all) {
  if (!output.stdout_is_terminal()) {
    output.bytes(text);
    if (!text.empty() && text.back() != '\n') output.bytes("\n");
    return;
  }
  std::string_view rest = text;
  std::size_t lines = 0;
  for (; !rest.empty() && lines < kShownLinesMax; ++lines) {
    const auto end = rest.find('\n');
    output.data(visible(rest.substr(0, end)));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  if (!rest.empty()) output.say("... " + std::to_string(rest.size()) + " more bytes: " + how_to_see_all);
}

Result<void> print_result(Context& context, const Link& link, const LiveRun& live) {
  auto& output = context.output;
  const auto read = blobs_of(link);
  if (output.format() == Format::jsonl) return {};
  if (output.format() == Format::json) {
    HILLSTAR_TRY(const auto object, run_object(live.state, live.run, read));
    output.data(object);
    return {};
  }
  if (live.state.status != run::RunStatus::completed) return {};
  const auto finals = final_nodes(live.state);
  for (const NodeIndex i : finals) {
    const auto& id = live.state.plan->nodes[i].id.str();
    HILLSTAR_TRY(const auto text, result_text(run::result_of(live.state, i), read));
    if (finals.size() > 1) output.data(output.paint_data(Tone::strong, "== " + visible(id)));
    print_text(output, text, fmt::format("hillstar-actors result {} {}", live.run.str(), id));
  }
  return {};
}

void say_how_to_go_on(Output& output, const LiveRun& live) {
  const auto& state = live.state;
  const auto& run = live.run.str();
  for (std::size_t i = 0; i < state.nodes.size(); ++i) {
    const auto& id = state.plan->nodes[i].id.str();
    if (state.nodes[i].status == run::NodeStatus::held) {
      output.warn(fmt::format("  approve with: hillstar-actors approve {} {}", run, visible(id)));
      output.warn(fmt::format("  reject with:  hillstar-actors reject {} {} --reason '...'", run, visible(id)));
    }
  }
  for (const auto& line : talk_hints(state, live.run)) output.warn(line);
  for (const auto& unit : state.lost) {
    const std::string name = to_string(Unit{state.plan->nodes[unit.node].id, unit.item});
    output.warn(fmt::format("  {} may or may not have run, and says it must not run twice. Look, then:", name));
    output.warn(fmt::format("  hillstar-actors resume {} --settle '{}=run-again'   (or {}=failed)", run, name, name));
  }
  if (state.status == run::RunStatus::paused && state.lost.empty())
    output.warn("  resume with: hillstar-actors resume " + run);
}

void tell_end(Output& output, const Followed& followed) {
  const auto& state = followed.live.state;
  auto lines = summary_lines(state, followed.live.run);
  const Tone tone = state.status == run::RunStatus::completed ? Tone::good
                    : run::is_terminal(state)                 ? Tone::bad
                                                              : Tone::warning;
  lines.front() = output.paint(tone, lines.front());
  for (const auto& line : lines) output.say(line);
  if (!run::is_terminal(state)) return say_how_to_go_on(output, followed.live);
  if (state.status == run::RunStatus::failed)
    output.say("  run what failed again with: hillstar-actors resume " + followed.live.run.str());
  if (state.status == run::RunStatus::cancelled)
    output.say("  go on from here in a new run with: hillstar-actors resume " + followed.live.run.str());
}

}  // namespace

Result<Exit> carry(Context& context, Link& link, const FollowOptions& options) {
  auto followed = follow(link, context.output, context.clock, options);
  if (!followed) return followed.error();
  HILLSTAR_CHECK(print_result(context, link, followed->live));
  tell_end(context.output, *followed);
  if (followed->stop == Stop::interrupted && !run::is_terminal(followed->live.state))
    return static_cast<Exit>(128 + followed->signal);
  host_others(context, link);
  return exit_of_end(followed->live.state);
}

Result<Exit> carry_fork(Context& context, Link& link, const StoredRun& parent, std::vector<NodeInherited> inherited,
                        ForkPoint point) {
  HILLSTAR_TRY(const auto store, link.reading());
  const auto kept = inherited.size();
  HILLSTAR_TRY(auto job, fork_job(*store, parent, std::move(inherited)));
  job.environment = link.options().environment;
  job.started_by = person();
  job.taken_there.emplace();
  job.taken_there->fork = std::move(point);
  HILLSTAR_TRY(const auto run, link.start(job));
  context.output.say(fmt::format("New run {} from {}: {} of {} results are taken over.", run.str(), parent.run.str(),
                                 kept, parent.state.nodes.size()));
  FollowOptions options{.run = run, .plan = parent.state.plan, .show_from = 1, .owns = true, .ask = false};
  options.ask = ::isatty(STDIN_FILENO) == 1 && context.output.stderr_is_terminal();
  return carry(context, link, options);
}

Result<void> check_remote(const Context& context, const std::vector<GivenOption>& options) {
  if (!http::is_service_url(context.store)) return {};
  std::string given;
  for (const auto& option : options)
    if (option.is_given) given += (given.empty() ? "" : ", ") + std::string(option.name);
  if (given.empty()) return {};
  return Error{Errc::usage, "A service starts runs in its own folders, with its own environment and limits.", given,
               "Leave them out, or run it where the store is."};
}

Result<void> check_store(const Context& context) {
  if (!context.store.starts_with('/')) {
    HILLSTAR_TRY([[maybe_unused]] const auto folder, current_folder());
  }
  std::error_code failed;
  const auto status = std::filesystem::status(context.store, failed);
  if (status.type() == std::filesystem::file_type::directory) return {};
  if (status.type() == std::filesystem::file_type::none)
    return Error{Errc::store_open, "The store cannot be looked at: " + failed.message() + ".", context.store, {}};
  return Error{Errc::not_found, "There is no store here yet.", context.store,
               "`hillstar-actors run` creates one; --store or HILLSTAR_STORE names another."};
}

Result<std::shared_ptr<const persistence::EventStore>> read_store(const Context& context) {
  if (http::is_service_url(context.store)) {
    HILLSTAR_TRY(auto remote, http::Remote::open(context.store, context.environment));
    return std::shared_ptr<const persistence::EventStore>(http::remote_store(std::move(remote)));
  }
  HILLSTAR_CHECK(check_store(context));
  HILLSTAR_TRY(auto store, persistence::RocksStore::open(context.store, {.read_only = true, .env = nullptr}));
  return std::shared_ptr<const persistence::EventStore>(std::move(store));
}

Result<std::vector<std::string>> variables_for(const Context& context, const std::string& workflow_file,
                                               const std::string& workspace, const std::string& env_file,
                                               const workflow::Plan* plan) {
  const auto file = std::filesystem::path(workspace) / workflow_file;
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  HILLSTAR_TRY(auto variables, read_variables(context.environment, {file.parent_path().string(), env_file}, *registry));
  if (plan != nullptr) add_from_keyring(variables, missing_keys(*plan, *registry, variables.environment));
  for (const auto& warning : variables.warnings) context.output.warn("warning: " + visible(warning));
  return std::move(variables.environment);
}

}  // namespace hillstar::cli
