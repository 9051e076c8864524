// SPDX-License-Identifier: Apache-2.0
// export: a run's history as JSON lines that prove themselves, or its Hillstar files once more.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "actors/hillstar_export.hpp"
#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/stream_histories.hpp"
#include "persistence/export.hpp"

namespace hillstar::cli {

Result<Exit> export_files(Context& context, const ExportArgs& args) {
  HILLSTAR_TRY(const auto store, read_store(context));
  if (args.jsonl || context.output.format() == Format::jsonl) {
    HILLSTAR_TRY(const auto history, select_history(*store, args.run));
    const auto done = persistence::export_run(*store, history, [&context](std::string_view line) -> Result<void> {
      context.output.data(line);
      if (context.output.broken()) return Error{Errc::io, "Nobody reads the export any more."};
      return {};
    });
    // Why stdout is broken is told at the end; a reader that went away is its own business.
    if (!done && !context.output.broken()) return done.error();
    return Exit::done;
  }
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  const std::string folder = absolute_path(args.folder);
  if (const auto written = actors::export_run(*store, row.run, folder); !written) {
    Error error = written.error();
    // "Not found" is what the system says of a folder that cannot be made; nothing was looked for.
    if (error.code == Errc::not_found) error.code = Errc::io;
    return error;
  }
  if (context.output.is_json())
    context.output.data(Json::of(boost::json::object{{"run", row.run.str()}, {"output_dir", folder}}));
  else
    context.output.say(fmt::format("wrote the files of {} to {}", row.run.str(), folder));
  return Exit::done;
}

}  // namespace hillstar::cli
