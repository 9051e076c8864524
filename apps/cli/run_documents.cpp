// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/run_documents.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "apps/cli/endpoints.hpp"
#include "apps/cli/live_run.hpp"
#include "messages/json_codec.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {

namespace bj = boost::json;

std::map<std::string, Millis> times_of(const StoredRun& stored) {
  LiveRun live;
  live.run = stored.run;
  live.state = run::initial(stored.state.plan);
  std::map<std::string, Millis> times;
  for (const auto& recorded : stored.history) {
    live.observe(recorded);
    if (const auto* node = node_of(recorded.event); node != nullptr && live.took) times[node->str()] += *live.took;
  }
  return times;
}

Json show_document(const StoredRun& stored, const run::Summary& row) {
  const auto times = times_of(stored);
  bj::object object = row_object(row).value().as_object();
  bj::array nodes;
  for (std::size_t i = 0; i < stored.state.nodes.size(); ++i) {
    const auto& node = stored.state.plan->nodes[i];
    const auto& state = stored.state.nodes[i];
    bj::object entry{{"node", node.id.str()},
                     {"tool", node.tool},
                     {"status", std::string(run::status_name(stored.state, state))},
                     {"attempt", state.attempt}};
    if (const auto time = times.find(node.id.str()); time != times.end()) entry["time_ms"] = time->second.count();
    if (state.failure)
      entry["failure"] =
          bj::object{{"kind", std::string(json::enum_name(state.failure->kind))}, {"message", state.failure->message}};
    nodes.push_back(std::move(entry));
  }
  object["nodes_detail"] = std::move(nodes);
  const auto& started = stored.state.started;
  object["inputs"] = started.inputs.value();
  object["workspace"] = started.workspace;
  object["output_dir"] = started.output_dir;
  object["started_by"] = started.started_by;
  object["engine"] = started.engine;
  object["workflow_sha256"] = started.workflow_sha256;
  object["air_gapped"] = started.air_gapped;
  bj::array endpoints;
  for (const auto& use : endpoints_of(stored.history)) {
    bj::array addresses;
    for (const auto& address : use.addresses) addresses.emplace_back(address);
    endpoints.push_back({{"endpoint", use.endpoint},
                         {"addresses", std::move(addresses)},
                         {"allowed", use.allowed},
                         {"refused", use.refused}});
  }
  object["endpoints"] = std::move(endpoints);
  return Json::of(object);
}

Result<std::vector<NodeIndex>> result_nodes(const StoredRun& stored, const std::string& node) {
  if (!node.empty()) {
    HILLSTAR_TRY(const auto index, find_node(*stored.state.plan, node));
    return std::vector<NodeIndex>{index};
  }
  auto nodes = final_nodes(stored.state);
  if (nodes.empty())
    return Error{Errc::run_state, fmt::format("The run has no result yet; it is {}.", run::status_name(stored.state)),
                 stored.run.str(),
                 "`hillstar-actors show` lists its nodes; `result RUN NODE` prints what one of them produced."};
  return nodes;
}

Result<Value> result_value(const StoredRun& stored, NodeIndex node) {
  auto value = run::result_of(stored.state, node);
  if (value.json.is_null() && value.blobs.empty())
    return Error{Errc::not_found,
                 fmt::format("Node '{}' has no result; it is {}.", stored.state.plan->nodes[node].id.str(),
                             run::status_name(stored.state, stored.state.nodes[node])),
                 stored.run.str(),
                 {}};
  return value;
}

Result<Json> result_document(const StoredRun& stored, const std::string& node, const ReadBlob& read) {
  HILLSTAR_TRY(const auto nodes, result_nodes(stored, node));
  bj::object all;
  for (const NodeIndex i : nodes) {
    HILLSTAR_TRY(const auto value, result_value(stored, i));
    HILLSTAR_TRY(all[stored.state.plan->nodes[i].id.str()], whole(value, read));
  }
  return Json::of(nodes.size() == 1 ? all.begin()->value() : bj::value(all));
}

}  // namespace hillstar::cli
