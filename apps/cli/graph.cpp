// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "apps/cli/text.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kLabelColumns = 48;

/// Longest path from a start, by node.
std::vector<std::uint32_t> levels_of(const workflow::Plan& plan) {
  std::vector<std::uint32_t> levels(plan.nodes.size(), 0);
  for (std::size_t i = 0; i < plan.nodes.size(); ++i)
    for (const NodeIndex p : plan.nodes[i].predecessors) levels[i] = std::max(levels[i], levels[p] + 1);
  return levels;
}

/// Text inside a quoted label of `forbidden` characters made harmless.
std::string label(std::string_view text) {
  std::string out;
  for (const char c : one_line(text, kLabelColumns)) out += c == '"' ? std::string("'") : std::string(1, c);
  return out;
}

std::string_view opening(const workflow::PlanNode& node) {
  if (node.tool == "checkpoint" || node.permission == workflow::Permission::ask) return "{{";
  if (node.tool == "model_call") return "([";
  return "[";
}
std::string_view closing(const workflow::PlanNode& node) {
  if (node.tool == "checkpoint" || node.permission == workflow::Permission::ask) return "}}";
  if (node.tool == "model_call") return "])";
  return "]";
}

}  // namespace

std::string to_mermaid(const workflow::Plan& plan) {
  std::string out = "flowchart TD\n";
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const auto& node = plan.nodes[i];
    out += fmt::format("  n{}{}\"{}<br/>{}\"{}\n", i, opening(node), label(node.id.str()), label(node.tool),
                       closing(node));
  }
  for (std::size_t i = 0; i < plan.nodes.size(); ++i)
    for (const NodeIndex to : plan.nodes[i].successors)
      out += fmt::format("  n{} {} n{}\n", i, plan.nodes[to].stands_for == i ? "-.->" : "-->", to);
  return out;
}

std::string to_dot(const workflow::Plan& plan) {
  std::string out = fmt::format("digraph \"{}\" {{\n  rankdir=TB;\n  node [shape=box];\n", label(plan.workflow.str()));
  for (std::size_t i = 0; i < plan.nodes.size(); ++i)
    out += fmt::format("  n{} [label=\"{}\\n{}\"];\n", i, label(plan.nodes[i].id.str()), label(plan.nodes[i].tool));
  for (std::size_t i = 0; i < plan.nodes.size(); ++i)
    for (const NodeIndex to : plan.nodes[i].successors) out += fmt::format("  n{} -> n{};\n", i, to);
  return out + "}\n";
}

std::string to_ascii(const workflow::Plan& plan) {
  const auto levels = levels_of(plan);
  std::vector<std::vector<std::string>> rows{{"LEVEL", "NODE", "TOOL", "AFTER"}};
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const auto& node = plan.nodes[i];
    std::string after;
    for (const NodeIndex p : node.predecessors)
      after += (after.empty() ? "" : ", ") + one_line(plan.nodes[p].id.str(), kLabelColumns);
    rows.push_back({std::to_string(levels[i]), std::string(std::min<std::size_t>(levels[i], 20), ' ') +
                                                   one_line(node.id.str(), kLabelColumns),
                    node.tool, after});
  }
  std::string out;
  for (const auto& line : table(rows)) out += line + "\n";
  return out;
}

Json to_graph_json(const workflow::Plan& plan) {
  namespace bj = boost::json;
  const auto levels = levels_of(plan);
  bj::array nodes;
  bj::array edges;
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const auto& node = plan.nodes[i];
    bj::object entry{{"id", node.id.str()}, {"tool", node.tool}, {"level", levels[i]}};
    if (!node.provider.empty()) entry["provider"] = node.provider;
    if (!node.model.empty()) entry["model"] = node.model;
    if (node.loop)
      entry["loop"] = bj::object{{"id", node.loop->loop}, {"attempt", node.loop->attempt}, {"of", node.loop->of}};
    if (node.map) entry["map"] = true;
    if (node.checkpoint) entry["checkpoint"] = true;
    nodes.push_back(std::move(entry));
    for (const NodeIndex to : node.successors)
      edges.push_back(bj::object{{"from", node.id.str()}, {"to", plan.nodes[to].id.str()}});
  }
  return Json::of(bj::object{{"workflow", plan.workflow.str()}, {"nodes", std::move(nodes)}, {"edges", std::move(edges)}});
}

}  // namespace hillstar::cli
