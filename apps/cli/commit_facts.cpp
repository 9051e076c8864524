// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/commit_facts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "persistence/chain.hpp"
#include "persistence/event_codec.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/git_query.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/tools/policy_files.hpp"
#include "runtime/workflow/literal_keys.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kPolicyBytesMax = 1U << 20U;
constexpr std::size_t kWorkflowBytesMax = 64U << 20U;
/// Movements of HEAD that are looked at for a commit since the run.
constexpr const char* kReflogMax = "1000";
constexpr mode_t kLogMode = 0644;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

/// git tells its hooks which repository and index are meant, relative to the folder it starts them in.
std::string folder_to_ask(const Context& context, const GovernancePlaces& places) {
  for (const auto* name : {"GIT_DIR", "GIT_INDEX_FILE"})
    if (variable(context.environment, name)) return ".";
  return places.project;
}

Result<std::string> must_answer(const Context& context, const GovernancePlaces& places,
                                const std::vector<std::string>& arguments) {
  HILLSTAR_TRY(auto answer, ask_git(folder_to_ask(context, places), arguments, context.environment));
  if (answer.code != 0) return Error{Errc::io, "git says: " + json::to_utf8(answer.err) + ".", places.project, {}};
  return std::move(answer.out);
}

Result<void> ask_repository(const Context& context, const GovernancePlaces& places, policy::CommitFacts& facts) {
  HILLSTAR_TRY(const auto place, git_place(folder_to_ask(context, places), context.environment));
  if (!place) return {};
  facts.git_folder = place->folder;
  facts.head = place->head;
  HILLSTAR_TRY(const auto staged, must_answer(context, places,
                                              {"diff", "--cached", "--name-only", "-z", "--no-renames", "--no-relative",
                                               "--no-ext-diff", "--ignore-submodules=none"}));
  for (const auto& path : split(staged, '\0')) facts.paths.push_back(json::to_utf8(path));
  return {};
}

/// The commit that moved HEAD away from `marker.head` since the run ended. HEAD may be back there: by a reset, or on
/// another branch.
std::optional<std::string> committed_since(const Context& context, const GovernancePlaces& places,
                                           const policy::CommitMarker& marker) {
  const auto ended = policy::parse_iso_time(marker.executed_at);
  const auto log = ask_git(folder_to_ask(context, places),
                           {"reflog", "show", "-n", kReflogMax, "--date=unix", "--format=%H%x1f%gd%x1f%gs", "HEAD"},
                           context.environment);
  if (!ended || !log || log->code != 0) return std::nullopt;
  const auto lines = split(log->out, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto fields = split(lines[i], '\x1f');
    if (fields.size() != 3 || !fields[2].starts_with("commit")) continue;
    std::int64_t at = 0;  // HEAD@{1763800000}
    const auto open = fields[1].find('{');
    if (open == std::string::npos) continue;
    std::from_chars(fields[1].data() + open + 1, fields[1].data() + fields[1].size(), at);
    if (at < ended->micros / 1'000'000) break;  // newest first
    const auto before = i + 1 < lines.size() ? split(lines[i + 1], '\x1f').front() : std::string();
    if (before == marker.head) return fields[0];
  }
  return std::nullopt;
}

void read_marker(const Context& context, const GovernancePlaces& places, policy::CommitFacts& facts) {
  const auto text = read_file(places.marker_file(), Errc::io, kPolicyBytesMax);
  if (!text) {
    if (text.error().code != Errc::not_found) facts.marker_problem = text.error().message;
    return;
  }
  auto marker = policy::read_commit_marker(*text);
  if (!marker) {
    facts.marker_problem = marker.error().message;
    return;
  }
  facts.marker = std::move(marker).value();
  const auto file = (std::filesystem::path(facts.marker->workspace) / facts.marker->workflow_file).string();
  if (auto flow = read_file(file, Errc::io, kWorkflowBytesMax))
    facts.workflow_sha256 = sha256_hex(workflow::without_literal_keys(std::move(flow).value()));
  if (facts.git_folder) facts.committed_since = committed_since(context, places, *facts.marker);
}

/// The store of the run: the one that is named, else the one in the folder of the marker.
std::string store_of(const Context& context, const GovernancePlaces& places) {
  const bool is_default =
      context.store == absolute_path(".hillstar/store") && !variable(context.environment, "HILLSTAR_STORE");
  return is_default ? places.hillstar + "/store" : context.store;
}

void look_at_record(const Context& context, const GovernancePlaces& places, policy::CommitFacts& facts) {
  using policy::RecordFinding;
  const auto& marker = *facts.marker;
  const Context there{context.output, context.clock, store_of(context, places), context.environment, context.yes};
  const auto store = read_store(there);
  if (!store) {
    facts.record_note =
        store.error().code == Errc::not_found ? "there is no store at " + there.store : to_string(store.error());
    return;
  }
  const RunId run(marker.run);
  const auto row = (*store)->summary(run);
  if (!row) {
    facts.record = row.error().code == Errc::run_not_found ? RecordFinding::unknown_run : RecordFinding::not_looked;
    facts.record_note = to_string(row.error());
    return;
  }
  const auto records = (*store)->read_records(run, marker.seq, 1);
  facts.record = RecordFinding::differs;
  if (!records || records->empty()) {
    facts.record_note = records ? "it has no event " + std::to_string(marker.seq) : to_string(records.error());
  } else if (persistence::to_hex(records->front().hash) != marker.chain) {
    facts.record_note = "the hash of event " + std::to_string(marker.seq) + " is another";
  } else if (row->status != "completed") {
    facts.record_note = "the run is " + row->status;
  } else {
    facts.record = RecordFinding::fits;
  }
}

std::string switch_of(const Context& context, const char* name) {
  return variable(context.environment, name).value_or("");
}

bool exists(const std::string& path) {
  std::error_code failed;
  return std::filesystem::exists(std::filesystem::symlink_status(path, failed));
}

}  // namespace

std::string GovernancePlaces::policy_file() const {
  return hillstar + "/" + std::string(policy::kGovernancePolicyFile);
}
std::string GovernancePlaces::marker_file() const { return hillstar + "/commit_ready.json"; }
std::string GovernancePlaces::dev_file() const { return hillstar + "/dev_mode_active"; }
std::string GovernancePlaces::log_file() const { return hillstar + "/governance_log.jsonl"; }

GovernancePlaces governance_places(const std::string& hillstar_dir, const std::string& project_dir) {
  const auto project = absolute_path(project_dir);
  return {project, hillstar_dir.empty() ? project + "/.hillstar" : absolute_path(hillstar_dir)};
}

Result<policy::GovernancePolicy> load_governance_policy(const Context& context, const GovernancePlaces& places) {
  auto files = tools::operator_policies(context.environment);
  files.push_back(places.policy_file());
  std::vector<policy::GovernanceText> said;
  for (const auto& file : files) {
    auto text = read_file(file, Errc::permission_denied, kPolicyBytesMax);
    if (text) {
      HILLSTAR_TRY(auto policy, policy::read_governance_policy(std::move(text).value(), file));
      said.push_back(std::move(policy));
    } else if (text.error().code != Errc::not_found || exists(file)) {
      // A link that leads nowhere is a policy that somebody wanted.
      return Error{Errc::permission_denied,
                   "The governance policy cannot be read, so everything is refused: " + text.error().message, file,
                   "Who may write " + file + " mends it, or removes it for the defaults."};
    }
  }
  // What the files say about runs: nothing runs if it cannot be understood.
  HILLSTAR_CHECK(tools::load_rules(places.project, context.environment));
  return policy::governance_policy(said);
}

Result<policy::CommitFacts> gather_commit_facts(const Context& context, const GovernancePlaces& places,
                                                const CommitSwitches& switches) {
  policy::CommitFacts facts;
  facts.now = context.clock.utc_now();
  facts.dev_flag = switches.dev;
  facts.is_hook = switches.hook;
  facts.dev_variable = switch_of(context, "HILLSTAR_DEV_MODE");
  facts.force_variable = switch_of(context, "HILLSTAR_FORCE_COMMIT");
  facts.dev_file = exists(places.dev_file());
  facts.policy_file = places.policy_file();
  facts.marker_file = places.marker_file();
  HILLSTAR_CHECK(ask_repository(context, places, facts));
  read_marker(context, places, facts);
  if (facts.marker && !facts.marker->run.empty()) look_at_record(context, places, facts);
  return facts;
}

Result<void> record_bypass(const Context& context, const GovernancePlaces& places, const policy::CommitFacts& facts,
                           const std::string& bypass) {
  std::string tree;
  if (facts.git_folder)
    if (const auto answer = ask_git(folder_to_ask(context, places), {"write-tree"}, context.environment);
        answer && answer->code == 0)
      tree = answer->out.substr(0, answer->out.find('\n'));
  const auto or_null = [](const std::string& text) {
    return text.empty() ? boost::json::value() : boost::json::value(text);
  };
  const auto line = json::canonical(boost::json::object{{"at", to_rfc3339(facts.now)},
                                                        {"who", person()},
                                                        {"bypass", bypass},
                                                        {"hook", facts.is_hook},
                                                        {"project", json::to_utf8(places.project)},
                                                        {"head", or_null(facts.head)},
                                                        {"tree", or_null(tree)},
                                                        {"paths", facts.paths.size()}}) +
                    "\n";
  const auto path = places.log_file();
  if (::mkdir(places.hillstar.c_str(), 0777) != 0 && errno != EEXIST) return io_error(errno, "create", places.hillstar);
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kLogMode));
  if (!file.is_open()) return io_error(errno, "open", path);
  // One write: lines of several commits at once do not mix.
  const auto written = ::write(file.get(), line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) return io_error(written < 0 ? errno : ENOSPC, "write", path);
  if (::fsync(file.get()) != 0) return io_error(errno, "sync", path);
  return {};
}

}  // namespace hillstar::cli
