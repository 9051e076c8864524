// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/loops.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "runtime/workflow/templates.hpp"

namespace hillstar::workflow {

std::optional<Unrolled> Unrolled::of(const Definition& definition, Problems& problems) {
  std::uint64_t nodes = definition.nodes.size();
  for (const auto& loop : definition.loops) nodes += std::uint64_t{loop.attempts - 1} * loop.body.size();
  if (nodes > kNodesMax) {
    problems.error(Errc::workflow_invalid, "/graph/loops",
                   "the loops unroll to " + std::to_string(nodes) + " nodes, at most 1,000,000 are run",
                   "lower 'max_attempts'");
    return std::nullopt;
  }
  Unrolled unrolled(definition);
  unrolled.place_nodes();
  if (!unrolled.add_edges(problems)) return std::nullopt;
  return unrolled;
}

void Unrolled::place_nodes() {
  for (AuthoredIndex node = 0; node < definition_->nodes.size(); ++node) nodes_.push_back({node, 1});
  place_in_body_.resize(nodes_.size(), 0);
  for (const auto& loop : definition_->loops) {
    first_copy_.push_back(static_cast<std::uint32_t>(nodes_.size()));
    for (std::uint32_t i = 0; i < loop.body.size(); ++i) place_in_body_[loop.body[i]] = i;
    for (std::uint32_t attempt = 2; attempt <= loop.attempts; ++attempt)
      for (const auto node : loop.body) nodes_.push_back({node, attempt});
  }
}

std::uint32_t Unrolled::at(AuthoredIndex node, std::uint32_t attempt) const {
  if (attempt == 1) return node;
  const auto loop = definition_->nodes[node].loop;
  const auto body = static_cast<std::uint32_t>(definition_->loops[loop].body.size());
  return first_copy_[loop] + (attempt - 2) * body + place_in_body_[node];
}

std::uint32_t Unrolled::last(AuthoredIndex node) const {
  const auto loop = definition_->nodes[node].loop;
  return loop == kNone ? node : at(node, definition_->loops[loop].attempts);
}

std::uint32_t Unrolled::seen_by(const UnrolledNode& self, AuthoredIndex asked) const {
  const auto loop = definition_->nodes[asked].loop;
  const bool inside = loop != kNone && loop == definition_->nodes[self.authored].loop;
  return inside ? at(asked, self.attempt) : last(asked);
}

std::string Unrolled::id(std::uint32_t node) const {
  const auto& unrolled = nodes_[node];
  const auto& id = definition_->nodes[unrolled.authored].draft.id.str();
  return unrolled.attempt == 1 ? id : id + "@" + std::to_string(unrolled.attempt);
}

/// Body nodes that no other body node precedes: where an attempt begins.
std::vector<AuthoredIndex> Unrolled::roots(const LoopDefinition& loop, const std::vector<Edge>& inner) const {
  std::unordered_set<AuthoredIndex> preceded;
  for (const auto& edge : inner) preceded.insert(edge.to);
  std::vector<AuthoredIndex> out;
  for (const auto node : loop.body)
    if (!preceded.contains(node)) out.push_back(node);
  return out;
}

/// Body nodes from which no way leads to a judge: nothing else makes their next attempt wait for this one.
std::vector<AuthoredIndex> Unrolled::unjudged(const LoopDefinition& loop, const std::vector<Edge>& inner) const {
  std::unordered_map<AuthoredIndex, std::vector<AuthoredIndex>> before;
  for (const auto& edge : inner) before[edge.to].push_back(edge.from);
  std::vector<AuthoredIndex> open = loop.judges;
  std::unordered_set<AuthoredIndex> judged(open.begin(), open.end());
  while (!open.empty()) {
    const auto node = open.back();
    open.pop_back();
    for (const auto earlier : before[node])
      if (judged.insert(earlier).second) open.push_back(earlier);
  }
  std::vector<AuthoredIndex> out;
  for (const auto node : loop.body)
    if (!judged.contains(node)) out.push_back(node);
  return out;
}

/// By loop: who refers to whose attempt before.
std::vector<std::vector<Edge>> Unrolled::previous_references() const {
  std::vector<std::vector<Edge>> out(definition_->loops.size());
  for (std::size_t loop = 0; loop < out.size(); ++loop) {
    for (const auto node : definition_->loops[loop].body) {
      const auto& owner = definition_->nodes[node];
      for (const auto* text : {owner.input, owner.for_each}) {
        if (text == nullptr) continue;
        visit_strings(*text, [&](std::string_view string, const std::string&) {
          for (const auto& reference : find_references(string)) {
            if (reference.source != "prev") continue;
            const auto name =
                split_reference(reference.key, [&](std::string_view id) { return definition_->index.contains(id); });
            const auto found = definition_->index.find(name.source);
            if (found != definition_->index.end()) out[loop].push_back({found->second, node});
          }
        });
      }
    }
  }
  return out;
}

bool Unrolled::add_edges(Problems& problems) {
  std::vector<std::vector<Edge>> inner(definition_->loops.size());
  std::vector<std::vector<AuthoredIndex>> exits(definition_->loops.size());
  for (const auto* edges : {&definition_->edges, &definition_->implied}) {
    for (const auto& edge : *edges) {
      const auto loop = definition_->nodes[edge.from].loop;
      const bool inside = loop != kNone && loop == definition_->nodes[edge.to].loop;
      if (inside) inner[loop].push_back(edge);
      if (!inside && loop != kNone) exits[loop].push_back(edge.to);
      edges_.push_back(inside ? edge : Edge{last(edge.from), edge.to});
    }
  }
  const auto previous = previous_references();
  std::uint64_t count = edges_.size();
  for (std::size_t i = 0; i < inner.size(); ++i) {
    const auto& loop = definition_->loops[i];
    std::sort(exits[i].begin(), exits[i].end());
    exits[i].erase(std::unique(exits[i].begin(), exits[i].end()), exits[i].end());
    count += std::uint64_t{loop.attempts - 1} * (inner[i].size() + previous[i].size() + loop.body.size() +
                                                 loop.judges.size() * roots(loop, inner[i]).size());
    count += exits[i].size() * loop.judges.size();
  }
  if (count > kEdgesMax) {
    problems.error(Errc::workflow_invalid, "/graph/loops",
                   "the loops unroll to " + std::to_string(count) + " edges, at most 4,000,000 are run",
                   "lower 'max_attempts'");
    return false;
  }
  for (std::uint32_t i = 0; i < inner.size(); ++i) {
    add_attempts(i, inner[i], previous[i]);
    // What follows the loop waits for its verdict, whatever part of the body it reads.
    for (const auto target : exits[i])
      for (const auto judge : definition_->loops[i].judges) edges_.push_back({last(judge), target});
  }
  return true;
}

void Unrolled::add_attempts(std::uint32_t index, const std::vector<Edge>& inner, const std::vector<Edge>& previous) {
  const auto& loop = definition_->loops[index];
  const auto starts = roots(loop, inner);
  const auto loose = unjudged(loop, inner);
  for (std::uint32_t attempt = 2; attempt <= loop.attempts; ++attempt) {
    for (const auto& edge : inner) edges_.push_back({at(edge.from, attempt), at(edge.to, attempt)});
    for (const auto judge : loop.judges)
      for (const auto root : starts) edges_.push_back({at(judge, attempt - 1), at(root, attempt)});
    for (const auto node : loose) edges_.push_back({at(node, attempt - 1), at(node, attempt)});
    for (const auto& edge : previous) edges_.push_back({at(edge.from, attempt - 1), at(edge.to, attempt)});
  }
}

std::optional<std::string> Unrolled::rewritten(std::string_view text, const Reference& reference,
                                               const UnrolledNode& self, std::set<std::string>& sources) const {
  const auto inner = inner_text(text, reference);
  const auto is_node = [&](std::string_view id) { return definition_->index.contains(id); };
  auto name = split_reference(inner, is_node);
  const bool previous = name.source == "prev" && definition_->nodes[self.authored].loop != kNone;
  if (previous) name = split_reference(name.key, is_node);
  const auto found = definition_->index.find(name.source);
  if (!name.has_dot || found == definition_->index.end()) return std::nullopt;
  if (previous && self.attempt == 1) return std::string();
  const auto seen = previous ? at(found->second, self.attempt - 1) : seen_by(self, found->second);
  auto seen_id = id(seen);
  sources.insert(seen_id);
  if (seen == found->second && !previous) return std::nullopt;
  return "{{ " + std::move(seen_id) + "." + std::string(name.key) + " }}";
}

Json Unrolled::rewrite(const boost::json::value& text, const UnrolledNode& self, std::set<std::string>& sources) const {
  auto copy = text;
  change_strings(copy, [&](std::string_view string) {
    if (string.find("{{") == std::string_view::npos) return std::string(string);
    return replace_references(string,
                              [&](const Reference& reference) { return rewritten(string, reference, self, sources); });
  });
  return Json::of(copy);
}

Condition Unrolled::rewrite(const Condition& condition, const UnrolledNode& self) const {
  auto out = condition;
  if (out.test) out.test->node = seen_by(self, out.test->node);
  if (out.status) out.status->node = seen_by(self, out.status->node);
  for (auto* list : {&out.all, &out.any, &out.none})
    for (auto& inner : *list) inner = rewrite(inner, self);
  return out;
}

Condition Unrolled::is_over(const LoopDefinition& loop, std::uint32_t attempt) const {
  auto met = rewrite(loop.until, {loop.body.front(), attempt});
  if (attempt == 1) return met;
  Condition skipped;
  for (const auto judge : loop.judges) {
    Condition one;
    one.status = StatusTest{at(judge, attempt), NodeEnd::skipped};
    skipped.all.push_back(std::move(one));
  }
  Condition over;
  over.any.push_back(std::move(met));
  over.any.push_back(std::move(skipped));
  return over;
}

}  // namespace hillstar::workflow
