// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/migration_notes.hpp"

#include <algorithm>

namespace hillstar::policy {

std::string_view level_name(MigrationLevel level) {
  if (level == MigrationLevel::change) return "must change";
  return level == MigrationLevel::differs ? "differs" : "look";
}

namespace migration {
namespace {

namespace bj = boost::json;

const bj::object* object_at(const bj::value& value, std::string_view key) {
  const auto* member = json::member(value, key);
  return member == nullptr ? nullptr : member->if_object();
}

const bj::array* array_at(const bj::value& value, std::string_view key) {
  const auto* member = json::member(value, key);
  return member == nullptr ? nullptr : member->if_array();
}

std::string text_of(const bj::value* value) {
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

void read_edges(const bj::value& graph, OldWorkflow& old) {
  const auto* edges = array_at(graph, "edges");
  if (edges == nullptr) return;
  for (const auto& edge : *edges) {
    const auto from = old.find(text_of(json::member(edge, "from")));
    const auto to = old.find(text_of(json::member(edge, "to")));
    if (from == kNone || to == kNone) continue;
    ++old.edges;
    old.nodes[from].after.push_back(to);
    old.nodes[to].before.push_back(from);
  }
}

/// One condition, or several under `all_of`.
void read_judges(const bj::value& until, const OldWorkflow& old, OldLoop& loop) {
  const auto* all = array_at(until, "all_of");
  loop.all_of = all != nullptr;
  const auto add = [&](const bj::value& condition) {
    const auto node = old.find(text_of(json::member(condition, "node")));
    const bool is_inside = std::find(loop.body.begin(), loop.body.end(), node) != loop.body.end();
    if (is_inside) loop.judges.push_back(node);
  };
  if (all == nullptr) return add(until);
  for (const auto& condition : *all) add(condition);
}

void read_loops(const bj::value& graph, OldWorkflow& old) {
  const auto* loops = array_at(graph, "loops");
  if (loops == nullptr) return;
  for (std::size_t i = 0; i < loops->size(); ++i) {
    const auto& value = (*loops)[i];
    const auto* body = array_at(value, "body");
    if (body == nullptr) continue;
    OldLoop loop;
    loop.id = text_of(json::member(value, "id"));
    loop.pointer = "/graph/loops/" + std::to_string(i);
    loop.fields = value.if_object();
    for (const auto& id : *body) {
      const auto node = old.find(text_of(&id));
      if (node == kNone) continue;
      loop.body.push_back(node);
      old.nodes[node].loop = old.loops.size();
    }
    if (const auto* attempts = json::member(value, "max_attempts"); attempts != nullptr && attempts->is_int64())
      loop.attempts = attempts->get_int64();
    if (const auto* until = json::member(value, "until")) read_judges(*until, old, loop);
    old.loops.push_back(std::move(loop));
  }
}

}  // namespace

void Notes::add(MigrationLevel level, std::string_view rule, std::string pointer, Words words) {
  // Several references of one string may say the same.
  for (auto last = report_.findings.rbegin(); last != report_.findings.rend(); ++last) {
    if (last->pointer != pointer) break;
    if (last->rule == rule && last->here == words.here) return;
  }
  auto& count = counts_[static_cast<std::size_t>(level)];
  if (count == kFindingsMax) {
    ++left_out_;
    return;
  }
  ++count;
  MigrationFinding finding{level, std::string(rule), std::move(pointer), {}, {}, {}, {}};
  finding.here = std::move(words.here);
  finding.hillstar = std::move(words.hillstar);
  finding.mend = std::move(words.mend);
  report_.findings.push_back(std::move(finding));
}

std::size_t Notes::offset_of(std::string pointer) const {
  while (!pointer.empty()) {
    if (const auto found = located_.offsets.find(pointer); found != located_.offsets.end()) return found->second;
    pointer.resize(std::min(pointer.rfind('/'), pointer.size() - 1));
  }
  return std::min(located_.text.find_first_not_of(" \t\r\n"), located_.text.size());
}

MigrationReport Notes::take() {
  auto& all = report_.findings;
  std::vector<std::pair<std::size_t, std::size_t>> order;  // offset in the text, finding
  for (std::size_t i = 0; i < all.size(); ++i) order.emplace_back(offset_of(all[i].pointer), i);
  std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : all[a.second].level < all[b.second].level;
  });
  std::vector<MigrationFinding> sorted;
  json::Position position;
  std::size_t at = 0;
  for (const auto& [offset, which] : order) {
    for (; at < offset; ++at) {
      position.column = located_.text[at] == '\n' ? 1 : position.column + 1;
      if (located_.text[at] == '\n') ++position.line;
    }
    sorted.push_back(std::move(all[which]));
    sorted.back().position = position;
  }
  all = std::move(sorted);
  if (left_out_ > 0)
    all.push_back({MigrationLevel::advice,
                   "more",
                   {},
                   {.line = 0, .column = 0},
                   std::to_string(left_out_) + " more findings are not listed",
                   {},
                   "mend the first ones"});
  return std::move(report_);
}

const bj::value* OldNode::find(std::string_view key) const {
  const auto* value = fields->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const bj::value* OldNode::parameter(std::string_view key) const {
  const auto* parameters = find("parameters");
  return parameters == nullptr ? nullptr : json::member(*parameters, key);
}

std::string OldNode::text(std::string_view key) const { return text_of(find(key)); }
std::string OldNode::parameter_text(std::string_view key) const { return text_of(parameter(key)); }

std::size_t OldWorkflow::find(std::string_view id) const {
  const auto found = index.find(std::string(id));
  return found == index.end() ? kNone : found->second;
}

OldWorkflow read_old(const bj::value& root) {
  OldWorkflow old;
  old.root = &root;
  old.models = object_at(root, "model_config");
  const auto* graph = json::member(root, "graph");
  const auto* nodes = graph == nullptr ? nullptr : object_at(*graph, "nodes");
  if (nodes == nullptr) return old;
  for (const auto& [key, value] : *nodes) {
    if (!value.is_object()) continue;
    OldNode node;
    node.id = std::string(key);
    node.pointer = "/graph/nodes/" + json::pointer_token(node.id);
    node.fields = value.if_object();
    node.tool = text_of(json::member(value, "tool"));
    old.index.emplace(node.id, old.nodes.size());
    old.nodes.push_back(std::move(node));
  }
  read_edges(*graph, old);
  read_loops(*graph, old);
  return old;
}

std::string named(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  std::string out;
  const auto shown = std::min(names.size(), kShown);
  for (std::size_t i = 0; i < shown; ++i) {
    const bool is_last = i + 1 == names.size();
    out += (i == 0 ? "" : is_last ? " and " : ", ") + ("'" + names[i] + "'");
  }
  if (names.size() > shown) out += " and " + std::to_string(names.size() - shown) + " more";
  return out;
}

}  // namespace migration
}  // namespace hillstar::policy
