// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/run_parts.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <utility>

#include "runtime/platform/id_source.hpp"
#include "runtime/run/child.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kReasonsOfPart = 3;
/// Runs whose node is looked for; of maps with more items the last ones are named.
constexpr std::size_t kNamesMax = 10'000;

std::string unit_of(const std::string& name) { return name.substr(0, name.rfind('#')); }

/// Ids of all runs that nodes may have had, with the units.
std::map<RunId, std::string> units_by_run(const StoredRun& stored) {
  std::map<RunId, std::string> units;
  const auto add = [&](const NodeId& node, std::optional<std::uint32_t> item, const run::UnitState& unit) {
    for (std::uint32_t failed = 0; unit.attempt > 0 && failed <= unit.counted && units.size() < kNamesMax; ++failed) {
      const auto name = run::child_name(node, item, failed);
      units.emplace(derived_run(stored.run, name), unit_of(name));
    }
  };
  for (NodeIndex i = 0; i < stored.state.nodes.size(); ++i) {
    const auto& node = stored.state.plan->nodes[i];
    const auto& now = stored.state.nodes[i];
    if (!run::runs_workflow(node)) continue;
    if (!node.map) add(node.id, std::nullopt, now);
    if (now.map)
      for (auto item = now.map->next; item-- > 0;) add(node.id, item, now.map->units[item]);
  }
  return units;
}

bool runs_others(const StoredRun& stored) {
  const auto& nodes = stored.state.plan->nodes;
  return std::any_of(nodes.begin(), nodes.end(), [](const auto& node) { return run::runs_workflow(node); });
}

/// All of its attempts in flight are runs.
bool has_open_parts(const persistence::EventStore& store, const run::Summary& row) {
  persistence::RunQuery asked;
  asked.above = row.run;
  asked.statuses = persistence::open_statuses();
  asked.limit = persistence::kPageRowsMax;
  const auto page = store.query(asked);
  return page && (page->more || page->rows.size() >= row.nodes_running);
}

}  // namespace

RunParts parts_of(const persistence::EventStore& store, const StoredRun& stored) {
  RunParts parts;
  if (!runs_others(stored)) return parts;
  persistence::RunQuery asked;
  asked.above = stored.run;
  asked.limit = kPartsShownMax;
  const auto page = store.query(asked);
  if (!page) return parts;
  const auto units = units_by_run(stored);
  for (const auto& row : page->rows) {
    const auto unit = units.find(row.run);
    parts.parts.push_back({unit == units.end() ? std::string() : unit->second, row});
  }
  parts.more = page->more;
  return parts;
}

Json to_json(const RunParts& parts) {
  bj::array array;
  for (const auto& part : parts.parts)
    array.push_back({{"run", part.row.run.str()},
                     {"node", part.unit},
                     {"workflow", part.row.workflow.str()},
                     {"status", part.row.status}});
  return Json::of(bj::value(std::move(array)));
}

bool parts_rest(const persistence::EventStore& store, const RunId& run) {
  persistence::RunQuery asked;
  asked.above = run;
  asked.statuses = persistence::open_statuses();
  bool rest = true;
  const auto read = store.each(asked, [&](const run::Summary& row) {
    const bool waits = row.status == "paused" || row.status == "waiting";
    rest = waits && (row.nodes_running == 0 || (has_open_parts(store, row) && parts_rest(store, row.run)));
    return rest;
  });
  return rest || !read;
}

void add_parts(const persistence::EventStore& store, const StoredRun& stored, run::Why& why) {
  if (run::is_terminal(stored.state)) return;
  std::size_t named = 0;
  for (const auto& open : run::open_children(stored.state)) {
    const auto part = derived_run(stored.run, open.name);
    const auto row = store.summary(part);
    if (!row || run::is_terminal(*row)) continue;
    if (++named > run::kNamedMax) {
      ++why.left_out;
      continue;
    }
    run::Reason reason;
    reason.depth = 1;
    reason.kind = "part";
    reason.unit = open.unit;
    reason.text = "'" + unit_of(open.name) + "' waits for run " + part.str() + " of workflow '" + row->workflow.str() +
                  "', which is " + row->status + (row->reason.empty() ? "" : " (" + row->reason + ")") + ".";
    why.reasons.push_back(std::move(reason));
    const auto child = load_run(store, part);
    if (!child) continue;
    auto inner = run::why(child->state, child->history);
    add_parts(store, *child, inner);
    std::size_t told = 0;
    for (auto& one : inner.reasons) {
      if (one.depth == 0 || ++told > kReasonsOfPart) continue;
      one.depth += 1;
      one.unit.reset();
      one.seq.reset();
      why.reasons.push_back(std::move(one));
    }
  }
}

}  // namespace hillstar::cli
