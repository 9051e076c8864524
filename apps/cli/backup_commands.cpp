// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/backup_commands.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

#include "apps/cli/carry.hpp"
#include "apps/cli/command_table.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/report.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/version.hpp"
#include "persistence/backup.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// Whether the history folds to the row that `ls` shows.
Result<void> folds(const persistence::EventStore& store, const RunId& run) {
  HILLSTAR_TRY(const auto stored, load_run(store, run));
  HILLSTAR_TRY(const auto row, store.summary(run));
  if (run::agrees(row, run::summarize(stored.state, run))) return {};
  return Error{Errc::replay_differs, "The history folds to another state than the stored row.", run.str(), {}};
}

/// Says what was done with which backup. Exit 9 if its store had problems when it was made.
Exit tell(Output& output, const std::string& done, const persistence::BackupManifest& manifest, bj::object more) {
  const auto& problems = manifest.problems;
  if (output.is_json()) {
    more.insert({{"ok", problems.empty()},
                 {"at", to_rfc3339(manifest.at)},
                 {"program", manifest.program},
                 {"runs", manifest.runs},
                 {"records", manifest.records},
                 {"blobs", manifest.blobs},
                 {"files", manifest.files.size()},
                 {"log_chain", manifest.log_chain},
                 {"problems", bj::value_from(problems)}});
    output.data(Json::of(more));
  } else {
    output.data(fmt::format("{}: {}, {} runs, {} records, {} blobs: {}", done, to_rfc3339(manifest.at), manifest.runs,
                            manifest.records, manifest.blobs,
                            problems.empty() ? "all hold" : "as in the store that was backed up, NOT all hold"));
    for (const auto& problem : problems) output.data("  " + visible(problem));
  }
  return problems.empty() ? Exit::done : Exit::integrity;
}

}  // namespace

Result<Exit> back_up(Context& context, const BackupArgs& args) {
  const auto folder = absolute_path(args.folder);
  if (args.verify) {
    HILLSTAR_TRY(const auto manifest, persistence::check_backup(folder, folds));
    return tell(context.output, "backup checked", manifest, {{"folder", folder}});
  }
  HILLSTAR_CHECK(check_store(context));
  HILLSTAR_TRY(
      const auto manifest,
      persistence::make_backup(context.store, folder, {std::string(engine_name()), context.clock.utc_now(), folds}));
  return tell(context.output, "backup made", manifest, {{"folder", folder}});
}

Result<Exit> restore_store(Context& context, const BackupArgs& args) {
  const auto folder = absolute_path(args.folder);
  HILLSTAR_TRY(const auto restored, persistence::restore_backup(folder, context.store, context.yes, folds));
  bj::object more{{"folder", folder}, {"store", context.store}};
  if (!restored.kept.empty()) more["kept"] = restored.kept;
  const auto exit = tell(context.output, "restored", restored.manifest, std::move(more));
  if (!restored.kept.empty()) context.output.say("The store that was there is kept: " + visible(restored.kept));
  return exit;
}

void add_backup_commands(Commands& commands) {
  auto [backup, b] = commands.add<BackupArgs>("backup", "Copy the whole store, also while it is in use", back_up);
  backup->add_option("FOLDER", b->folder, "where to; a new folder")->required();
  backup->add_flag("--verify", b->verify, "check the backup that is there, and make none");

  auto [restore, r] = commands.add<BackupArgs>("restore", "Put a backup back as the store", restore_store);
  restore->add_option("FOLDER", r->folder, "the backup")->required();
}

}  // namespace hillstar::cli
