// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/children.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "runtime/workflow/compile.hpp"
#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

std::string file_of(const PlanNode& node) {
  const auto parameters = node.parameters.value();
  const auto* file = json::member(parameters, "workflow");
  return file != nullptr && file->is_string() ? std::string(file->get_string()) : std::string();
}

/// The id that the author wrote.
std::string authored_id(const PlanNode& node) {
  const auto& id = node.id.str();
  return node.loop && node.loop->attempt > 1 ? id.substr(0, id.rfind('@')) : id;
}

bool is_filled(const bj::value& value) {
  if (const auto* text = value.if_string()) return text->find("{{") != bj::string::npos;
  if (const auto* list = value.if_array()) return std::any_of(list->begin(), list->end(), is_filled);
  const auto* object = value.if_object();
  return object != nullptr &&
         std::any_of(object->begin(), object->end(), [](const auto& member) { return is_filled(member.value()); });
}

class GivenCheck {
 public:
  GivenCheck(const ChildUse& use, const Plan& child, const std::string& text)
      : use_(use), child_(child), located_(json::parse_located(text)) {}

  std::vector<Diagnostic> run(const bj::value& input) {
    std::map<std::string, std::string> texts;
    bj::object values;
    std::set<std::string> later;
    if (const auto* object = input.if_object()) {
      for (const auto& [key, value] : *object) {
        const std::string name(key);
        if (is_filled(value) && declares(name))
          later.insert(name);
        else if (value.is_string())
          texts.emplace(name, value.get_string());
        else
          values.emplace(name, value);
      }
    }
    for (auto& found : resolve_inputs(child_, texts, Json::of(bj::value(values))).diagnostics) {
      const auto token = found.pointer.substr(std::min(found.pointer.size(), std::string_view("/inputs/").size()));
      if (later.contains(name_of(token))) continue;
      report(token, std::move(found));
    }
    return std::move(diagnostics_);
  }

 private:
  [[nodiscard]] bool declares(const std::string& name) const {
    return std::any_of(child_.inputs.begin(), child_.inputs.end(), [&](const auto& one) { return one.name == name; });
  }
  [[nodiscard]] std::string name_of(const std::string& token) const {
    for (const auto& one : child_.inputs)
      if (json::pointer_token(one.name) == token) return one.name;
    return token;
  }

  void report(const std::string& token, Diagnostic found) {
    const auto whole = use_.pointer + "/input";
    const auto one = whole + "/" + token;
    found.pointer = use_.pointer;
    for (const auto& pointer : {whole, one})
      if (located_ && located_->offsets.contains(pointer)) found.pointer = pointer;
    if (located_) found.position = located_->at(found.pointer);
    found.message = "'" + use_.file + "': " + found.message;
    if (found.hint.starts_with("give it with -p")) found.hint = "give it in 'input' of the node";
    diagnostics_.push_back(std::move(found));
  }

  const ChildUse& use_;
  const Plan& child_;
  Result<json::Located> located_;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace

std::vector<ChildUse> child_uses(const Plan& plan) {
  std::vector<ChildUse> uses;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    const auto& node = plan.nodes[i];
    if (node.tool != "workflow_run") continue;
    auto pointer = "/graph/nodes/" + json::pointer_token(authored_id(node));
    const auto same = std::find_if(uses.begin(), uses.end(), [&](const auto& use) { return use.pointer == pointer; });
    if (same == uses.end())
      uses.push_back({file_of(node), std::move(pointer), {i}});
    else
      same->planned.push_back(i);
  }
  return uses;
}

std::string name_from(std::string_view file, std::string_view named_in) {
  std::vector<std::string_view> parts;
  const auto add = [&](std::string_view path) {
    for (std::size_t at = 0; at <= path.size();) {
      const auto end = std::min(path.find('/', at), path.size());
      const auto part = path.substr(at, end - at);
      if (part == ".." && !parts.empty() && parts.back() != "..")
        parts.pop_back();
      else if (!part.empty() && part != ".")
        parts.push_back(part);
      at = end + 1;
    }
  };
  if (const auto slash = named_in.rfind('/'); slash != std::string_view::npos) add(named_in.substr(0, slash));
  add(file);
  std::string name;
  for (const auto part : parts) name += (name.empty() ? "" : "/") + std::string(part);
  return name;
}

void rename(Plan& plan, const ChildUse& use, const std::string& file) {
  for (const auto i : use.planned) {
    auto parameters = plan.nodes[i].parameters.value();
    parameters.as_object()["workflow"] = file;
    plan.nodes[i].parameters = Json::of(parameters);
  }
}

std::vector<Diagnostic> check_given(const Plan& plan, const ChildUse& use, const Plan& child, const std::string& text) {
  return GivenCheck(use, child, text).run(plan.nodes[use.planned.front()].input.value());
}

Result<Plan> child_plan(const ChildWorkflow& child, const std::vector<ChildWorkflow>& all) {
  HILLSTAR_TRY(auto plan, plan_from_text(child.plan));
  std::vector<std::string> wanted;
  std::set<std::string> seen;
  const auto want = [&](const Plan& from) {
    for (const auto& use : child_uses(from))
      if (seen.insert(use.file).second) wanted.push_back(use.file);
  };
  want(plan);
  for (std::size_t next = 0; next < wanted.size(); ++next) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.file == wanted[next]; });
    if (found == all.end())
      return Error{Errc::workflow_invalid, "the plan does not have the workflow '" + wanted[next] + "'", child.file};
    plan.children.push_back(*found);
    HILLSTAR_TRY(const auto below, plan_from_text(found->plan));
    want(below);
  }
  return plan;
}

}  // namespace hillstar::workflow
