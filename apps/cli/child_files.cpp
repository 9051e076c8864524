// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/child_files.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "apps/cli/environment.hpp"
#include "runtime/policy/child_data.hpp"
#include "runtime/policy/rules_check.hpp"
#include "runtime/tools/policy_files.hpp"
#include "runtime/workflow/children.hpp"
#include "runtime/workflow/state_fit.hpp"

namespace hillstar::cli {
namespace {

namespace fs = std::filesystem;
using workflow::Diagnostic;

constexpr std::size_t kChildTextMax = workflow::kChildBytesMax;

/// A file that one of the plans names.
struct Child {
  workflow::ChildWorkflow entry;
  std::optional<workflow::Plan> plan;  ///< Nothing: it is wrong, and the diagnostics say why.
  std::size_t height = 0;              ///< Workflows inside one another below it.
};

/// A workflow whose nodes are looked at.
struct Here {
  workflow::Plan& plan;
  const std::string& text;
  std::string name;                 ///< From the folder of the outermost one.
  std::string shown;                ///< In diagnostics; empty: the outermost one.
  std::vector<std::string> inside;  ///< Names of it, and of those that it is in.
};

class ChildFiles {
 public:
  ChildFiles(LoadedWorkflow& loaded, const std::string& workspace, const WorkflowChecks& checks)
      : loaded_(loaded), workspace_(workspace), checks_(checks), folder_(workspace) {
    if (checks.file.empty()) return;
    folder_ = fs::path(checks.file).parent_path().string();
    root_ = fs::path(checks.file).filename().string();
  }

  void run() {
    auto& plan = *loaded_.compiled.plan;
    follow({plan, loaded_.text, root_, {}, {root_}});
    for (auto& [file, child] : known_) plan.children.push_back(child.entry);
    check_state(plan);
    if (workflow::has_errors(loaded_.compiled.diagnostics)) return;
    check_results(plan);
    check_data(plan, 0);
  }

 private:
  void add(Diagnostic found, const std::string& shown) {
    if (found.file.empty()) found.file = shown;
    loaded_.compiled.diagnostics.push_back(std::move(found));
  }

  void refuse(const Here& here, const workflow::ChildUse& use, Error error) {
    Diagnostic found;
    found.code = error.code;
    found.pointer = use.pointer + "/parameters/workflow";
    if (const auto located = json::parse_located(here.text)) found.position = located->at(found.pointer);
    found.message = std::move(error.message);
    found.hint = std::move(error.hint);
    add(std::move(found), here.shown);
  }

  /// Returns how deep it goes below.
  std::size_t follow(const Here& here) {
    std::size_t height = 0;
    for (auto& use : workflow::child_uses(here.plan)) {
      const auto name = workflow::name_from(use.file, here.name);
      workflow::rename(here.plan, use, name);
      use.file = name;
      const auto* child = find(here, use);
      if (child == nullptr || !child->plan) continue;
      height = std::max(height, child->height + 1);
      for (auto& found : workflow::check_given(here.plan, use, *child->plan, here.text))
        add(std::move(found), here.shown);
    }
    return height;
  }

  const Child* find(const Here& here, const workflow::ChildUse& use) {
    const auto again = std::find(here.inside.begin(), here.inside.end(), use.file);
    if (again != here.inside.end()) {
      std::string cycle;
      for (auto at = again; at != here.inside.end(); ++at) cycle += *at + " -> ";
      refuse(here, use,
             {Errc::workflow_invalid,
              "a workflow would run itself: " + cycle + use.file,
              {},
              "repeat work with 'loops' or 'for_each'"});
      return nullptr;
    }
    auto known = known_.find(use.file);
    if (known == known_.end()) {
      if (!load(here, use)) return nullptr;
      known = known_.find(use.file);
    }
    if (here.inside.size() + known->second.height > workflow::kChildDepthMax) {
      refuse(here, use,
             {Errc::workflow_invalid,
              "workflows run inside one another more than " + std::to_string(workflow::kChildDepthMax) + " deep",
              {},
              {}});
      return nullptr;
    }
    return &known->second;
  }

  bool load(const Here& here, const workflow::ChildUse& use) {
    const auto path = (fs::path(folder_) / use.file).lexically_normal().string();
    if (here.inside.size() > workflow::kChildDepthMax || known_.size() >= workflow::kChildFilesMax) {
      refuse(here, use,
             {Errc::workflow_invalid,
              known_.size() >= workflow::kChildFilesMax
                  ? "more than " + std::to_string(workflow::kChildFilesMax) + " different workflows are run"
                  : "workflows run inside one another more than " + std::to_string(workflow::kChildDepthMax) + " deep",
              {},
              {}});
      return false;
    }
    auto text = read_file(path, Errc::workflow_file, kChildTextMax);
    if (!text) {
      refuse(
          here, use,
          {text.error().code == Errc::not_found ? Errc::workflow_file : text.error().code,
           "the workflow that it runs cannot be read: " + path,
           {},
           text.error().code == Errc::not_found ? "the path starts at the folder of this file" : text.error().message});
      return false;
    }
    auto one = check_one(*std::move(text), workspace_, checks_);
    if (!one) {
      refuse(here, use, one.error());
      return false;
    }
    const auto shown = fs::path(path).lexically_proximate(workspace_).string();
    for (auto& found : one->compiled.diagnostics) add(std::move(found), shown);
    Child child;
    child.entry = {use.file, path, std::move(one->text), {}, {}};
    if (one->compiled.plan) {
      auto inside = here.inside;
      inside.push_back(use.file);
      child.height = follow({*one->compiled.plan, child.entry.text, use.file, shown, std::move(inside)});
      child.entry.plan = workflow::to_text(*one->compiled.plan);
      if (const auto& budget = one->compiled.plan->budget) child.entry.budget = budget->run;
      child.plan = std::move(one->compiled.plan);
    }
    bytes_ += child.entry.text.size() + child.entry.plan.size();
    const bool fits = bytes_ <= workflow::kChildBytesMax;
    if (!fits)
      refuse(here, use,
             {Errc::workflow_invalid,
              "the workflows that are run have more than " + std::to_string(workflow::kChildBytesMax >> 20U) +
                  " MiB together",
              {},
              {}});
    known_.emplace(use.file, std::move(child));
    return fits;
  }

  /// Runs inside see as much of shared state as the run that an entry point starts.
  void check_state(const workflow::Plan& plan) {
    for (const auto& [file, child] : known_) {
      if (!child.plan) continue;
      for (const auto& entry : plan.entry_points) {
        const auto misfit = workflow::first_misfit(*child.plan, {entry.isolation, true});
        if (!misfit) continue;
        Diagnostic found;
        found.code = Errc::workflow_invalid;
        found.pointer = misfit->pointer;
        if (const auto located = json::parse_located(child.entry.text)) found.position = located->at(found.pointer);
        found.message = misfit->message + " (entry point '" + entry.id + "' of the workflow that runs it)";
        found.hint = misfit->hint;
        add(std::move(found), shown(child.entry));
        break;
      }
    }
  }

  [[nodiscard]] std::string shown(const workflow::ChildWorkflow& child) const {
    return fs::path(child.path).lexically_proximate(workspace_).string();
  }

  /// What a run inside gives may be of a class that nobody knew before all files were read.
  void check_results(const workflow::Plan& plan) {
    const auto rules = tools::load_rules(workspace_, checks_.environment);
    if (!rules || plan.children.empty()) return;
    const auto held = *rules ? **rules : policy::default_rules();
    check_again(plan, loaded_.text, {}, held);
    for (const auto& [file, child] : known_)
      if (const auto whole = workflow::child_plan(child.entry, plan.children); whole && !whole->children.empty())
        check_again(*whole, child.entry.text, shown(child.entry), held);
  }

  /// What a run is given may be of a higher class than its workflow says.
  void check_data(const workflow::Plan& plan, std::size_t depth) {
    const auto rules = tools::load_rules(workspace_, checks_.environment);
    if (!rules || depth > workflow::kChildDepthMax) return;
    const auto held = *rules ? **rules : policy::default_rules();
    const auto classes = policy::classes_given(plan, held.data, workspace_);
    if (!classes) return;  // said before
    for (const auto& use : workflow::child_uses(plan)) {
      for (const auto i : use.planned) {
        const auto given = classes->find(i);
        if (given == classes->end() || !looked_at_.insert({use.file, given->second}).second) continue;
        const auto& child = known_.at(use.file).entry;
        auto raised = workflow::child_plan(child, loaded_.compiled.plan->children);
        if (!raised) continue;
        policy::raise_inputs(*raised, given->second, held.data);
        check_again(*raised, child.text, shown(child), held);
        check_data(*raised, depth + 1);
      }
    }
  }

  /// Adds what was not found before.
  void check_again(const workflow::Plan& plan, const std::string& text, const std::string& name,
                   const policy::Rules& rules) {
    const auto look_up = policy::look_up_in(checks_.environment);
    auto& all = loaded_.compiled.diagnostics;
    for (auto& found :
         policy::check_rules(plan, text, {checks_.registry, look_up, rules, workspace_, checks_.air_gapped})) {
      const bool known = std::any_of(all.begin(), all.end(), [&](const Diagnostic& other) {
        return other.file == name && other.pointer == found.pointer && other.message == found.message;
      });
      if (!known) add(std::move(found), name);
    }
  }

  LoadedWorkflow& loaded_;
  const std::string& workspace_;
  const WorkflowChecks& checks_;
  std::string folder_;
  std::string root_;
  std::map<std::string, Child> known_;  ///< By name.
  std::set<std::pair<std::string, std::string>> looked_at_;
  std::size_t bytes_ = 0;
};

}  // namespace

void load_children(LoadedWorkflow& loaded, const std::string& workspace, const WorkflowChecks& checks) {
  if (loaded.compiled.plan) ChildFiles(loaded, workspace, checks).run();
}

}  // namespace hillstar::cli
