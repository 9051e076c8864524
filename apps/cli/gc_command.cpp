// SPDX-License-Identifier: Apache-2.0
// gc: runs that have ended go, and what only they needed; that they were there stays provable.
#include "apps/cli/gc_command.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <optional>

#include "apps/cli/carry.hpp"
#include "apps/cli/command_table.hpp"
#include "apps/cli/list_commands.hpp"
#include "persistence/collector.hpp"
#include "persistence/rocksdb_store.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// `1000`, `500K`, `20M`, `3G`: powers of 1024.
Result<std::uint64_t> bytes_from_text(const std::string& text) {
  std::uint64_t count = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, count);
  constexpr std::string_view kUnits = "KMGT";
  unsigned shift = 0;
  bool good = code == std::errc();
  if (good && rest != end) {
    const auto unit = kUnits.find(*rest);
    good = rest + 1 == end && unit != std::string_view::npos;
    if (good) shift = 10U * (static_cast<unsigned>(unit) + 1U);
  }
  if (!good || count > UINT64_MAX >> shift)
    return Error{Errc::usage,
                 "--max-bytes: '" + text + "' is no number of bytes.",
                 {},
                 "Give a number, with K, M, G or T behind it if you like."};
  return count << shift;
}

Result<persistence::Retention> retention_of(const GcArgs& args) {
  persistence::Retention retention;
  if (!args.older_than.empty()) {
    HILLSTAR_TRY(retention.older_than, length_from_text(args.older_than, "--older-than"));
  }
  if (!args.max_bytes.empty()) {
    HILLSTAR_TRY(retention.max_bytes, bytes_from_text(args.max_bytes));
  }
  retention.keep_last = args.keep_last;
  if (!args.stream.empty()) retention.stream = args.stream;
  if (!args.workflow.empty()) retention.workflow = WorkflowId(args.workflow);
  return retention;
}

std::string in_units(std::uint64_t bytes) {
  if (bytes < 10U << 10U) return fmt::format("{} bytes", bytes);
  if (bytes < 10U << 20U) return fmt::format("{} KiB", bytes >> 10U);
  return fmt::format("{} MiB", bytes >> 20U);
}

void tell(Output& output, const persistence::Removal& removed, bool dry_run) {
  if (output.is_json()) {
    output.data(Json::of(bj::object{{"dry_run", dry_run},
                                    {"runs", removed.runs},
                                    {"records", removed.records},
                                    {"record_bytes", removed.record_bytes},
                                    {"blobs", removed.blobs},
                                    {"blob_bytes", removed.blob_bytes}}));
    return;
  }
  if (dry_run) {
    output.data(fmt::format("{} runs would go, with {} records ({}) and the blobs that only they name", removed.runs,
                            removed.records, in_units(removed.record_bytes)));
    return;
  }
  output.data(fmt::format("removed {} runs with {} records ({}), {} blobs ({})", removed.runs, removed.records,
                          in_units(removed.record_bytes), removed.blobs, in_units(removed.blob_bytes)));
}

}  // namespace

Result<Exit> collect_garbage(Context& context, const GcArgs& args) {
  HILLSTAR_TRY(auto retention, retention_of(args));
  HILLSTAR_CHECK(check_store(context));
  auto opened = persistence::RocksStore::open(context.store, {.read_only = args.dry_run, .env = nullptr});
  if (!opened) {
    auto error = opened.error();
    if (error.code == Errc::store_busy)
      error.hint = "gc needs the store for itself: try again when its host has ended.";
    return error;
  }
  const auto store = *std::move(opened);
  persistence::Collector collector(*store, std::move(retention), context.clock.utc_now(), args.dry_run);
  for (bool more = true; more;) {
    HILLSTAR_TRY(more, collector.step());
  }
  tell(context.output, collector.removed(), args.dry_run);
  return Exit::done;
}

void add_gc(Commands& commands) {
  auto [gc, g] = commands.add<GcArgs>("gc", "Remove runs that have ended, but not the proof that they were there",
                                      collect_garbage);
  gc->add_option("--older-than", g->older_than, "those that ended longer ago: 90s, 15m, 2h, 7d, 4w")->type_name("TIME");
  gc->add_option("--max-bytes", g->max_bytes, "those beyond the newest with so many bytes of records: 500M, 20G")
      ->type_name("BYTES");
  gc->add_option("--keep-last", g->keep_last, "never the newest so many; by itself: all others")->type_name("N");
  gc->add_option("--stream", g->stream, "only runs that it started")->type_name("NAME");
  gc->add_option("--workflow", g->workflow, "only runs of this workflow")->type_name("ID");
  gc->add_flag("--dry-run", g->dry_run, "say what would go, and remove nothing");
}

}  // namespace hillstar::cli
