// SPDX-License-Identifier: Apache-2.0
// git_commit: commits what changed, once, however often the attempt is repeated.
//
// The commit carries the run and node as trailers; a repeated attempt finds it and returns it. Hooks run. Files that
// look like secrets are refused. Source of the result's shape and the default author: Hillstar specification 1.5.2.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>

#include "runtime/tools/git.hpp"
#include "runtime/tools/output.hpp"
#include "runtime/tools/standard_tools.hpp"

namespace hillstar::tools {
namespace {

/// Commits from HEAD backwards among which an earlier attempt's is looked for.
constexpr int kHistoryMax = 1000;
constexpr std::size_t kPathsMax = 1000;
constexpr std::size_t kNamedInMessageMax = 10;

struct Request {
  std::string message;
  std::string author;
  std::vector<std::string> paths;
  bool no_verify = false;
  bool nothing_is_ok = false;
};

Error wrong(const std::string& text) { return Error(Errc::tool_parameters, "git_commit: " + text); }

bool is_author_part(const std::string& text) { return text.find_first_of("<>\n\r") == std::string::npos; }

Result<Request> read_request(const ToolCall& call) {
  Request request;
  HILLSTAR_TRY(request.message, string_parameter(call, "message"));
  if (request.message.find_first_not_of(" \t\r\n") == std::string::npos)
    return Error(Errc::tool_parameters, "git_commit requires message parameter");
  HILLSTAR_TRY(std::string name, string_parameter(call, "author_name"));
  HILLSTAR_TRY(std::string email, string_parameter(call, "author_email"));
  if (name.empty()) name = "Claude Code";
  if (email.empty()) email = "noreply@anthropic.com";
  if (!is_author_part(name) || !is_author_part(email))
    return wrong("author_name and author_email must be free of <, > and line breaks");
  request.author = name + " <" + email + ">";
  HILLSTAR_TRY(request.paths, list_parameter(call, "paths"));
  if (request.paths.size() > kPathsMax) return wrong("more than " + std::to_string(kPathsMax) + " paths");
  if (std::find(request.paths.begin(), request.paths.end(), "") != request.paths.end())
    return wrong("an empty path in parameters.paths; \".\" is everything");
  HILLSTAR_TRY(request.no_verify, bool_parameter(call, "no_verify"));
  HILLSTAR_TRY(const std::string if_nothing, string_parameter(call, "if_nothing"));
  if (!if_nothing.empty() && if_nothing != "ok" && if_nothing != "fail")
    return wrong("parameters.if_nothing must be \"ok\" or \"fail\"");
  request.nothing_is_ok = if_nothing == "ok";
  return request;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// By name only: what people and tools commonly call files with keys and passwords in them.
bool looks_secret(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  constexpr std::array<std::string_view, 3> kTemplates{".example", ".sample", ".template"};
  if (std::any_of(kTemplates.begin(), kTemplates.end(), [&](auto end) { return ends_with(name, end); })) return false;
  constexpr std::array<std::string_view, 4> kKeys{"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"};
  for (const auto key : kKeys)
    if (name.compare(0, key.size(), key) == 0 && !ends_with(name, ".pub")) return true;
  constexpr std::array<std::string_view, 6> kEndings{".env", ".pem", ".key", ".p12", ".pfx", ".keystore"};
  if (std::any_of(kEndings.begin(), kEndings.end(), [&](auto end) { return ends_with(name, end); })) return true;
  return name.compare(0, 5, ".env.") == 0 || name == ".netrc" || name == ".pgpass" || name == ".git-credentials";
}

/// `./a//b/` of a person -> `a/b` as git names it from the top of the repository.
std::string from_top(const std::string& prefix, const std::string& path) {
  std::string result;
  const std::string full = prefix + path;
  for (std::size_t at = 0; at < full.size();) {
    const auto slash = std::min(full.find('/', at), full.size());
    const auto part = full.substr(at, slash - at);
    if (part == "..") {
      const auto last = result.rfind('/');
      result.erase(last == std::string::npos ? 0 : last);
    } else if (!part.empty() && part != ".") {
      result += (result.empty() ? "" : "/") + part;
    }
    at = slash + 1;
  }
  return result;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const auto end = text.find(separator);
    result.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return result;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

struct Change {
  bool is_deletion = false;
  bool is_unmerged = false;
  bool is_staged = false;  ///< Nothing in the working tree differs from what is staged.
  std::string path;        ///< From the top of the repository.
};

/// `git status --porcelain -z`: two letters, a space, the path; without renames.
std::vector<Change> changes_of(std::string_view status) {
  std::vector<Change> changes;
  for (auto& entry : split(status, '\0')) {
    if (entry.size() < 4) continue;
    const char staged = entry[0];
    const char work = entry[1];
    Change change;
    change.is_deletion = work == 'D' || (staged == 'D' && work == ' ');
    change.is_unmerged = staged == 'U' || work == 'U' || (staged == work && (staged == 'A' || staged == 'D'));
    change.is_staged = work == ' ';
    change.path = entry.substr(3);
    changes.push_back(std::move(change));
  }
  return changes;
}

/// One attempt: the steps share git, the request and, once an attempt has ended early, its reply.
class Commit {
 public:
  Commit(const ToolCall& call, const ToolContext& context, Request request, Git git)
      : call_(call), context_(context), request_(std::move(request)), git_(std::move(git)) {}

  ToolReply run() {
    std::string prefix;
    std::vector<Change> changes;
    if (!find_repository(prefix)) return ended();
    if (auto sha = find_own(); !sha.empty())
      return success("[" + sha.substr(0, 7) + "] already committed by an earlier attempt\n", sha);
    if (ended_) return ended();
    if (!list_changes(changes)) return ended();
    if (changes.empty()) return nothing();
    if (!refuse_secrets(prefix, changes) || !stage(changes)) return ended();
    return commit();
  }

 private:
  ToolReply ended() { return *std::move(ended_); }

  /// Null: the attempt has ended. git's own failure ends it too, unless `may_fail`.
  std::optional<GitOutput> git(const std::vector<std::string>& arguments, std::string_view input = {},
                               bool may_fail = false) {
    auto result = git_.run(arguments, input);
    if (auto* reply = std::get_if<ToolReply>(&result)) {
      ended_ = std::move(*reply);
      return std::nullopt;
    }
    auto& output = std::get<GitOutput>(result);
    if (output.code != 0 && !may_fail) {
      ended_ = git_failed(output, FailureClass::exit_code);
      return std::nullopt;
    }
    return std::move(output);
  }

  ToolReply git_failed(const GitOutput& output, FailureClass kind) {
    std::string message = output.err;
    if (message.empty()) message = trimmed(json::to_utf8(output.out));
    if (message.empty()) message = "git exited with return code " + std::to_string(output.code);
    ToolReply reply = failed(kind, message);
    reply.result.json = Json::of(
        boost::json::object{{"output", json::to_utf8(output.out)}, {"error", message}, {"return_code", output.code}});
    return reply;
  }

  bool find_repository(std::string& prefix) {
    const auto found = git({"rev-parse", "--show-prefix"}, {}, true);
    if (!found) return false;
    if (found->code != 0) {
      ended_ = git_failed(*found, FailureClass::invalid_input);
      return false;
    }
    prefix = found->out.substr(0, found->out.find_last_not_of('\n') + 1);
    return true;
  }

  /// The commit that an earlier attempt of this node in this run made; empty if there is none.
  std::string find_own() {
    const auto log = git({"log", "--max-count=" + std::to_string(kHistoryMax),
                          "--format=%H%x1f%(trailers:key=Hillstar-Run,valueonly,separator=%x20)"
                          "%x1f%(trailers:key=Hillstar-Node,valueonly,separator=%x20)%x1e"},
                         {}, true);
    if (!log || log->code != 0) return {};  // a repository without commits
    for (const auto& record : split(log->out, '\x1e')) {
      const auto fields = split(record, '\x1f');
      if (fields.size() == 3 && trimmed(fields[1]) == context_.run->run && trimmed(fields[2]) == call_.node)
        return trimmed(fields[0]);
    }
    return {};
  }

  bool list_changes(std::vector<Change>& changes) {
    std::vector<std::string> arguments{"status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--"};
    arguments.insert(arguments.end(), request_.paths.begin(), request_.paths.end());
    const auto status = git(arguments);
    if (!status) return false;
    changes = changes_of(status->out);
    return true;
  }

  bool refuse_secrets(const std::string& prefix, const std::vector<Change>& changes) {
    std::set<std::string> named;
    for (const auto& path : request_.paths) named.insert(from_top(prefix, path));
    std::string list;
    std::size_t count = 0;
    for (const auto& change : changes) {
      if (change.is_deletion || !looks_secret(change.path) || named.count(change.path) > 0) continue;
      if (++count <= kNamedInMessageMax) list += (list.empty() ? "" : ", ") + json::to_utf8(change.path);
    }
    if (count == 0) return true;
    if (count > kNamedInMessageMax) list += " and " + std::to_string(count - kNamedInMessageMax) + " more";
    ended_ =
        failed(FailureClass::path_refused,
               "nothing was committed, because of files that look like secrets: " + list +
                   ". Add them to .gitignore, or name each of them in parameters.paths (beside \".\" for the rest)");
    return false;
  }

  /// Stages exactly what was looked at, so that a file that appears meanwhile cannot slip in unseen.
  bool stage(const std::vector<Change>& changes) {
    std::string list;
    for (const auto& change : changes) {
      if (change.is_unmerged) {
        ended_ = failed(FailureClass::invalid_input,
                        "nothing was committed: '" + json::to_utf8(change.path) + "' has an unresolved merge conflict");
        return false;
      }
      if (!change.is_staged) list += change.path + '\0';
    }
    if (list.empty()) return true;
    const auto top = git({"rev-parse", "--show-toplevel"});
    if (!top) return false;
    const auto folder = top->out.substr(0, top->out.find_last_not_of('\n') + 1);
    return git({"-C", folder, "add", "-A", "--pathspec-from-file=-", "--pathspec-file-nul"}, list).has_value();
  }

  ToolReply commit() {
    std::vector<std::string> arguments{"commit",    "-F",
                                       "-",         "--author=" + request_.author,
                                       "--trailer", "Hillstar-Run: " + context_.run->run,
                                       "--trailer", "Hillstar-Node: " + call_.node};
    if (request_.no_verify) arguments.emplace_back("--no-verify");
    if (!request_.paths.empty()) {
      // What a person has staged besides stays staged and out of this commit.
      arguments.insert(arguments.end(), {"--only", "--"});
      arguments.insert(arguments.end(), request_.paths.begin(), request_.paths.end());
    }
    const auto made = git(arguments, request_.message, true);
    if (!made) return ended();
    if (made->code != 0) {
      // Only line ends or file times differed: staging made the change disappear.
      const auto staged = git({"diff", "--cached", "--quiet"}, {}, true);
      if (!staged) return ended();
      return staged->code == 0 ? nothing() : git_failed(*made, FailureClass::exit_code);
    }
    const auto sha = find_own();
    if (ended_) return ended();
    return success(json::to_utf8(made->out), sha);
  }

  ToolReply success(const std::string& output, const std::string& sha) {
    ToolReply reply;
    boost::json::object result{{"output", output},
                               {"commit_message", request_.message},
                               {"author", request_.author},
                               {"return_code", 0},
                               {"commit", nullptr}};
    if (!sha.empty()) result["commit"] = sha;
    reply.result.json = Json::of(result);
    return reply;
  }

  ToolReply nothing() {
    const std::string text = "nothing to commit, working tree clean";
    if (request_.nothing_is_ok) return success(text + "\n", {});
    return git_failed({1, text + "\n", text + " (parameters.if_nothing: \"ok\" makes this a success)"},
                      FailureClass::nothing_to_commit);
  }

  const ToolCall& call_;
  const ToolContext& context_;
  Request request_;
  Git git_;
  std::optional<ToolReply> ended_;
};

}  // namespace

ToolReply git_commit(const ToolCall& call, const ToolContext& context, ProcessGuard* guard) {
  auto request = read_request(call);
  if (!request) return failed(request.error());
  const auto folder = file_access(*context.run).folder(call.cwd);
  if (!folder) return failed(folder.error());
  return Commit(call, context, std::move(request).value(), Git(call, context, *folder, guard)).run();
}

}  // namespace hillstar::tools
