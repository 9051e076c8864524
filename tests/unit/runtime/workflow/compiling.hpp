// SPDX-License-Identifier: Apache-2.0
// For the tests of this folder: workflows in few words, and diagnostics as text.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/workflow/compile.hpp"

namespace hillstar::workflow::testing {

/// A workflow of the given nodes, edges (`a>b c>d`) and further top-level fields.
inline std::string flow(const std::string& nodes, std::string_view edges = {}, const std::string& more = {},
                        const std::string& loops = {}) {
  std::string list;
  for (std::size_t at = 0; at < edges.size();) {
    const auto end = std::min(edges.find(' ', at), edges.size());
    const auto pair = edges.substr(at, end - at);
    const auto arrow = pair.find('>');
    list += (list.empty() ? "" : ",") + ("{\"from\":\"" + std::string(pair.substr(0, arrow))) + "\",\"to\":\"" +
            std::string(pair.substr(arrow + 1)) + "\"}";
    at = end + 1;
  }
  return "{\"id\":\"w\"," + more + "\"graph\":{\"nodes\":{" + nodes + "},\"edges\":[" + list + "]" +
         (loops.empty() ? "" : ",\"loops\":[" + loops + "]") + "}}";
}

/// `"a":{...}`: a script_run node with further fields.
inline std::string script(const std::string& id, const std::string& more = {}) {
  return "\"" + id + "\":{\"tool\":\"script_run\",\"parameters\":{\"script\":\"true\"}" +
         (more.empty() ? "" : "," + more) + "}";
}
inline std::string input(const std::string& text) { return "\"input\":\"" + text + "\""; }

/// All diagnostics, one a line.
inline std::string report(const Compiled& compiled) {
  std::string out;
  for (const auto& diagnostic : compiled.diagnostics) out += to_string(diagnostic, "") + "\n";
  return out;
}
inline std::string report(const std::string& text) { return report(compile(text)); }
inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// Node ids in plan order, separated by spaces.
inline std::string order(const Plan& plan) {
  std::string out;
  for (const auto& node : plan.nodes) out += (out.empty() ? "" : " ") + node.id.str();
  return out;
}
inline const PlanNode& node(const Plan& plan, std::string_view id) {
  return *std::find_if(plan.nodes.begin(), plan.nodes.end(), [&](const auto& n) { return n.id.str() == id; });
}
inline NodeIndex index(const Plan& plan, std::string_view id) {
  return static_cast<NodeIndex>(&node(plan, id) - plan.nodes.data());
}
/// Ids of the predecessors, separated by spaces.
inline std::string before(const Plan& plan, std::string_view id) {
  std::string out;
  for (const auto i : node(plan, id).predecessors) out += (out.empty() ? "" : " ") + plan.nodes[i].id.str();
  return out;
}

}  // namespace hillstar::workflow::testing
