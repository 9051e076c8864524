// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/commit_hook.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "apps/cli/environment.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/git_query.hpp"

namespace hillstar::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOurMark = "hillstar-actors governance hook";
constexpr std::string_view kHillstarMark = "Hillstar governance";
constexpr std::string_view kKeptMark = "\nkept=";
constexpr std::string_view kHuskyHook = "/.husky/_/pre-commit";
constexpr std::size_t kHookBytesMax = 1U << 20U;
constexpr int kKeptMax = 1'000;
constexpr mode_t kHookMode = 0755;

constexpr std::string_view kHookBegin = R"(#!/bin/sh
# hillstar-actors governance hook: a commit needs a workflow run that completed.
# Written by `hillstar-actors enforce install`; `hillstar-actors enforce uninstall` takes it away again.
)";
constexpr std::string_view kHookEnd = R"(
if [ -n "$kept" ]; then
  # The hook that was here before has its say first.
  earlier=$(dirname -- "$0")/$kept
  if [ ! -x "$earlier" ]; then
    echo "pre-commit: $earlier is gone or cannot be run; it belongs before the governance hook." >&2
    echo "Put it back, or run: hillstar-actors enforce uninstall" >&2
    exit 1
  fi
  "$earlier" "$@" || exit $?
fi
if ! command -v hillstar-actors >/dev/null 2>&1; then
  echo "pre-commit: hillstar-actors is not in PATH, so nothing is committed: the policy cannot be read." >&2
  echo "Put its folder into PATH. To give up governance here, remove this hook: $0" >&2
  exit 1
fi
exec hillstar-actors enforce check --hook --hillstar-dir "$hillstar_dir" --project-dir "$project_dir"
)";

/// A word for the shell, whatever is in it.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::string trimmed_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Result<std::string> answer_of(const GovernancePlaces& places, const std::vector<std::string>& arguments,
                              const std::vector<std::string>& environment) {
  HILLSTAR_TRY(const auto answer, ask_git(places.project, arguments, environment));
  if (answer.code != 0)
    return Error{Errc::not_found,
                 "Not a git repository: " + places.project + " (git says: " + answer.err + ").",
                 {},
                 "`git init` makes one."};
  return trimmed_line(answer.out);
}

bool is_below(const std::string& path, const std::string& folder) {
  return !folder.empty() && (path == folder || path.starts_with(folder + "/"));
}

std::string real_path(const std::string& path) {
  std::error_code failed;
  const auto real = fs::weakly_canonical(path, failed);
  return failed ? path : real.string();
}

/// As the hook, which git starts at the top of the work tree, finds it: relative where it may be, for the work trees
/// beside this one.
std::string from_top(const std::string& path, const std::string& top) {
  const auto real = real_path(path);
  if (real == top) return ".";
  return is_below(real, top) ? real.substr(top.size() + 1) : real;
}

Result<std::string> hook_text(const GovernancePlaces& places, const std::string& kept,
                              const std::vector<std::string>& environment) {
  HILLSTAR_TRY(const auto shown, answer_of(places, {"rev-parse", "--show-toplevel"}, environment));
  const auto top = real_path(shown);
  return std::string(kHookBegin) + std::string(kKeptMark).substr(1) + quoted(kept) +
         "\nhillstar_dir=" + quoted(from_top(places.hillstar, top)) +
         "\nproject_dir=" + quoted(from_top(places.project, top)) + std::string(kHookEnd);
}

std::string kept_in(const std::string& text) {
  const auto at = text.find(kKeptMark);
  if (at == std::string::npos) return {};
  const auto value = trimmed_line(text.substr(at + kKeptMark.size()));
  // We wrote it: a name without quotes in it.
  return value.size() > 2 ? value.substr(1, value.size() - 2) : std::string();
}

/// Gives the hook a second, free name; the first is then replaced.
Result<std::string> keep(const std::string& file) {
  for (int i = 1; i <= kKeptMax; ++i) {
    const auto kept = file + ".kept_" + std::to_string(i);
    if (::link(file.c_str(), kept.c_str()) == 0) return fs::path(kept).filename().string();
    if (errno != EEXIST) return io_error(errno, "keep the old", file);
  }
  return Error{Errc::io, "There are too many kept hooks.", file, "Move them elsewhere."};
}

Result<void> write_hook(const std::string& file, const std::string& text) {
  std::error_code failed;
  fs::create_directories(fs::path(file).parent_path(), failed);
  const auto temporary = file + "." + std::to_string(::getpid()) + ".tmp";
  const auto write = [&]() -> Result<void> {
    const Descriptor out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kHookMode));
    if (!out.is_open()) return io_error(errno, "write", file);
    if (::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      return io_error(errno, "write", file);
    if (::fchmod(out.get(), kHookMode) != 0 || ::fsync(out.get()) != 0) return io_error(errno, "write", file);
    if (::rename(temporary.c_str(), file.c_str()) != 0) return io_error(errno, "replace", file);
    return {};
  };
  auto written = write();
  if (!written) ::unlink(temporary.c_str());
  return written;
}

}  // namespace

Result<HookState> look_at_hook(const GovernancePlaces& places, const std::vector<std::string>& environment) {
  HILLSTAR_TRY(const auto hooks, answer_of(places, {"rev-parse", "--git-path", "hooks"}, environment));
  HILLSTAR_TRY(const auto common, answer_of(places, {"rev-parse", "--git-common-dir"}, environment));
  HookState state;
  const auto base = fs::path(places.project);
  state.file = (base / hooks).lexically_normal().string() + "/pre-commit";
  const auto real = real_path((base / hooks).string());
  const auto top = answer_of(places, {"rev-parse", "--show-toplevel"}, environment);
  if (!top)
    return Error{Errc::not_found, "A repository without a work tree makes no commits of its own.", places.project, {}};
  state.is_shared = !is_below(real, real_path((base / common).string())) && !is_below(real, real_path(*top));
  std::error_code failed;
  if (!fs::exists(fs::symlink_status(state.file, failed))) return state;
  state.kind = HookKind::foreign;
  if (const auto text = read_file(state.file, Errc::io, kHookBytesMax)) {
    if (text->find(kOurMark) != std::string::npos) {
      state.kind = HookKind::ours;
      state.kept = kept_in(*text);
    } else if (text->find(kHillstarMark) != std::string::npos) {
      state.kind = HookKind::hillstars;
    }
  }
  return state;
}

Result<HookChange> install_hook(const GovernancePlaces& places, const HookState& state, bool force,
                                const std::vector<std::string>& environment) {
  if (state.kind == HookKind::ours) {
    HILLSTAR_TRY(const auto text, hook_text(places, state.kept, environment));
    const auto old = read_file(state.file, Errc::io, kHookBytesMax);
    if (old && *old == text && ::access(state.file.c_str(), X_OK) == 0)
      return HookChange{true, "Pre-commit hook already installed: " + state.file};
    HILLSTAR_CHECK(write_hook(state.file, text));
    return HookChange{true,
                      "Pre-commit hook was already installed; it is now for " + places.project + ": " + state.file};
  }
  if (state.kind == HookKind::foreign && state.file.ends_with(kHuskyHook))
    return HookChange{false, "Husky finds its hooks by their names, so " + state.file +
                                 " cannot be kept under another one. Add this line to .husky/pre-commit instead:\n"
                                 "  hillstar-actors enforce check --hook || exit 1"};
  if (!force && state.is_shared)
    return HookChange{false,
                      "The hooks folder " + fs::path(state.file).parent_path().string() +
                          " lies outside of this repository (core.hooksPath): other repositories may use it, too. "
                          "--force installs there nevertheless."};
  if (!force && state.kind != HookKind::none)
    return HookChange{false,
                      "There is another pre-commit hook: " + state.file + ". --force keeps it beside the new one" +
                          (state.kind == HookKind::hillstars ? ", which takes its place." : ", which calls it first.")};
  std::string kept;
  bool is_called = false;
  if (state.kind != HookKind::none) {
    // git runs no hook that is not executable: neither do we. Hillstar's own would ask Hillstar for its marker.
    is_called = state.kind == HookKind::foreign && ::access(state.file.c_str(), X_OK) == 0;
    HILLSTAR_TRY(kept, keep(state.file));
  }
  HILLSTAR_TRY(const auto text, hook_text(places, is_called ? kept : std::string(), environment));
  HILLSTAR_CHECK(write_hook(state.file, text));
  std::string message = "Pre-commit hook installed: " + state.file;
  if (!kept.empty())
    message +=
        "\nThe hook that was there is kept as " + kept + (is_called ? " and called first" : "; it is not called");
  return HookChange{true, message};
}

Result<HookChange> uninstall_hook(const HookState& state) {
  if (state.kind == HookKind::none) return HookChange{true, "There is no pre-commit hook: " + state.file};
  if (state.kind != HookKind::ours)
    return HookChange{false, "The pre-commit hook is none of ours and stays: " + state.file};
  const auto folder = fs::path(state.file).parent_path().string();
  if (!state.kept.empty()) {
    if (::rename((folder + "/" + state.kept).c_str(), state.file.c_str()) == 0)
      return HookChange{true, "Pre-commit hook uninstalled; the one from before is back: " + state.file};
    if (errno != ENOENT) return io_error(errno, "put back the old", state.file);
  }
  if (::unlink(state.file.c_str()) != 0) return io_error(errno, "remove", state.file);
  return HookChange{true, "Pre-commit hook uninstalled: " + state.file};
}

}  // namespace hillstar::cli
