// SPDX-License-Identifier: Apache-2.0
// ps: the runs without an end.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/carry.hpp"
#include "apps/cli/live_commands.hpp"
#include "apps/cli/store_owner.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// Who owns the store, and what it has in hand.
struct Hands {
  pid_t host = 0;
  std::optional<std::vector<RunId>> runs;  ///< Absent: the host does not say.

  /// True if the run goes on in the host; a host that does not say is believed to have all.
  [[nodiscard]] bool hold(const RunId& run) const {
    return host != 0 && (!runs || std::find(runs->begin(), runs->end(), run) != runs->end());
  }
};

Hands hands_of(const Context& context) {
  Hands hands;
  hands.host = owner_of(context.store);
  if (hands.host == 0) return hands;
  Link link({.folder = context.store, .environment = {}, .ephemeral = false});
  if (!link.join_only()) return hands;
  if (auto live = link.client().live_runs()) hands.runs = *std::move(live);
  return hands;
}

std::string host_name(pid_t host) { return host == kServiceOwner ? "the service" : std::to_string(host); }
bj::value host_value(pid_t host) { return host == kServiceOwner ? bj::value("service") : bj::value(host); }

Json live_object(const run::Summary& row, const Hands& hands) {
  auto object = row_object(row).value().as_object();
  object["host"] = hands.hold(row.run) ? host_value(hands.host) : bj::value(nullptr);
  return Json::of(object);
}

bool needs_host(const run::Summary& row) { return row.status != "paused" && row.status != "waiting"; }

/// Runs that ended between the look at the store and the question to its host seem to be of nobody: looks again.
Result<void> forget_ended(const Context& context, const Hands& hands, std::vector<run::Summary>& rows) {
  const auto doubtful = [&hands](const run::Summary& row) { return needs_host(row) && !hands.hold(row.run); };
  if (std::none_of(rows.begin(), rows.end(), doubtful)) return {};
  HILLSTAR_TRY(const auto store, read_store(context));
  for (auto& row : rows) {
    if (!doubtful(row)) continue;
    HILLSTAR_TRY(row, store->summary(row.run));
  }
  std::erase_if(rows, [](const run::Summary& row) { return run::is_terminal(row); });
  return {};
}

void print_table(Output& output, const std::vector<run::Summary>& rows, const Hands& hands) {
  std::vector<std::vector<std::string>> cells{
      {"RUN", "WORKFLOW", "STATUS", "NODES", "IN FLIGHT", "SINCE", "COST", "HOST"}};
  std::size_t alone = 0;
  for (const auto& row : rows) {
    const bool held = hands.hold(row.run);
    if (!held && needs_host(row)) ++alone;
    cells.push_back({row.run.str(), one_line(row.workflow.str(), 32), row.status,
                     fmt::format("{}/{}", row.nodes_done, row.nodes),
                     held && row.nodes_running > 0 ? std::to_string(row.nodes_running) : "", short_time(row.started_at),
                     row.cost.count > 0 ? money(row.cost) : "", held ? host_name(hands.host) : "nobody hosts it"});
  }
  for (const auto& line : table(cells)) output.data(line);
  if (alone > 0)
    output.say(fmt::format("{} will not go on by {}; `hillstar-actors resume RUN` takes it up.",
                           alone == 1 ? "1 run" : std::to_string(alone) + " runs",
                           alone == 1 ? "itself" : "themselves"));
}

}  // namespace

Result<Exit> list_live_runs(Context& context, const PsArgs& /*args*/) {
  HILLSTAR_TRY(const auto store, read_store(context));
  std::vector<run::Summary> rows;
  HILLSTAR_CHECK(store->each({.statuses = persistence::open_statuses()}, [&](const run::Summary& row) {
    rows.push_back(row);
    return true;
  }));
  const auto hands = rows.empty() ? Hands{} : hands_of(context);
  HILLSTAR_CHECK(forget_ended(context, hands, rows));
  auto& output = context.output;
  if (output.format() == Format::json) {
    bj::array array;
    for (const auto& row : rows) array.push_back(live_object(row, hands).value());
    output.data(Json::of(array));
  } else if (output.format() == Format::jsonl) {
    for (const auto& row : rows) output.data(live_object(row, hands));
  } else if (rows.empty()) {
    output.say("No run is live.");
  } else {
    print_table(output, rows, hands);
  }
  return Exit::done;
}

}  // namespace hillstar::cli
