// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/rules_check.hpp"

#include <set>

#include "messages/json.hpp"
#include "runtime/policy/air_gap.hpp"
#include "runtime/policy/data_guard.hpp"
#include "runtime/policy/routes.hpp"
#include "runtime/workflow/problems.hpp"

namespace hillstar::policy {
namespace {

std::string pointer_of(const workflow::PlanNode& node) {
  // Attempts of a loop are one node of the file.
  const auto& id = node.id.str();
  return "/graph/nodes/" + json::pointer_token(node.loop ? id.substr(0, id.find('@')) : id);
}

void add(const Error& error, workflow::Problems& problems) {
  problems.error(error.code, error.where, error.message, error.hint);
}

void check_places(const workflow::Plan& plan, const RulesWorld& world, bool air_gapped, workflow::Problems& problems) {
  std::optional<Reach> reach;
  if (air_gapped) reach = reach_of(&world.rules);
  const auto routes = routes_of(plan, world.registry, world.environment, reach ? &*reach : nullptr);
  if (reach)
    if (const auto checked = check_routes(plan, routes_of(plan, world.registry, world.environment), routes); !checked)
      add(checked.error(), problems);
  const auto guard = guard_of({plan, routes, world.rules.data, world.workspace});
  if (!guard) return add(guard.error(), problems);
  if (*guard == nullptr) return;
  std::set<std::string> told;
  for (const auto& [place, release] : (*guard)->leaks()) {
    const auto& node = plan.nodes[place.first];
    const auto at = pointer_of(node);
    if (!told.insert(at + " " + release.to).second) continue;
    if (node.asks_release)
      problems.warning(at, describe(release), "people will be asked before it goes");
    else
      problems.error(Errc::data_refused, at, describe(release),
                     "clear the place under data.clearance in " + where_rules_stand(world.rules) +
                         ", take one that may have the data, or let people decide: \"release\": \"ask\"");
  }
}

}  // namespace

std::string where_rules_stand(const Rules& rules) {
  std::string files;
  for (const auto& file : rules.files) files += (files.empty() ? "" : ", ") + file;
  const std::string may =
      "the policy of the user (~/.config/hillstar/policy.json) or of the site "
      "(/etc/hillstar/policy.json)";
  return files.empty() ? may : may + ", now " + files;
}

Result<void> check_sandbox(const workflow::PlanNode& node, const Rules& rules, bool air_gapped) {
  if (!node.sandbox) return {};
  const auto& sandbox = *node.sandbox;
  if (sandbox.profile == workflow::SandboxProfile::none && !rules.sandbox.allow_none)
    return Error{Errc::sandbox_refused,
                 "node '" + node.id.str() +
                     "' asks for no sandbox, which sandbox.allow_none does "
                     "not allow",
                 pointer_of(node) + "/sandbox",
                 "leave its sandbox on, or set sandbox.allow_none in " + where_rules_stand(rules)};
  if (air_gapped && sandbox.network.value_or(false) && !rules.air_gap.allow_script_network)
    return Error{Errc::sandbox_refused,
                 "node '" + node.id.str() +
                     "' asks for the network in an air-gapped run, which "
                     "air_gap.allow_script_network does not allow",
                 pointer_of(node) + "/sandbox",
                 "leave \"network\" out, or set air_gap.allow_script_network in " + where_rules_stand(rules)};
  return {};
}

std::vector<workflow::Diagnostic> check_rules(const workflow::Plan& plan, const std::string& text,
                                              const RulesWorld& world) {
  workflow::Problems problems(false);
  const bool air_gapped = world.air_gapped || world.rules.air_gap.always || is_local_only(plan.model_config);
  for (const auto& node : plan.nodes) {
    if (node.loop && node.loop->attempt > 1) continue;
    if (const auto checked = check_sandbox(node, world.rules, air_gapped); !checked) add(checked.error(), problems);
  }
  check_places(plan, world, air_gapped, problems);
  return problems.take(text);
}

}  // namespace hillstar::policy
