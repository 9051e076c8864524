// SPDX-License-Identifier: Apache-2.0
// migrate: what files made for Hillstar will do here. Reads, and changes nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/commands.hpp"
#include "runtime/policy/migration.hpp"

namespace hillstar::cli {

struct MigrateArgs {
  std::string target;
};
/// Ends with 3 if something must be changed before it runs. Errors: not_found, workflow_file.
Result<Exit> migrate(Context& context, const MigrateArgs& args);

/// In the order in which they are looked at: checkpoints are compared with the workflows.
enum class OldFileKind { workflow, registry, secrets, project_env, policy, marker, dev_flag, checkpoint };
std::string_view kind_name(OldFileKind kind);

struct OldFile {
  std::string path;  ///< As shown, and as it is opened.
  OldFileKind kind = OldFileKind::workflow;
  policy::MigrationReport report;
};

struct OldFiles {
  std::vector<OldFile> files;  ///< By path.
  bool is_cut = false;         ///< There is more than is looked at.
};
/// The file itself, whatever it is; of a folder all that Hillstar wrote or reads there, and not what lies in other
/// hidden folders or behind symbolic links.
OldFiles find_old_files(const std::string& target);

/// Plain lines; findings of a file under its name.
void print_migration(Output& output, const std::vector<OldFile>& files);
Json migration_json(const std::vector<OldFile>& files);

}  // namespace hillstar::cli
