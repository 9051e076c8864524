// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/backup_commands.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

#include "apps/cli/backup_view.hpp"
#include "apps/cli/carry.hpp"
#include "apps/cli/command_table.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/version.hpp"
#include "apps/http/remote.hpp"
#include "persistence/backup.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// Checking a large store again takes its time.
constexpr Millis kServicePatience{86'400'000};

/// Says what was done with which backup. Exit 9 if its store had problems when it was made.
Exit tell(Output& output, const std::string& done, const Json& document) {
  const auto tree = document.value();
  const auto number = [&tree](std::string_view name) {
    const auto* value = json::member(tree, name);
    return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
  };
  const auto* problems = json::member(tree, "problems");
  const auto* at = json::member(tree, "at");
  const bool holds = problems == nullptr || !problems->is_array() || problems->get_array().empty();
  if (output.is_json()) {
    output.data(document);
  } else {
    output.data(fmt::format("{}: {}, {} runs, {} records, {} blobs: {}", done,
                            at != nullptr && at->is_string() ? visible(std::string(at->get_string())) : "",
                            number("runs"), number("records"), number("blobs"),
                            holds ? "all hold" : "as in the store that was backed up, NOT all hold"));
    if (!holds)
      for (const auto& problem : problems->get_array())
        if (problem.is_string()) output.data("  " + visible(std::string(problem.get_string())));
  }
  return holds ? Exit::done : Exit::integrity;
}

/// The service makes it where its store is, and checks it there.
Result<Exit> ask_service(Context& context, const BackupArgs& args) {
  if (args.folder.find('/') != std::string::npos)
    return Error{Errc::usage, "A service makes backups in a folder of its own: give a name, not a path.", args.folder,
                 "That folder is what `serve --backups` says."};
  HILLSTAR_TRY(const auto remote, http::Remote::open(context.store, context.environment));
  const auto asked = json::canonical(bj::object{{"name", args.folder}, {"verify", args.verify}});
  HILLSTAR_TRY(const auto answer, remote->send("POST", "/v1/backups", asked, kServicePatience));
  HILLSTAR_TRY(const auto document, json::parse(answer));
  return tell(context.output, args.verify ? "backup checked" : "backup made", Json::of(document));
}

}  // namespace

Result<Exit> back_up(Context& context, const BackupArgs& args) {
  if (http::is_service_url(context.store)) return ask_service(context, args);
  const auto folder = absolute_path(args.folder);
  if (args.verify) {
    HILLSTAR_TRY(const auto manifest, persistence::check_backup(folder, history_folds));
    return tell(context.output, "backup checked", backup_document(manifest, folder));
  }
  HILLSTAR_CHECK(check_store(context));
  HILLSTAR_TRY(const auto manifest,
               persistence::make_backup(context.store, folder,
                                        {std::string(engine_name()), context.clock.utc_now(), history_folds}));
  return tell(context.output, "backup made", backup_document(manifest, folder));
}

Result<Exit> restore_store(Context& context, const BackupArgs& args) {
  const auto folder = absolute_path(args.folder);
  HILLSTAR_TRY(const auto restored, persistence::restore_backup(folder, context.store, context.yes, history_folds));
  auto document = backup_document(restored.manifest, folder).value();
  document.get_object()["store"] = context.store;
  if (!restored.kept.empty()) document.get_object()["kept"] = restored.kept;
  const auto exit = tell(context.output, "restored", Json::of(document));
  if (!restored.kept.empty()) context.output.say("The store that was there is kept: " + visible(restored.kept));
  return exit;
}

void add_backup_commands(Commands& commands) {
  auto [backup, b] = commands.add<BackupArgs>("backup", "Copy the whole store, also while it is in use", back_up);
  backup->add_option("FOLDER", b->folder, "where to; a new folder, or with a service its name")->required();
  backup->add_flag("--verify", b->verify, "check the backup that is there, and make none");

  auto [restore, r] = commands.add<BackupArgs>("restore", "Put a backup back as the store", restore_store);
  restore->add_option("FOLDER", r->folder, "the backup")->required();
}

}  // namespace hillstar::cli
