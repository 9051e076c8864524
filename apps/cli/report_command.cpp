// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/report_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>

#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/report_document.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/policy/redaction.hpp"
#include "runtime/policy/rules.hpp"

namespace hillstar::cli {
namespace {

namespace fs = std::filesystem;

/// What was masked when the run was recorded is masked already; this is for what only this process knows.
policy::Redactor redactor_for(const Context& context, const StoredRun& stored, const persistence::EventStore& store) {
  auto rules = policy::default_rules();
  if (const auto& named = stored.state.started.rules_sha256) {
    const auto text = store.read_blob(*named);
    auto read = text ? policy::rules_from_text(*text) : Result<policy::Rules>(rules);
    if (read) rules = *std::move(read);
  }
  return policy::redactor_of(context.environment, policy::rule_choice(context.environment, &rules));
}

Result<void> write_whole(const std::string& file, const std::string& text) {
  const fs::path path(file);
  if (std::error_code failed; fs::is_directory(path, failed))
    return Error{Errc::io, "This is a folder.", file, "Name a file in it."};
  Descriptor folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) {
    auto error = io_error(errno, "open the folder", path.parent_path().string());
    if (error.code == Errc::not_found) error.code = Errc::io;  // nothing was looked for
    return error;
  }
  return replace_file({std::move(folder), path.filename().string()}, text, file);
}

std::string format_of(const ReportArgs& args) {
  if (!args.format.empty()) return args.format;
  return args.file.ends_with(".html") || args.file.ends_with(".htm") ? "html" : "markdown";
}

}  // namespace

Result<Exit> report_run(Context& context, const ReportArgs& args) {
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
  HILLSTAR_TRY(const auto document,
               doc::document_of(stored, {*store, redactor_for(context, stored, *store), context.clock.utc_now()}));
  const auto format = format_of(args);
  const auto text = format == "html" ? doc::to_html(document) : doc::to_markdown(document);
  auto& output = context.output;
  if (args.file.empty()) {
    if (output.is_json())
      output.data(Json::of(boost::json::object{{"run", document.run}, {"format", format}, {"text", text}}));
    else
      output.bytes(text);
    return Exit::done;
  }
  const auto file = absolute_path(args.file);
  HILLSTAR_CHECK(write_whole(file, text));
  if (output.is_json())
    output.data(Json::of(boost::json::object{
        {"run", document.run}, {"format", format}, {"written", json::to_utf8(file)}, {"bytes", text.size()}}));
  else
    output.say(fmt::format("wrote the report of {} to {}", document.run, visible(file)));
  return Exit::done;
}

}  // namespace hillstar::cli
