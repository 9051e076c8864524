// SPDX-License-Identifier: Apache-2.0
// gc: runs that have ended go, and what only they needed; that they were there stays provable.
#include "apps/cli/gc_command.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>

#include "apps/cli/carry.hpp"
#include "apps/cli/command_table.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/hosting.hpp"
#include "apps/cli/list_commands.hpp"
#include "apps/cli/questions.hpp"
#include "apps/cli/span.hpp"
#include "apps/http/remote.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {
namespace {

Result<CollectJob> job_of(const GcArgs& args) {
  CollectJob job;
  if (!args.older_than.empty()) {
    HILLSTAR_TRY(job.older_than, length_from_text(args.older_than, "--older-than"));
  }
  if (!args.max_bytes.empty()) {
    HILLSTAR_TRY(job.max_bytes, bytes_of(args.max_bytes, "--max-bytes"));
  }
  job.keep_last = args.keep_last;
  if (!args.stream.empty()) job.stream = args.stream;
  if (!args.workflow.empty()) job.workflow = WorkflowId(args.workflow);
  job.dry_run = args.dry_run;
  return job;
}

std::string in_units(std::uint64_t bytes) {
  if (bytes < 10U << 10U) return fmt::format("{} bytes", bytes);
  if (bytes < 10U << 20U) return fmt::format("{} KiB", bytes >> 10U);
  return fmt::format("{} MiB", bytes >> 20U);
}

/// As removal_object() made it, here or by a host.
Result<void> tell(Output& output, const Json& removed) {
  if (output.is_json()) {
    output.data(removed);
    return {};
  }
  const auto document = removed.value();
  const auto number = [&](std::string_view name) {
    const auto* member = json::member(document, name);
    return member != nullptr && member->is_number() ? member->to_number<std::uint64_t>() : 0;
  };
  const auto* dry_run = json::member(document, "dry_run");
  if (dry_run == nullptr || !dry_run->is_bool())
    return Error{Errc::host_protocol, "The host did not say what it removed.", {}, {}};
  if (dry_run->get_bool())
    output.data(fmt::format("{} runs would go, with {} records ({}) and the blobs that only they name", number("runs"),
                            number("records"), in_units(number("record_bytes"))));
  else
    output.data(fmt::format("removed {} runs with {} records ({}), {} blobs ({})", number("runs"), number("records"),
                            in_units(number("record_bytes")), number("blobs"), in_units(number("blob_bytes"))));
  return {};
}

}  // namespace

Result<Exit> collect_garbage(Context& context, const GcArgs& args) {
  HILLSTAR_TRY(const auto job, job_of(args));
  const bool remote = http::is_service_url(context.store);
  if (!remote) HILLSTAR_CHECK(check_store(context));
  // Whoever owns the store does it, between its commits; who finds nobody is the owner for so long.
  Link link({.folder = context.store, .environment = {}, .ephemeral = false});
  HILLSTAR_CHECK(link.open());
  Question question{Topic::collect, {}, Json::from_canonical(json::to_text(job)), person()};
  const auto removed = link.ask(question);
  const auto told = removed ? tell(context.output, *removed) : Result<void>(removed.error());
  host_others(context, link);
  HILLSTAR_CHECK(told);
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
