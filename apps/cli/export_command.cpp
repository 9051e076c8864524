// SPDX-License-Identifier: Apache-2.0
// export: a run's history as JSON lines that prove themselves, its trace, or its Hillstar files once more.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "actors/hillstar_export.hpp"
#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/stream_histories.hpp"
#include "apps/cli/version.hpp"
#include "apps/telemetry/settings.hpp"
#include "apps/telemetry/span_source.hpp"
#include "persistence/export.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar::cli {

namespace {

/// Spans of one line: what a collector is sent at once, too.
constexpr std::size_t kSpansOfLine = 512;

/// The same spans with the same ids as a live export, in pieces that a collector takes as they are.
Result<Exit> export_trace(Context& context, const persistence::EventStore& store, const run::Summary& row) {
  telemetry::SpanOptions options;
  options.redactor = policy::redactor_of(context.environment, policy::rule_choice(context.environment));
  HILLSTAR_TRY(const auto settings, telemetry::settings_of(context.environment, std::string(version())));
  options.content = settings.content;
  options.older_names = settings.older_names;
  HILLSTAR_TRY(const auto resource, telemetry::resource_of(context.environment, std::string(version())));
  telemetry::SpanSource source(store, std::move(options));
  HILLSTAR_TRY(const auto spans, source.all_of(row.run));
  for (std::size_t first = 0; first < spans.size() && !context.output.broken(); first += kSpansOfLine) {
    const auto last = std::min(spans.size(), first + kSpansOfLine);
    context.output.data(telemetry::traces_json(resource, spans.data() + first, spans.data() + last));
  }
  if (!run::is_terminal(row))
    context.output.say(fmt::format("run {} has not ended: its own span is not among them", row.run.str()));
  return Exit::done;
}

}  // namespace

Result<Exit> export_files(Context& context, const ExportArgs& args) {
  HILLSTAR_TRY(const auto store, read_store(context));
  if (args.otlp) {
    HILLSTAR_TRY(const auto row, select_run(*store, args.run));
    return export_trace(context, *store, row);
  }
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
