// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/migrate_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <memory>

#include "apps/cli/environment.hpp"
#include "apps/cli/inheritance.hpp"
#include "apps/cli/key_file.hpp"
#include "apps/cli/private_file.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/run_variables.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/workflow_file.hpp"

namespace hillstar::cli {
namespace {

namespace fs = std::filesystem;
using policy::MigrationFinding;
using policy::MigrationLevel;
using policy::MigrationReport;

constexpr std::size_t kFileBytesMax = 64U << 20U;
constexpr std::size_t kCheckpointBytesMax = 1U << 30U;
constexpr std::size_t kProgramBytesMax = 1U << 20U;

MigrationReport one(MigrationLevel level, std::string rule, std::string here, std::string hillstar, std::string mend) {
  MigrationReport report;
  report.findings.push_back(
      {level, std::move(rule), {}, {.line = 0, .column = 0}, std::move(here), std::move(hillstar), std::move(mend)});
  return report;
}

MigrationReport unreadable(const Error& error) {
  return one(MigrationLevel::change, number(error.code), error.message, "", error.hint);
}

/// The text of a program in the workspace: what lies elsewhere is not this project's, and a binary has no text.
std::optional<std::string> program_text(const std::string& workspace, const std::string& folder,
                                        const std::string& path) {
  const auto whole = (fs::path(workspace) / folder / path).lexically_normal();
  const auto inside = whole.lexically_relative(fs::path(workspace).lexically_normal());
  std::error_code failed;
  if (inside.empty() || *inside.begin() == ".." || !fs::is_regular_file(whole, failed)) return std::nullopt;
  if (fs::file_size(whole, failed) > kProgramBytesMax || failed) return std::nullopt;
  auto text = read_file(whole.string(), Errc::io, kProgramBytesMax);
  if (!text || text->find('\0') != std::string::npos) return std::nullopt;
  return *std::move(text);
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "'" : ", '") + name + "'";
  return out;
}

class Migration {
 public:
  Migration(Context& context, std::string workspace)
      : context_(context),
        workspace_(std::move(workspace)),
        redactor_({}, std::make_shared<const policy::SecretRules>(policy::rule_choice(context.environment))) {}

  Result<void> prepare() {
    auto registry = load_registry(context_.environment);
    if (!registry) context_.output.warn("warning: " + visible(to_string(registry.error())));
    registry_ =
        registry ? *registry : std::shared_ptr<const policy::Registry>(&policy::shipped_registry(), [](const auto*) {});
    return {};
  }

  MigrationReport look_at(const OldFile& file) {
    if (file.kind == OldFileKind::workflow) return workflow(file.path);
    if (file.kind == OldFileKind::project_env) return project_env(file.path);
    if (file.kind == OldFileKind::checkpoint) return checkpoint(file.path);
    if (file.kind == OldFileKind::dev_flag)
      return one(MigrationLevel::differs, "dev-mode", "commits pass without a run, and each is recorded",
                 "wrote it, and never read it", "`hillstar-actors mode normal` ends it");
    const auto text = read_file(file.path, Errc::io, kFileBytesMax);
    if (!text) return unreadable(text.error());
    if (file.kind == OldFileKind::policy) return policy::migrate_policy(*text, file.path);
    if (file.kind == OldFileKind::marker) return policy::migrate_marker(*text);
    auto report = file.kind == OldFileKind::registry ? policy::migrate_registry(*text, file.path)
                                                     : policy::migrate_secrets(*text);
    if (auto open = too_open(file.path)) {
      auto found = one(MigrationLevel::differs, "open-file", *open, "did not look", "");
      report.findings.insert(report.findings.begin(), std::move(found.findings.front()));
    }
    return report;
  }

 private:
  struct Known {
    std::string file;
    workflow::Plan plan;
  };

  MigrationReport workflow(const std::string& file) {
    const auto loaded = load_workflow(file, {false, *registry_, context_.environment});
    // As it is written: positions are those of the file, which keys are not taken out of.
    const auto text = read_file(file, Errc::workflow_file, kFileBytesMax);
    if (!loaded) return unreadable(loaded.error());
    if (!text) return unreadable(text.error());
    const auto look_up = policy::look_up_in(context_.environment);
    const policy::MigrationWorld world{
        *registry_, look_up, workspace_, redactor_,
        [this](const std::string& folder, const std::string& path) { return program_text(workspace_, folder, path); }};
    if (loaded->compiled.plan)
      plans_.emplace(loaded->compiled.plan->workflow.str(), Known{file, *loaded->compiled.plan});
    return policy::migrate_workflow(*text, loaded->compiled, world);
  }

  /// By reading it as a run would.
  MigrationReport project_env(const std::string& file) {
    const auto text = read_file(file, Errc::io, kFileBytesMax);
    if (!text) return unreadable(text.error());
    MigrationReport report;
    std::vector<std::string> set;
    for (const auto& entry : variables_in(*text)) {
      const auto name = entry.substr(0, entry.find('='));
      const auto here = variable(context_.environment, name);
      if (here && name + "=" + *here != entry) set.push_back(name);
    }
    const auto add = [&](MigrationLevel level, const char* rule, std::string here, const char* hillstar,
                         const char* mend) {
      auto found = one(level, rule, std::move(here), hillstar, mend);
      report.findings.push_back(std::move(found.findings.front()));
    };
    if (!set.empty())
      add(MigrationLevel::differs, "env-adds", "what is set outside counts: " + joined(set),
          "let the file replace what was set", "unset them, or export what the file says");
    const auto whole = absolute_path(file);
    const auto read = read_variables(context_.environment, {fs::path(whole).parent_path().string(), {}}, *registry_);
    for (const auto& warning : read ? read->warnings : std::vector<std::string>())
      if (warning.find(" of " + whole + " is not used") != std::string::npos)
        add(MigrationLevel::change, "env-refused", warning, "took everything", "");
    report.keeps.push_back(
        "It adds variables to those that are set, for runs and for scripts; scripts do not see keys.");
    return report;
  }

  MigrationReport checkpoint(const std::string& file) {
    const auto text = read_file(file, Errc::io, kCheckpointBytesMax);
    if (!text) return unreadable(text.error());
    const auto read = read_checkpoint(*text, file);
    if (!read) {
      auto report = one(MigrationLevel::differs, "checkpoint-broken", read.error().message,
                        "left it out when it listed checkpoints", "it cannot be resumed from");
      return report;
    }
    const auto [begin, end] = plans_.equal_range(read->workflow);
    if (begin == end)
      return one(MigrationLevel::advice, "checkpoint-foreign",
                 "no workflow '" + read->workflow + "' that compiles was found beside it: it goes with no other",
                 "took it for any workflow with a node of that name", "");
    const auto no_blob = [](const std::string&) -> Result<std::string> {
      return Error{Errc::blob_missing, "A checkpoint file holds its results in place."};
    };
    std::string why;
    for (auto known = begin; known != end; ++known) {
      const auto taken = inherit(*read, known->second.plan, no_blob);
      if (taken) return compared(*read, *taken, known->second.file, file);
      why = taken.error().message;
    }
    return one(MigrationLevel::differs, "checkpoint-foreign", why, "did not compare", "");
  }

  static MigrationReport compared(const Checkpoint& checkpoint, const std::vector<NodeInherited>& taken,
                                  const std::string& workflow, const std::string& file) {
    std::vector<std::string> failed;
    std::vector<std::string> others;
    for (const auto& [id, result] : checkpoint.results) {
      const bool is_taken =
          std::any_of(taken.begin(), taken.end(), [&id = id](const auto& node) { return node.node.str() == id; });
      if (is_taken) continue;
      const auto value = result.json.value();
      (json::member(value, "error") != nullptr ? failed : others).push_back(id);
    }
    MigrationReport report;
    const auto add = [&](const char* rule, std::string here, const char* hillstar) {
      auto found = one(MigrationLevel::differs, rule, std::move(here), hillstar, "");
      report.findings.push_back(std::move(found.findings.front()));
    };
    if (!failed.empty())
      add("checkpoint-failed", "failed there, and runs again: " + joined(failed), "took a failure for a result");
    if (!others.empty())
      add("checkpoint-incomplete", "runs again, since a node before it has no result here: " + joined(others),
          "took everything before the checkpoint for done");
    report.keeps.push_back(fmt::format("{} of {} results; `hillstar-actors run {} --resume-from {}`", taken.size(),
                                       checkpoint.results.size(), workflow, file));
    return report;
  }

  Context& context_;
  std::string workspace_;
  policy::Redactor redactor_;
  std::shared_ptr<const policy::Registry> registry_;
  std::multimap<std::string, Known> plans_;  // by workflow id
};

/// What every workflow of this person uses.
void add_own_files(const Context& context, std::vector<OldFile>& files) {
  std::vector<std::pair<std::string, OldFileKind>> own;
  if (const auto home = variable(context.environment, "HOME"); home && !home->empty())
    own.emplace_back(*home + "/.hillstar/provider_registry.json", OldFileKind::registry);
  for (const auto& path : secrets_files(context.environment)) own.emplace_back(path, OldFileKind::secrets);
  for (const auto& [path, kind] : own) {
    std::error_code failed;
    if (!fs::is_regular_file(path, failed)) continue;
    const auto is_there = [&path = path](const OldFile& file) { return absolute_path(file.path) == path; };
    if (std::none_of(files.begin(), files.end(), is_there)) files.push_back({path, kind, {}});
  }
}

}  // namespace

Result<Exit> migrate(Context& context, const MigrateArgs& args) {
  std::error_code failed;
  const auto status = fs::status(args.target, failed);
  if (!fs::exists(status))
    return Error{Errc::not_found, "There is no such file or folder.", absolute_path(args.target),
                 "Name a workflow file, or the folder of a project."};
  const bool is_folder = fs::is_directory(status);
  // Files are looked at more than once, which a pipe cannot be.
  if (!is_folder && !fs::is_regular_file(status))
    return Error{Errc::workflow_file, "It is no regular file.", absolute_path(args.target),
                 "Name a workflow file, or the folder of a project."};
  HILLSTAR_TRY(const auto here, current_folder());
  Migration migration(context, is_folder ? absolute_path(args.target) : here);
  HILLSTAR_CHECK(migration.prepare());
  auto found = find_old_files(args.target);
  if (is_folder) add_own_files(context, found.files);
  std::vector<std::size_t> order(found.files.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  // Workflows first: checkpoints are compared with them.
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return found.files[a].kind < found.files[b].kind; });
  for (const auto i : order) found.files[i].report = migration.look_at(found.files[i]);
  if (found.is_cut) context.output.warn("warning: the folder is too large: not all of it was looked at");
  if (context.output.is_json())
    context.output.data(migration_json(found.files));
  else
    print_migration(context.output, found.files);
  const bool must_change = std::any_of(found.files.begin(), found.files.end(), [](const OldFile& file) {
    return std::any_of(file.report.findings.begin(), file.report.findings.end(),
                       [](const MigrationFinding& finding) { return finding.level == MigrationLevel::change; });
  });
  return must_change ? Exit::invalid_workflow : Exit::done;
}

}  // namespace hillstar::cli
