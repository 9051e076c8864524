// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/data_guard.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "messages/json.hpp"
#include "runtime/policy/child_data.hpp"
#include "runtime/policy/path_patterns.hpp"
#include "runtime/workflow/children.hpp"
#include "runtime/workflow/references.hpp"
#include "runtime/workflow/templates.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using workflow::PlanNode;

/// Absolute and without `.` and `..`.
std::string clean_path(std::string_view path, const std::string& workspace) {
  std::string whole = path.starts_with('/') ? std::string(path) : workspace + "/" + std::string(path);
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= whole.size();) {
    const auto end = std::min(whole.find('/', at), whole.size());
    const auto part = std::string_view(whole).substr(at, end - at);
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    at = end + 1;
  }
  std::string clean;
  for (const auto part : parts) clean += "/" + std::string(part);
  return clean;
}

bool is_template(std::string_view text) { return text.find("{{") != std::string_view::npos; }

/// A class and where it comes from.
struct Label {
  std::size_t rank = 0;
  std::string declared;  ///< Where it was declared; empty: it came from `from`.
  std::optional<NodeIndex> from = {};
};

void add_classes(const workflow::Plan& plan, std::set<std::string>& names) {
  for (const auto& input : plan.inputs)
    if (input.data) names.insert(*input.data);
  for (const auto& node : plan.nodes)
    if (node.data) names.insert(*node.data);
  for (const auto& [pattern, data_class] : plan.files) names.insert(data_class);
}

/// Names of classes in the workflow that the node runs, and in those that that one runs.
std::set<std::string> classes_within(const workflow::Plan& plan, const PlanNode& node) {
  std::set<std::string> names;
  const auto parameters = node.parameters.value();
  const auto* file = json::member(parameters, "workflow");
  if (file == nullptr || !file->is_string()) return names;
  for (const auto& child : plan.children) {
    if (child.file != std::string_view(file->get_string())) continue;
    const auto whole = workflow::child_plan(child, plan.children);
    if (!whole) continue;
    add_classes(*whole, names);
    for (const auto& below : whole->children)
      if (const auto inner = workflow::plan_from_text(below.plan)) add_classes(*inner, names);
  }
  return names;
}

class Flow {
 public:
  explicit Flow(const DataFlow& flow) : plan_(flow.plan), routes_(flow.routes), rules_(flow.rules), flow_(flow) {}

  Result<std::vector<DataGuard::Leak>> leaks() {
    HILLSTAR_CHECK(read_inputs());
    HILLSTAR_CHECK(read_files());
    labels_.resize(plan_.nodes.size());
    for (NodeIndex i = 0; i < plan_.nodes.size(); ++i) {
      const auto& node = plan_.nodes[i];
      const auto at = "/graph/nodes/" + json::pointer_token(node.id.str());
      // What it gets must be cleared; what it gives may be of a higher class.
      gather(i);
      HILLSTAR_CHECK(judge(i, at));
      if (node.tool == "workflow_run") pass_through(i);
      if (node.data) {
        HILLSTAR_TRY(const auto own, rank(*node.data, at + "/data"));
        raise(labels_[i], {own, node.id.str(), {}});
      }
      // Whoever makes it knows what it gives, too.
      if (node.placement) leak(i, 0, place_of(node), of_machine(node));
    }
    return std::move(leaks_);
  }

  /// As policy::classes_given; after leaks().
  [[nodiscard]] std::map<NodeIndex, std::string> given() const {
    std::map<NodeIndex, std::string> given;
    for (const auto& [node, rank] : given_)
      if (rank > 0) given.emplace(node, rules_.classes[rank]);
    return given;
  }

 private:
  Result<std::size_t> rank(const std::string& name, const std::string& at) const {
    if (const auto found = rank_of(rules_, name)) return *found;
    std::string all;
    for (const auto& one : rules_.classes) all += (all.empty() ? "" : ", ") + one;
    return Error{Errc::data_refused, "there is no data class '" + name + "'", at,
                 "there are " + all + "; a policy file may name others in data.classes"};
  }

  /// What the node gets is what its run is given; what it gives may be of any class that is named there.
  void pass_through(NodeIndex i) {
    given_.emplace(i, labels_[i].rank);
    const auto& id = plan_.nodes[i].id.str();
    for (const auto& name : classes_within(plan_, plan_.nodes[i]))
      if (const auto found = rank_of(rules_, name)) raise(labels_[i], {*found, id, {}});
    // Which files its nodes read is not looked at again here.
    for (const auto& [pattern, data_class] : rules_.files)
      if (const auto found = rank_of(rules_, data_class)) raise(labels_[i], {*found, id, {}});
  }

  static void raise(Label& label, Label other) {
    if (other.rank > label.rank) label = std::move(other);
  }

  Result<void> read_inputs() {
    for (const auto& input : plan_.inputs) {
      if (!input.data) continue;
      HILLSTAR_TRY(const auto found, rank(*input.data, "/inputs/" + json::pointer_token(input.name) + "/data"));
      inputs_.emplace_back(input.name, found);
    }
    return {};
  }

  Result<void> read_files() {
    for (const auto* given : {&plan_.files, &rules_.files}) {
      for (const auto& [pattern, data_class] : *given) {
        HILLSTAR_TRY(const auto found, rank(data_class, "/files/" + json::pointer_token(pattern)));
        const auto plain = pattern.starts_with("./") ? pattern.substr(2) : pattern;
        if (const auto problem = problem_with_pattern(plain))
          return Error{Errc::data_refused, "a pattern " + *problem, "/files/" + json::pointer_token(pattern)};
        files_.emplace_back(plain, found);
        any_file_ = std::max(any_file_, found);
      }
    }
    return {};
  }

  void gather(NodeIndex i) {
    const auto& node = plan_.nodes[i];
    auto& label = labels_[i];
    const auto take = [&](NodeIndex from) { raise(label, {labels_[from].rank, {}, from}); };
    for (const auto p : node.predecessors) take(p);
    if (node.stands_for) take(*node.stands_for);
    const auto look = [&](const Json& given) {
      workflow::visit_strings(given.value(), [&](std::string_view text, const std::string&) {
        for (const auto& reference : workflow::find_references(text))
          if (reference.source == "inputs") from_input(reference.key, label);
      });
    };
    if (!inputs_.empty()) {
      look(node.input);
      if (node.map) look(node.map->for_each);
    }
    if (!files_.empty()) from_files(node, label);
  }

  void from_input(std::string_view key, Label& label) const {
    for (const auto& [name, rank] : inputs_)
      if (key == name || (key.starts_with(name) && key[name.size()] == '.')) raise(label, {rank, "inputs." + name, {}});
  }

  void from_files(const PlanNode& node, Label& label) const {
    for (const auto& pattern : node.placement ? node.files_in : std::vector<std::string>()) {
      // Which files a pattern finds is not known: it may be any.
      const bool is_path = pattern.find_first_of("*?[\\") == std::string::npos && !pattern.ends_with('/');
      is_path ? from_path(pattern, label) : raise(label, {any_file_, "files", {}});
    }
    if (node.tool == "file_read") {
      const auto parameters = node.parameters.value();
      const auto* path = json::member(parameters, "path");
      const auto input = node.input.value();
      if (input.is_string()) path = &input;
      if (path != nullptr && path->is_string()) from_path(path->get_string(), label);
    } else if (node.tool == "model_call") {
      for (const auto* given : {&node.parameters, &node.input}) from_images(given->value(), label);
    }
  }

  /// Images are the members `path` of a call's parameters and turns.
  void from_images(const bj::value& given, Label& label) const {
    if (const auto* list = given.if_array()) {
      for (const auto& item : *list) from_images(item, label);
    } else if (const auto* object = given.if_object()) {
      for (const auto& [name, item] : *object) {
        if (name == "path" && item.is_string())
          from_path(item.get_string(), label);
        else if (name == "images" && item.is_array())
          for (const auto& image : item.get_array())
            image.is_string() ? from_path(image.get_string(), label) : from_images(image, label);
        else
          from_images(item, label);
      }
    }
  }

  void from_path(std::string_view path, Label& label) const {
    // Which file it will be is not known: it may be any.
    if (is_template(path)) return raise(label, {any_file_, "files", {}});
    const auto clean = clean_path(path, flow_.workspace);
    for (const auto& [pattern, rank] : files_)
      if (is_of(pattern, clean)) raise(label, {rank, std::string(path), {}});
  }

  /// Patterns that begin with a slash are about the machine, others about the workspace; those without any slash are
  /// about the last part of a path wherever it is.
  [[nodiscard]] bool is_of(const std::string& pattern, std::string_view clean) const {
    const auto& workspace = flow_.workspace;
    const bool inside = clean.starts_with(workspace) && clean.substr(workspace.size()).starts_with('/');
    if (!pattern.starts_with('/') && inside) return fits_path(pattern, clean.substr(workspace.size() + 1));
    return (pattern.starts_with('/') || pattern.find('/') == std::string::npos) && fits_path(pattern, clean.substr(1));
  }

  [[nodiscard]] std::vector<std::string> path_of(NodeIndex node) const {
    std::vector<std::string> path{plan_.nodes[node].id.str()};
    const auto* label = &labels_[node];
    while (label->from) {
      path.push_back(plan_.nodes[*label->from].id.str());
      label = &labels_[*label->from];
    }
    if (label->declared != path.back()) path.push_back(label->declared);
    std::reverse(path.begin(), path.end());
    return path;
  }

  void leak(NodeIndex node, std::size_t candidate, const std::string& to, std::size_t clearance) {
    if (labels_[node].rank <= clearance) return;
    leaks_.push_back(
        {node, candidate, {rules_.classes[labels_[node].rank], rules_.classes[clearance], to, path_of(node)}});
  }

  Result<void> judge(NodeIndex i, const std::string& at) {
    const auto& node = plan_.nodes[i];
    auto clearance = rules_.classes.size() - 1;
    if (node.clearance) {
      HILLSTAR_TRY(clearance, rank(*node.clearance, at + "/clearance"));
    }
    if (const auto found = rules_.tools.find(node.tool); found != rules_.tools.end())
      clearance = std::min(clearance, rank_of(rules_, found->second).value_or(0));
    if (node.placement && of_machine(node) < clearance) {
      leak(i, 0, place_of(node), of_machine(node));
      clearance = of_machine(node);
    }
    if (node.tool != "model_call") {
      leak(i, 0, "node '" + node.id.str() + "'", clearance);
      return {};
    }
    const auto& places = routes_.of(i);
    for (std::size_t k = 0; k < places.size(); ++k) {
      const auto of_provider = provider_clearance(places[k].provider, places[k].near);
      leak(i, k, "provider '" + places[k].provider + "'", std::min(clearance, of_provider));
    }
    if (places.empty()) leak(i, 0, "a provider that is not known yet", std::min(clearance, cleared(rules_.cloud)));
    return {};
  }

  static std::string place_of(const PlanNode& node) { return "the machine that makes node '" + node.id.str() + "'"; }
  /// What any machine that may make it is cleared for: the label that it must have, and nothing without one.
  [[nodiscard]] std::size_t of_machine(const PlanNode& node) const {
    const auto label = node.placement->labels.find("clearance");
    return label == node.placement->labels.end() ? 0 : rank_of(rules_, label->second).value_or(0);
  }
  [[nodiscard]] std::size_t cleared(const std::string& name) const { return rank_of(rules_, name).value_or(0); }
  [[nodiscard]] std::size_t provider_clearance(const std::string& provider, bool near) const {
    const auto found = rules_.providers.find(provider);
    if (found != rules_.providers.end()) return cleared(found->second);
    return cleared(near ? rules_.near : rules_.cloud);
  }

  const workflow::Plan& plan_;
  const Routes& routes_;
  const DataRules& rules_;
  const DataFlow& flow_;
  std::vector<std::pair<std::string, std::size_t>> inputs_;
  std::vector<std::pair<std::string, std::size_t>> files_;
  std::size_t any_file_ = 0;
  std::vector<Label> labels_;
  std::map<NodeIndex, std::size_t> given_;
  std::vector<DataGuard::Leak> leaks_;
};

bool is_classified(const DataFlow& flow) {
  const auto& plan = flow.plan;
  return !plan.files.empty() || !flow.rules.files.empty() ||
         std::any_of(plan.inputs.begin(), plan.inputs.end(), [](const auto& input) { return input.data; }) ||
         std::any_of(plan.nodes.begin(), plan.nodes.end(), [&](const auto& node) {
           return node.data || node.clearance || (node.tool == "workflow_run" && !classes_within(plan, node).empty());
         });
}

}  // namespace

DataGuard::DataGuard(std::vector<Leak> leaks, const DataRules& rules)
    : approvals_(rules.approvals), approvers_(rules.approvers) {
  for (auto& leak : leaks) leaks_.emplace(std::pair(leak.node, leak.candidate), std::move(leak.release));
}

const Release* DataGuard::leak(NodeIndex node, std::size_t candidate) const {
  const auto found = leaks_.find({node, candidate});
  return found == leaks_.end() ? nullptr : &found->second;
}

const Release* DataGuard::first_leak(NodeIndex node) const {
  const auto found = leaks_.lower_bound({node, 0});
  return found == leaks_.end() || found->first.first != node ? nullptr : &found->second;
}

Result<std::shared_ptr<const DataGuard>> guard_of(const DataFlow& flow) {
  if (!is_classified(flow)) return std::shared_ptr<const DataGuard>();
  HILLSTAR_TRY(auto leaks, Flow(flow).leaks());
  if (leaks.empty()) return std::shared_ptr<const DataGuard>();
  return std::make_shared<const DataGuard>(std::move(leaks), flow.rules);
}

Result<std::map<NodeIndex, std::string>> classes_given(const workflow::Plan& plan, const DataRules& rules,
                                                       const std::string& workspace) {
  const Routes none;
  const DataFlow known{plan, none, rules, workspace};
  if (!is_classified(known)) return std::map<NodeIndex, std::string>();
  Flow flow(known);
  HILLSTAR_CHECK(flow.leaks());
  return flow.given();
}

void raise_inputs(workflow::Plan& plan, const std::string& data_class, const DataRules& rules) {
  const auto least = rank_of(rules, data_class);
  if (data_class.empty() || !least) return;
  for (auto& input : plan.inputs)
    if (!input.data || rank_of(rules, *input.data).value_or(0) < *least) input.data = data_class;
}

Result<void> check_leaks(const workflow::Plan& plan, const DataGuard* guard) {
  if (guard == nullptr) return {};
  for (const auto& [place, release] : guard->leaks()) {
    const auto& node = plan.nodes[place.first];
    if (node.asks_release) continue;
    return Error{
        Errc::data_refused, describe(release), "/graph/nodes/" + json::pointer_token(node.id.str()),
        "Clear the place in a policy file of the user or the site (data.clearance), take one that may have the "
        "data, or let a person decide: \"release\": \"ask\"."};
  }
  return {};
}

std::string describe(const Release& release) {
  std::string path;
  for (const auto& step : release.path) path += (path.empty() ? "" : " -> ") + step;
  return "data of class '" + release.data + "' would go to " + release.to + ", which is cleared for '" +
         release.clearance + "': " + path;
}

}  // namespace hillstar::policy
