// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/git.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/platform/process.hpp"
#include "runtime/platform/sandbox.hpp"
#include "runtime/platform/sandbox_abilities.hpp"
#include "runtime/policy/script_variables.hpp"
#include "runtime/tools/output.hpp"
#include "runtime/tools/standard_tools.hpp"

namespace hillstar::tools {
namespace {

/// The folder decides which repository is meant, also when we were started from a git hook.
constexpr std::array<std::string_view, 5> kForeignNames{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX",
                                                        "GIT_OBJECT_DIRECTORY"};

/// Commits may be signed by an agent; hooks need no other key.
const std::vector<std::string>& agents() {
  static const std::vector<std::string> names{"SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO",
                                              "DBUS_SESSION_BUS_ADDRESS", "XAUTHORITY"};
  return names;
}

/// A repository's hooks may have been written by a script: they gain no rights, but sign and read as the person may.
/// What they connect to nobody sees, so those of an air-gapped run have no network.
Result<Confinement> confinement(const RunContext& run) {
  SandboxLayers layers;
  const bool unconfined = run.rules != nullptr && run.rules->air_gap.allow_unconfined_scripts;
  if (run.air_gapped && (!unconfined || probe_sandbox(SandboxProbe::quick).seccomp)) {
    layers.filters_calls = true;
    layers.network = SandboxNetwork::closed;
  }
  layers.drops_rights = true;
  layers.limits.core_bytes = 0;
  return Confinement::make(layers, 0, nullptr);
}

ToolReply reply_to(const ProcessEnd& end, const ToolCall& call) {
  switch (end.kind) {
    case ProcessEndKind::cancelled:
      return cancelled();
    case ProcessEndKind::timed_out:
      return failed(FailureClass::timeout, "git did not end within " +
                                               std::to_string(call.start_to_close.value_or(Millis(0)).count()) +
                                               " milliseconds");
    case ProcessEndKind::signalled:
      return failed(FailureClass::signal, "git was killed by signal " + std::to_string(end.code));
    case ProcessEndKind::not_started:
      return failed(FailureClass::spawn, end.code == ENOENT ? "git is not installed, or not in PATH"
                                                            : "cannot start git: " + errno_text(end.code));
    case ProcessEndKind::no_folder:
      return failed(FailureClass::spawn, "cannot enter the folder '" + call.cwd + "': " + errno_text(end.code));
    case ProcessEndKind::output_limit:
    case ProcessEndKind::output_failed:
      return failed(end.error.value_or(Error(Errc::io, "git's output was lost")));
    case ProcessEndKind::not_confined:
      return failed(FailureClass::spawn, "git was not started: " + (end.error ? end.error->message : std::string()));
    case ProcessEndKind::exited:
      break;
  }
  return failed(FailureClass::internal, "unknown end of git");
}

}  // namespace

Git::Git(const ToolCall& call, const ToolContext& context, std::string folder, ProcessGuard* guard)
    : call_(call),
      context_(context),
      folder_(std::move(folder)),
      guard_(guard),
      environment_(
          tool_environment(call, *context.run,
                           policy::script_variables(context.run->environment, agents(), context.run->redactor).given)),
      start_(clock_.steady_now()) {
  environment_.erase(std::remove_if(environment_.begin(), environment_.end(),
                                    [](const std::string& entry) {
                                      const auto name = std::string_view(entry).substr(0, entry.find('='));
                                      return std::find(kForeignNames.begin(), kForeignNames.end(), name) !=
                                             kForeignNames.end();
                                    }),
                     environment_.end());
  environment_.push_back("GIT_TERMINAL_PROMPT=0");    // nobody is there to answer
  environment_.push_back("GIT_LITERAL_PATHSPECS=1");  // a `*` in a name is that character
}

GitResult Git::run(const std::vector<std::string>& arguments, std::string_view input) {
  ProcessSpec spec;
  spec.program = "git";
  spec.arguments = {"git"};
  spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
  spec.environment = environment_;
  spec.cwd = folder_;
  spec.input = input;
  spec.cancel_descriptor = context_.cancel->descriptor();
  spec.kill_descriptor = context_.cancel->now_descriptor();
  if (call_.start_to_close) {
    const auto spent = std::chrono::duration_cast<Millis>(clock_.steady_now() - start_);
    spec.time_limit = std::max(*call_.start_to_close - spent, Millis(0));
  }
  const auto shut_in = confinement(*context_.run);
  if (!shut_in) return failed(shut_in.error());
  spec.confinement = &*shut_in;
  GitOutput result;
  OutputTail err;
  ProcessOutput output;
  output.on_stdout = [&](std::string_view piece) {
    result.out += piece;
    return Result<void>();
  };
  output.on_stderr = [&](std::string_view piece) {
    err.append(piece);
    return Result<void>();
  };
  const ProcessEnd end = run_process(spec, output, guard_);
  if (end.kind != ProcessEndKind::exited) return reply_to(end, call_);
  result.code = end.code;
  result.err = err.text();
  return result;
}

}  // namespace hillstar::tools
