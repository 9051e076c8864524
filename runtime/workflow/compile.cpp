// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/compile.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <functional>

#include "runtime/workflow/definition.hpp"
#include "runtime/workflow/definition_parts.hpp"
#include "runtime/workflow/graph.hpp"
#include "runtime/workflow/loops.hpp"

namespace hillstar::workflow {
namespace {

/// A cycle's nodes beyond this many are left out of the message.
constexpr std::size_t kShownMax = 20;

/// `a -> b -> a`.
std::string shown_cycle(const std::vector<std::uint32_t>& cycle, const std::function<std::string(std::uint32_t)>& id) {
  std::string text;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (i == kShownMax) {
      text += "(" + std::to_string(cycle.size() - kShownMax) + " more) -> ";
      break;
    }
    text += id(cycle[i]) + " -> ";
  }
  return text + id(cycle.front());
}

std::string node_pointer(const Definition& definition, AuthoredIndex node) {
  return "/graph/nodes/" + json::pointer_token(definition.nodes[node].draft.id.str());
}

/// Looks for a cycle in the graph as written, where its names are the author's.
bool has_authored_cycle(const Definition& definition, Problems& problems) {
  auto edges = definition.edges;
  edges.insert(edges.end(), definition.implied.begin(), definition.implied.end());
  const Graph graph(definition.nodes.size(), edges);
  const auto cycle = find_cycle(graph, topological_order(graph));
  if (cycle.empty()) return false;
  const auto text = shown_cycle(cycle, [&](std::uint32_t node) { return definition.nodes[node].draft.id.str(); });
  const auto by_ends = [](const Edge& a, const Edge& b) { return std::pair(a.from, a.to) < std::pair(b.from, b.to); };
  auto listed = definition.edges;
  std::sort(listed.begin(), listed.end(), by_ends);
  std::string hint;
  for (std::size_t i = 0; i < cycle.size() && hint.empty(); ++i) {
    const Edge edge{cycle[i], cycle[(i + 1) % cycle.size()]};
    if (std::binary_search(listed.begin(), listed.end(), edge, by_ends)) continue;
    hint = "'" + definition.nodes[edge.to].draft.id.str() + "' refers to '" +
           definition.nodes[edge.from].draft.id.str() + "' in a template or condition, which makes it wait for it";
  }
  problems.error(Errc::workflow_invalid, node_pointer(definition, cycle.front()), "cycle: " + text,
                 hint.empty() ? "remove one of these edges; repeat work with 'loops'" : hint);
  return true;
}

class PlanBuilder {
 public:
  PlanBuilder(Definition& definition, const Unrolled& unrolled, std::vector<std::uint32_t> order)
      : definition_(definition), unrolled_(unrolled), order_(std::move(order)), position_(order_.size()) {
    for (NodeIndex i = 0; i < order_.size(); ++i) position_[order_[i]] = i;
  }

  Plan build(const Graph& graph) {
    Plan plan;
    plan.nodes.reserve(order_.size());
    for (const auto node : order_) {
      plan.nodes.push_back(build_node(node));
      plan.nodes.back().predecessors = positions(graph.predecessors(node));
      plan.nodes.back().successors = positions(graph.successors(node));
    }
    for (const auto& loop : definition_.loops) plan.loops.push_back(build_loop(loop));
    plan.workflow = definition_.workflow;
    plan.max_concurrency = definition_.max_concurrency;
    plan.inputs = std::move(definition_.inputs);
    plan.file_access = std::move(definition_.file_access);
    plan.files = std::move(definition_.files);
    plan.model_config = definition_.model_config;
    plan.budget = read_budget(definition_.model_config);
    plan.provider_config = definition_.provider_config;
    plan.entry_points = std::move(definition_.entry_points);
    return plan;
  }

 private:
  PlanNode build_node(std::uint32_t node) const {
    const auto self = unrolled_.nodes()[node];
    const auto& authored = definition_.nodes[self.authored];
    auto out = authored.draft;
    out.id = NodeId(unrolled_.id(node));
    std::set<std::string> sources;
    if (authored.input != nullptr) out.input = unrolled_.rewrite(*authored.input, self, sources);
    if (authored.for_each != nullptr) out.map->for_each = unrolled_.rewrite(*authored.for_each, self, sources);
    out.sources.assign(sources.begin(), sources.end());
    if (out.when) out.when = in_plan(unrolled_.rewrite(*out.when, self));
    if (out.skip_if) out.skip_if = in_plan(unrolled_.rewrite(*out.skip_if, self));
    if (authored.loop != kNone) place_in_loop(out, self, definition_.loops[authored.loop]);
    return out;
  }

  void place_in_loop(PlanNode& node, const UnrolledNode& self, const LoopDefinition& loop) const {
    node.loop = LoopPlace{loop.id, self.attempt, loop.attempts};
    if (self.attempt == 1) return;
    node.stands_for = position_[unrolled_.at(self.authored, self.attempt - 1)];
    auto over = in_plan(unrolled_.is_over(loop, self.attempt - 1));
    if (node.skip_if) {
      Condition either;
      either.any.push_back(std::move(over));
      either.any.push_back(*std::move(node.skip_if));
      over = std::move(either);
    }
    node.skip_if = std::move(over);
  }

  PlanLoop build_loop(const LoopDefinition& loop) const {
    PlanLoop out;
    out.id = loop.id;
    out.attempts = loop.attempts;
    out.fail_when_exhausted = loop.fail_when_exhausted;
    out.met = in_plan(unrolled_.is_over(loop, loop.attempts));
    for (const auto judge : loop.judges) out.judges.push_back(position_[unrolled_.last(judge)]);
    return out;
  }

  Condition in_plan(Condition condition) const {
    if (condition.test) condition.test->node = position_[condition.test->node];
    if (condition.status) condition.status->node = position_[condition.status->node];
    for (auto* list : {&condition.all, &condition.any, &condition.none})
      for (auto& inner : *list) inner = in_plan(std::move(inner));
    return condition;
  }

  std::vector<NodeIndex> positions(const Graph::Range& nodes) const {
    std::vector<NodeIndex> out;
    out.reserve(nodes.size());
    for (const auto node : nodes) out.push_back(position_[node]);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  Definition& definition_;
  const Unrolled& unrolled_;
  std::vector<std::uint32_t> order_;  ///< Plan index -> unrolled node.
  std::vector<NodeIndex> position_;   ///< Unrolled node -> plan index.
};

std::optional<Plan> build_plan(Definition& definition, Problems& problems) {
  const auto unrolled = Unrolled::of(definition, problems);
  if (!unrolled) return std::nullopt;
  const Graph graph(unrolled->nodes().size(), unrolled->edges());
  auto order = topological_order(graph);
  if (const auto cycle = find_cycle(graph, order); !cycle.empty()) {
    // The graph as written has none: a node outside the loop lies between two nodes of its body.
    problems.error(Errc::workflow_invalid, "/graph/loops",
                   "cycle once the loops are unrolled: " +
                       shown_cycle(cycle, [&](std::uint32_t node) { return unrolled->id(node); }),
                   "put every node that lies between nodes of the body into the body, too");
    return std::nullopt;
  }
  return PlanBuilder(definition, *unrolled, std::move(order)).build(graph);
}

/// `4:7`, as parse errors have it.
json::Position position_of(const std::string& where) {
  json::Position position;
  const auto colon = std::min(where.find(':'), where.size());
  const auto* const end = where.data() + where.size();
  std::from_chars(where.data(), where.data() + colon, position.line);
  if (colon < where.size()) std::from_chars(where.data() + colon + 1, end, position.column);
  return position;
}

}  // namespace

Compiled compile(const std::string& text, const CompileOptions& options) {
  Compiled compiled;
  const auto document = json::parse(text, {.bytes_max = kFileBytesMax, .depth_max = kFileDepthMax});
  if (!document) {
    const auto& error = document.error();
    compiled.diagnostics.push_back(
        {Severity::error, error.code, "", position_of(error.where), error.message, error.hint});
    return compiled;
  }
  Problems problems(options.strict);
  auto definition = read_definition(*document, options, problems);
  check_references(definition, problems);
  check_requests(definition, problems);
  check_shared_state(definition, problems);
  compiled.description = definition.description;
  compiled.authored_nodes = static_cast<std::uint32_t>(definition.nodes.size());
  compiled.authored_edges = static_cast<std::uint32_t>(definition.edges.size());
  if (!has_authored_cycle(definition, problems) && !problems.has_errors())
    compiled.plan = build_plan(definition, problems);
  compiled.diagnostics = problems.take(text);
  return compiled;
}

}  // namespace hillstar::workflow
