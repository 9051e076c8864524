// SPDX-License-Identifier: Apache-2.0
// The file as a whole: graph, loops, permissions, checkpoints.
#include "runtime/workflow/definition.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <unordered_set>

#include "runtime/workflow/definition_parts.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

std::string_view view(const bj::string_view& text) { return {text.data(), text.size()}; }

/// Directions of text that could show a name other than it is. Source: Unicode, UAX #9, explicit formatting.
bool has_direction_marks(std::string_view text) {
  for (const std::string_view mark : {"\u061C", "\u200E", "\u200F", "\u202A", "\u202B", "\u202C", "\u202D", "\u202E",
                                      "\u2066", "\u2067", "\u2068", "\u2069"})
    if (text.find(mark) != std::string_view::npos) return true;
  return false;
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

class DefinitionReader {
 public:
  DefinitionReader(const bj::object& file, const CompileOptions& options, Problems& problems)
      : options_(options), problems_(problems), top_(file, root_, problems) {}

  Definition read() {
    top_.check_names(Section::workflow);
    read_id();
    definition_.description = top_.string("description").value_or("");
    if (const auto* inputs = top_.object("inputs")) definition_.inputs = read_inputs(*inputs, inputs_at_, problems_);
    definition_.file_access = top_.strings("file_access");
    definition_.files = read_files(top_);
    read_configs();
    definition_.entry_points = read_entry_points(top_, definition_.inputs);
    const auto* graph_object = top_.object("graph");
    if (graph_object == nullptr) {
      if (top_.find("graph") == nullptr) top_.missing("graph", "write {\"nodes\": {...}, \"edges\": [...]}");
      return std::move(definition_);
    }
    const FieldReader graph(*graph_object, graph_at_, problems_);
    graph.check_names(Section::graph);
    read_nodes(graph);
    read_edges(graph);
    read_loops(graph);
    read_conditions();
    read_permissions();
    read_checkpoints();
    return std::move(definition_);
  }

 private:
  void read_id() {
    if (top_.find("id") == nullptr) {
      top_.missing("id", "give the workflow a name, such as \"id\": \"review\"");
      return;
    }
    const auto id = top_.string("id");
    if (!id) return;
    const auto at = root_.key("id");
    const bool slash = id->find('/') != std::string::npos;
    if (id->empty() || id->size() > kIdBytesMax || slash || has_control_characters(*id) || has_direction_marks(*id))
      problems_.error(Errc::workflow_invalid, at.pointer(), "workflow id that cannot be part of a file name",
                      slash ? "write '-' instead of '/'" : "1 to 128 bytes, no control characters");
    definition_.workflow = WorkflowId(*id);
  }

  void read_configs() {
    if (const auto* config = top_.object("model_config")) {
      model_config_ = config;
      definition_.model_config = Json::of(bj::value(*config));
      const FieldReader reader(*config, config_at_, problems_);
      check_model_config(reader);
      warn_of_model_config_names(reader, *config);
      if (const auto bound = reader.integer("max_concurrency", {1, kConcurrencyMax}))
        definition_.max_concurrency = static_cast<std::uint32_t>(*bound);
    }
    if (const auto* config = top_.object("provider_config")) definition_.provider_config = Json::of(bj::value(*config));
    if (const auto bound = top_.integer("max_concurrency", {1, kConcurrencyMax}))
      definition_.max_concurrency = static_cast<std::uint32_t>(*bound);
  }

  void read_nodes(const FieldReader& graph) {
    if (const auto* list = graph.find("nodes"); list != nullptr && list->is_array()) {
      problems_.error(Errc::json_type, nodes_at_.pointer(), "expected an object, found an array",
                      R"(write {"a": {"tool": ...}} in place of [{"id": "a", ...}])");
      return;
    }
    const auto* nodes = graph.object("nodes");
    if (nodes == nullptr) {
      if (graph.find("nodes") == nullptr) graph.missing("nodes", "write an object: node id -> node");
      return;
    }
    nodes_ = nodes;
    if (nodes->empty())
      problems_.error(Errc::workflow_invalid, nodes_at_.pointer(), "graph without nodes: there is nothing to run");
    if (nodes->size() > kNodesMax) {
      problems_.error(Errc::workflow_invalid, nodes_at_.pointer(), "more than 1,000,000 nodes");
      return;
    }
    definition_.nodes.reserve(nodes->size());
    definition_.index.reserve(nodes->size());
    for (const auto& [key, value] : *nodes) {
      const auto id = view(key);
      const auto at = nodes_at_.key(id);
      check_id(id, "node", at, problems_);
      definition_.index.emplace(id, static_cast<AuthoredIndex>(definition_.nodes.size()));
      const auto* object = as_object(value, at, problems_);
      if (object == nullptr) {
        definition_.nodes.emplace_back().draft.id = NodeId(std::string(id));
        continue;
      }
      const FieldReader node(*object, at, problems_);
      definition_.nodes.push_back(read_node(id, node, options_));
      auto& draft = definition_.nodes.back().draft;
      draft.lane = lane_of(node, draft, model_config_);
    }
  }

  std::optional<AuthoredIndex> find_node(std::string_view id, const Place& at) {
    const auto found = definition_.index.find(id);
    if (found != definition_.index.end()) return found->second;
    problems_.error(Errc::workflow_invalid, at.pointer(), "there is no node '" + std::string(id) + "'",
                    definition_.suggest_node(id, problems_));
    return std::nullopt;
  }

  void read_edges(const FieldReader& graph) {
    const auto* edges = graph.array("edges");
    if (edges == nullptr) {
      if (graph.find("edges") == nullptr) graph.missing("edges", "write \"edges\": [] if there are none");
      return;
    }
    if (edges->size() > kEdgesMax) {
      problems_.error(Errc::workflow_invalid, edges_at_.pointer(), "more than 4,000,000 edges");
      return;
    }
    definition_.edges.reserve(edges->size());
    for (std::size_t i = 0; i < edges->size(); ++i) {
      const auto at = edges_at_.element(i);
      const auto* object = as_object((*edges)[i], at, problems_);
      if (object == nullptr) continue;
      const FieldReader edge(*object, at, problems_);
      edge.check_names(Section::edge);
      const auto from = read_end(edge, "from");
      const auto to = read_end(edge, "to");
      if (from && to) definition_.edges.push_back({*from, *to});
    }
  }

  std::optional<AuthoredIndex> read_end(const FieldReader& edge, std::string_view name) {
    if (edge.find(name) == nullptr) edge.missing(name, "write {\"from\": node id, \"to\": node id}");
    const auto id = edge.string(name);
    return id ? find_node(*id, edge.place().key(name)) : std::nullopt;
  }

  void read_loops(const FieldReader& graph) {
    const auto* loops = graph.array("loops");
    if (loops == nullptr) return;
    std::unordered_set<std::string> ids;
    for (std::size_t i = 0; i < loops->size(); ++i) {
      const auto at = loops_at_.element(i);
      const auto* object = as_object((*loops)[i], at, problems_);
      if (object == nullptr) continue;
      const FieldReader loop(*object, at, problems_);
      loop.check_names(Section::loop);
      LoopDefinition definition;
      definition.id = loop.string("id").value_or("");
      const auto id_at = at.key("id");
      if (loop.find("id") == nullptr) definition.id = "loop" + std::to_string(i + 1);
      check_id(definition.id, "loop", loop.find("id") == nullptr ? at : id_at, problems_);
      if (!ids.insert(definition.id).second)
        problems_.error(Errc::workflow_invalid, id_at.pointer(), "two loops are called '" + definition.id + "'");
      read_body(loop, definition);
      read_bounds(loop, definition);
      read_until(loop, definition);
      definition_.loops.push_back(std::move(definition));
    }
  }

  void read_body(const FieldReader& loop, LoopDefinition& definition) {
    const auto index = static_cast<std::uint32_t>(definition_.loops.size());
    const auto* body = loop.array("body");
    const auto at = loop.place().key("body");
    if (body == nullptr && loop.find("body") == nullptr) loop.missing("body", "list the nodes that are repeated");
    if (body != nullptr && body->empty())
      problems_.error(Errc::workflow_invalid, at.pointer(), "loop without nodes in its body");
    for (std::size_t i = 0; body != nullptr && i < body->size(); ++i) {
      const auto element_at = at.element(i);
      const auto* id = (*body)[i].if_string();
      if (id == nullptr) {
        problems_.error(Errc::json_type, element_at.pointer(), "expected a node id, found " + kind_of((*body)[i]));
        continue;
      }
      const auto found = find_node(view(*id), element_at);
      if (!found) continue;
      auto& owner = definition_.nodes[*found].loop;
      if (owner != kNone) {
        problems_.error(Errc::workflow_invalid, element_at.pointer(),
                        owner == index ? "node '" + std::string(*id) + "' is listed twice"
                                       : "node '" + std::string(*id) + "' is in loop '" + definition_.loops[owner].id +
                                             "' already");
        continue;
      }
      owner = index;
      definition.body.push_back(*found);
    }
  }

  void read_bounds(const FieldReader& loop, LoopDefinition& definition) {
    if (loop.find("max_attempts") == nullptr) loop.missing("max_attempts", "say how often the body may run");
    if (const auto attempts = loop.integer("max_attempts", {1, kNodesMax, "attempts"}))
      definition.attempts = static_cast<std::uint32_t>(*attempts);
    if (loop.find("on_exhausted") == nullptr) return;
    const auto what = loop.string("on_exhausted").value_or("continue");
    definition.fail_when_exhausted = what == "fail";
    if (what == "fail" || what == "continue") return;
    const auto at = loop.place().key("on_exhausted");
    problems_.warning(at.pointer(), "'" + what + "' is taken as 'continue'", "write 'fail' or 'continue'");
  }

  void read_until(const FieldReader& loop, LoopDefinition& definition) {
    const auto* value = loop.find("until");
    if (value == nullptr) {
      loop.missing("until", "write {\"node\": id, \"contains\": text}");
      return;
    }
    const auto at = loop.place().key("until");
    auto until = conditions_.read(*value, at);
    if (!until) return;
    definition.until = *std::move(until);
    for (const auto node : nodes_of(definition.until)) {
      if (definition_.nodes[node].loop == definition_.loops.size()) {
        definition.judges.push_back(node);
        continue;
      }
      problems_.error(
          Errc::workflow_invalid, at.pointer(),
          "node '" + definition_.nodes[node].draft.id.str() + "' is not in the body of loop '" + definition.id + "'",
          "'until' asks about nodes of the body only");
    }
    if (definition.judges.empty())
      problems_.error(Errc::workflow_invalid, at.pointer(), "'until' names no node of the body");
  }

  void read_conditions() {
    if (nodes_ == nullptr || definition_.nodes.size() != nodes_->size()) return;
    AuthoredIndex index = 0;
    for (const auto& [key, value] : *nodes_) {
      auto& node = definition_.nodes[index];
      const auto at = nodes_at_.key(view(key));
      auto& draft = node.draft;
      for (const auto& [name, slot] : {std::pair{"when", &draft.when}, std::pair{"skip_if", &draft.skip_if}}) {
        const auto* condition = value.is_object() ? value.get_object().if_contains(name) : nullptr;
        if (condition == nullptr) continue;
        const auto condition_at = at.key(name);
        *slot = conditions_.read(*condition, condition_at);
        if (!*slot) continue;
        for (const auto asked : nodes_of(**slot)) {
          definition_.implied.push_back({asked, index});
          if (asked == index)
            problems_.error(Errc::workflow_invalid, condition_at.pointer(), "the node asks about its own result");
        }
      }
      ++index;
    }
  }

  void read_permissions() {
    static const std::vector<std::string_view> kPermissions = {"always", "ask", "never"};
    const auto* permissions = top_.object("permissions");
    if (permissions == nullptr) return;
    for (const auto& [key, value] : *permissions) {
      const auto at = permissions_at_.key(view(key));
      const auto word = word_of(value, kPermissions, at, problems_);
      const auto node = find_node(view(key), at);
      if (!word || !node) continue;
      auto& permission = definition_.nodes[*node].draft.permission;
      // A checkpoint that asks stays one: `always` lets a node run, it does not answer for a person.
      if (*word > 0)
        permission = static_cast<Permission>(*word);
      else
        definition_.nodes[*node].draft.granted = permission == Permission::always;
    }
  }

  void read_checkpoints() {
    const auto* state_object = top_.object("state");
    bool named = false;
    if (state_object != nullptr) {
      const FieldReader state(*state_object, state_at_, problems_);
      state.check_names(Section::state);
      const auto at = state_at_.key("checkpoints");
      named = mark_checkpoints(state, at);
    }
    const auto at = root_.key("checkpoints");
    if (!named) mark_checkpoints(top_, at);
  }

  bool mark_checkpoints(const FieldReader& owner, const Place& at) {
    const auto* list = owner.array("checkpoints");
    if (list == nullptr) return false;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto element_at = at.element(i);
      const auto* id = (*list)[i].if_string();
      if (id == nullptr) {
        problems_.error(Errc::json_type, element_at.pointer(), "expected a node id, found " + kind_of((*list)[i]));
        continue;
      }
      const auto found = definition_.index.find(view(*id));
      if (found == definition_.index.end())
        problems_.warning(element_at.pointer(), "there is no node '" + std::string(*id) + "' to checkpoint",
                          definition_.suggest_node(view(*id), problems_));
      else
        definition_.nodes[found->second].draft.checkpoint = true;
    }
    return !list->empty();
  }

  const CompileOptions& options_;
  Problems& problems_;
  const Place root_;
  const Place inputs_at_ = root_.key("inputs");
  const Place config_at_ = root_.key("model_config");
  const Place permissions_at_ = root_.key("permissions");
  const Place state_at_ = root_.key("state");
  const Place graph_at_ = root_.key("graph");
  const Place nodes_at_ = graph_at_.key("nodes");
  const Place edges_at_ = graph_at_.key("edges");
  const Place loops_at_ = graph_at_.key("loops");
  const FieldReader top_;
  Definition definition_;
  ConditionReader conditions_{definition_, problems_};
  const bj::object* nodes_ = nullptr;
  const bj::object* model_config_ = nullptr;
};

}  // namespace

void check_id(std::string_view id, std::string_view what, const Place& at, Problems& problems) {
  const auto refuse = [&](std::string_view why, std::string hint) {
    problems.error(Errc::workflow_invalid, at.pointer(), std::string(what) + " id " + std::string(why),
                   std::move(hint));
  };
  const auto& reserved = reserved_ids();
  if (id.empty() || id.size() > kIdBytesMax)
    refuse("of " + std::to_string(id.size()) + " bytes", "1 to 128 bytes are allowed");
  else if (has_control_characters(id) || has_direction_marks(id))
    refuse("with control characters", "write letters, digits, '_' and '-'");
  else if (id.find_first_of("/\\") != std::string_view::npos || id == "." || id == "..")
    refuse("'" + std::string(id) + "' that reads like a path", "write '-' or '_' instead");
  else if (id.find_first_of("{}") != std::string_view::npos)
    refuse("'" + std::string(id) + "' with braces, which no template can name", "write '-' or '_' instead");
  else if (id.find('@') != std::string_view::npos)
    refuse("'" + std::string(id) + "' with '@', which marks the attempts of loops", "write '-' or '_' instead");
  else if (what == "node" && std::find(reserved.begin(), reserved.end(), id) != reserved.end())
    refuse("'" + std::string(id) + "' has a meaning of its own in templates", "choose another name");
}

std::string Definition::suggest_node(std::string_view id, Problems& problems) const {
  if (!problems.may_compare(nodes.size())) return {};
  std::vector<std::string_view> ids;
  ids.reserve(nodes.size());
  for (const auto& node : nodes) ids.emplace_back(node.draft.id.str());
  return problems.suggest(id, ids);
}

std::vector<std::string_view> Definition::input_names() const {
  std::vector<std::string_view> names;
  for (const auto& input : inputs) names.emplace_back(input.name);
  return names;
}

Definition read_definition(const bj::value& document, const CompileOptions& options, Problems& problems) {
  const Place root;
  const auto* file = as_object(document, root, problems);
  if (file == nullptr) return {};
  return DefinitionReader(*file, options, problems).read();
}

}  // namespace hillstar::workflow
