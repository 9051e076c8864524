// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/git_query.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "runtime/platform/file_access.hpp"
#include "runtime/platform/process.hpp"

namespace hillstar {
namespace {

constexpr int kGitFatal = 128;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

Error no_answer(const ProcessEnd& end, const std::string& folder) {
  switch (end.kind) {
    case ProcessEndKind::not_started:
      return {end.code == ENOENT ? Errc::not_found : Errc::io,
              end.code == ENOENT ? "git is not installed, or not in PATH"
                                 : "git cannot be started: " + errno_text(end.code),
              folder,
              {}};
    case ProcessEndKind::no_folder:
      return io_error(end.code, "enter the folder", folder);
    case ProcessEndKind::timed_out:
      return {Errc::io,
              "git did not answer within " + std::to_string(kGitQueryTime.count() / 1000) + " seconds",
              folder,
              {}};
    default:
      return end.error.value_or(Error(Errc::io, "git ended before it answered", folder));
  }
}

}  // namespace

Result<GitAnswer> ask_git(const std::string& folder, const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment) {
  ProcessSpec spec;
  spec.program = "git";
  spec.arguments = {"git"};
  spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
  for (const auto& entry : environment)
    if (!entry.starts_with("LC_ALL=") && !entry.starts_with("LANGUAGE=")) spec.environment.push_back(entry);
  for (const auto* entry : {"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1"})
    spec.environment.emplace_back(entry);
  spec.cwd = folder;
  spec.time_limit = kGitQueryTime;
  GitAnswer answer;
  ProcessOutput output;
  output.on_stdout = [&](std::string_view piece) {
    answer.out += piece;
    return Result<void>();
  };
  output.on_stderr = [&](std::string_view piece) {
    answer.err += piece.substr(0, kGitErrorBytesMax - std::min(kGitErrorBytesMax, answer.err.size()));
    return Result<void>();
  };
  const auto end = run_process(spec, output, nullptr);
  if (end.kind != ProcessEndKind::exited) return no_answer(end, folder);
  answer.code = end.code;
  answer.err = without_line_end(std::move(answer.err));
  return answer;
}

Result<std::optional<GitPlace>> git_place(const std::string& folder, const std::vector<std::string>& environment) {
  // The folder is printed before HEAD is looked at, which does not exist before the first commit. The commit itself is
  // not looked at: in a partial clone git would fetch it, with whatever program the repository names for that.
  HILLSTAR_TRY(const auto found, ask_git(folder, {"rev-parse", "--absolute-git-dir", "HEAD"}, environment));
  GitPlace place;
  place.folder = first_line(found.out);
  if (place.folder.empty()) {
    if (found.code == kGitFatal && found.err.find("not a git repository") != std::string::npos)
      return std::optional<GitPlace>();
    return Error{Errc::io, "git says: " + first_line(found.err), folder, {}};
  }
  if (found.code == 0) place.head = without_line_end(found.out.substr(place.folder.size() + 1));
  return std::optional(std::move(place));
}

std::vector<std::string> without_git_variables(std::vector<std::string> environment) {
  environment.erase(std::remove_if(environment.begin(), environment.end(),
                                   [](const std::string& entry) { return entry.starts_with("GIT_"); }),
                    environment.end());
  return environment;
}

}  // namespace hillstar
