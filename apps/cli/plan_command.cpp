// SPDX-License-Identifier: Apache-2.0
// plan: which model each node would ask, why, and what it may cost; nothing runs.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/given_inputs.hpp"
#include "apps/cli/json_fields.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/script_notes.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/workflow_file.hpp"
#include "messages/json_codec.hpp"
#include "runtime/policy/estimate.hpp"
#include "runtime/policy/program_address.hpp"
#include "runtime/workflow/children.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using policy::Backend;

/// One row: a node, and for model calls what was chosen.
struct Row {
  const workflow::PlanNode* node = nullptr;
  std::optional<policy::Choice> choice;
  std::optional<Error> problem;
  std::optional<policy::NodeEstimate> estimate;

  [[nodiscard]] const Backend* backend() const { return choice ? &choice->candidates.front().backend : nullptr; }
};

struct Totals {
  MicroUsd low;
  MicroUsd high;
  std::vector<std::string> open;  ///< Nodes whose ceiling is not known, and why.
};

class Planner {
 public:
  Planner(const workflow::Plan& plan, const policy::Registry& registry, policy::LookUp environment)
      : plan_(plan), registry_(registry), environment_(std::move(environment)) {}

  std::vector<Row> rows(const Json& inputs) const {
    std::vector<Row> rows;
    std::vector<policy::PlannedCall> calls;
    for (NodeIndex i = 0; i < plan_.nodes.size(); ++i) {
      rows.push_back({&plan_.nodes[i], {}, {}, {}});
      if (plan_.nodes[i].tool != "model_call") continue;
      choose(rows.back());
      if (const auto* backend = rows.back().backend()) calls.push_back({i, *backend});
    }
    for (auto& estimate : policy::estimate(plan_, calls, inputs)) rows[estimate.node].estimate = estimate;
    return rows;
  }

 private:
  /// As it would run here; if it cannot for want of a key, as it would with one.
  void choose(Row& row) const {
    auto choice =
        policy::choose(*row.node, plan_.model_config, {registry_, environment_, true, &plan_.provider_config});
    if (choice) {
      row.choice = std::move(choice).value();
      return;
    }
    row.problem = choice.error();
    auto ahead =
        policy::choose(*row.node, plan_.model_config, {registry_, environment_, false, &plan_.provider_config});
    if (ahead) row.choice = std::move(ahead).value();
  }

  const workflow::Plan& plan_;
  const policy::Registry& registry_;
  policy::LookUp environment_;
};

Totals total_of(const std::vector<Row>& rows) {
  Totals totals;
  for (const auto& row : rows) {
    if (row.node->tool != "model_call") continue;
    const auto id = row.node->id.str();
    if (!row.estimate) {
      totals.open.push_back(id + ": nothing to ask");
      continue;
    }
    const auto& estimate = *row.estimate;
    if (estimate.low) totals.low = policy::plus(totals.low, *estimate.low);
    if (estimate.high) totals.high = policy::plus(totals.high, *estimate.high);
    if (!estimate.low)
      totals.open.push_back(id + ": its price is not known");
    else if (!estimate.items_known)
      totals.open.push_back(id + ": for each item of a list that only the run knows; counted once");
    else if (!estimate.high)
      totals.open.push_back(id + ": the length of its prompt is not known");
  }
  return totals;
}

/// A node that runs a workflow, and how often.
struct ChildNode {
  std::string id;
  policy::Occasions runs;
};

/// A workflow that nodes run, and what one run of it may cost besides.
struct ChildRow {
  std::string file;
  std::vector<ChildNode> nodes;
  Totals totals;
};

std::string cost_of(const Totals& totals) {
  return fmt::format("{} .. {}", money(totals.low), totals.open.empty() ? money(totals.high) : "?");
}

std::string range_of(std::uint64_t low, const std::optional<std::uint64_t>& high) {
  if (!high) return std::to_string(low) + " .. ?";
  return *high == low ? std::to_string(low) : std::to_string(low) + " .. " + std::to_string(*high);
}

/// `part: runs sub.json 1 .. 3 times, each time $0.00 .. $0.02`
std::string words_of(const ChildRow& child, const ChildNode& node) {
  const auto& runs = node.runs;
  const auto times = runs.high ? range_of(runs.low, runs.high) + (*runs.high == 1 ? " time" : " times")
                               : std::string("for each item of a list that only the run knows");
  return node.id + ": runs " + child.file + " " + times + ", each time " + cost_of(child.totals);
}

/// What the runs that nodes start cost besides.
void add_children(Totals& totals, const std::vector<ChildRow>& children) {
  for (const auto& child : children)
    for (const auto& node : child.nodes) {
      totals.low = policy::plus(totals.low, policy::times(child.totals.low, node.runs.low));
      totals.high = policy::plus(totals.high, policy::times(child.totals.high, node.runs.high.value_or(1)));
      const bool costs = child.totals.high.count > 0 || !child.totals.open.empty();
      if (!child.totals.open.empty() || (!node.runs.high && costs)) totals.open.push_back(words_of(child, node));
    }
}

/// Of the workflows that the plan's nodes run, and that those run in turn.
Result<std::vector<ChildRow>> children_of(const workflow::Plan& plan, const Json& inputs,
                                          const policy::Registry& registry, const policy::LookUp& look_up) {
  std::vector<ChildRow> rows;
  for (const auto& use : workflow::child_uses(plan)) {
    const auto entry = std::find_if(plan.children.begin(), plan.children.end(),
                                    [&](const workflow::ChildWorkflow& child) { return child.file == use.file; });
    if (entry == plan.children.end()) continue;
    HILLSTAR_TRY(const auto child, workflow::child_plan(*entry, plan.children));
    ChildRow row{use.file, {}, total_of(Planner(child, registry, look_up).rows(Json()))};
    for (const auto node : use.planned)
      row.nodes.push_back({plan.nodes[node].id.str(), policy::occasions_of(plan, node, inputs)});
    HILLSTAR_TRY(const auto below, children_of(child, Json(), registry, look_up));
    add_children(row.totals, below);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// `gpu, site=lab2; rather fast`
std::string words_of(const workflow::Placement& placement) {
  const auto list = [](const std::map<std::string, std::string>& labels) {
    std::string words;
    for (const auto& [name, value] : labels)
      words += (words.empty() ? "" : ", ") + name + (value.empty() ? "" : "=" + value);
    return words;
  };
  auto words = placement.labels.empty() ? std::string("any worker") : "a worker with " + list(placement.labels);
  if (!placement.prefer.empty()) words += ", rather with " + list(placement.prefer);
  if (placement.slots != 1) words += fmt::format(", {} slots of it", placement.slots);
  if (placement.slurm) words += ", by Slurm";
  return words;
}

std::string cost_of(const policy::NodeEstimate& estimate) {
  if (!estimate.low) return "price not known";
  if (!estimate.high) return money(*estimate.low) + " .. ?";
  if (estimate.high->count == 0) return "free";
  return money(*estimate.low) + " .. " + money(*estimate.high) + (estimate.items_known ? "" : " an item");
}

std::string calls_of(const policy::NodeEstimate& estimate) {
  if (!estimate.items_known) return "x?";
  return range_of(estimate.calls_low, estimate.calls_high);
}

bj::object json_of(const Backend& backend) {
  return {{"provider", backend.provider_label},
          {"model", backend.model},
          {"address", backend.base_url},
          {"source", backend.source},
          {"local", backend.is_near},
          {"key_variable", backend.key_variable},
          {"key_missing", backend.key_missing},
          {"tier", backend.tier ? bj::value(policy::tier_name(*backend.tier)) : bj::value(nullptr)},
          {"context_tokens", or_null(backend.context_tokens)},
          {"requests_per_minute", or_null(backend.limits.requests_per_minute)},
          {"concurrency", or_null(backend.limits.concurrency)}};
}

bj::object json_of(const Row& row) {
  bj::object out{{"node", row.node->id.str()}, {"tool", row.node->tool}};
  if (row.problem) out["problem"] = to_string(*row.problem);
  if (row.node->placement) out["placement"] = Json::from_canonical(json::to_text(*row.node->placement)).value();
  if (!row.choice) return out;
  const auto& first = row.choice->candidates.front();
  out["backend"] = json_of(first.backend);
  out["why"] = first.reason;
  auto& others = out["fallbacks"].emplace_array();
  for (std::size_t i = 1; i < row.choice->candidates.size(); ++i) {
    auto other = json_of(row.choice->candidates[i].backend);
    other["why"] = row.choice->candidates[i].reason;
    others.push_back(std::move(other));
  }
  auto& left_out = out["left_out"].emplace_array();
  for (const auto& [provider, error] : row.choice->left_out)
    left_out.push_back(bj::object{{"provider", provider}, {"why", error.message}});
  if (const auto& estimate = row.estimate)
    out["estimate"] = bj::object{{"calls_low", estimate->calls_low},
                                 {"calls_high", estimate->calls_high},
                                 {"items_known", estimate->items_known},
                                 {"input_tokens_low", estimate->input_low},
                                 {"input_tokens_high", or_null(estimate->input_high)},
                                 {"output_tokens_high", estimate->output_high},
                                 {"cost_low_micros", or_null(estimate->low)},
                                 {"cost_high_micros", or_null(estimate->high)}};
  return out;
}

bj::value json_of(const std::optional<workflow::Budget>& budget) {
  if (!budget) return nullptr;
  return bj::object{{"node_micros", or_null(budget->node)},
                    {"run_micros", or_null(budget->run)},
                    {"workflow_micros", or_null(budget->workflow)},
                    {"day_micros", or_null(budget->day)},
                    {"on_exhausted", budget->pause ? "pause" : "fail"}};
}

/// What the file allows, and whether the run may need more.
void print_budget(Output& output, const workflow::Budget& budget, const Totals& totals) {
  std::string words;
  const auto add = [&](const std::optional<MicroUsd>& limit, std::string_view of) {
    if (limit) words += fmt::format("{}{} for {}", words.empty() ? "" : ", ", money(*limit), of);
  };
  add(budget.node, "a node");
  add(budget.run, "the run");
  add(budget.workflow, "all runs");
  add(budget.day, "a day");
  const bool enough = totals.open.empty() && budget.run && totals.high.count <= budget.run->count;
  if (budget.run) words += enough ? "; the run cannot need more" : "; the run may need more";
  output.data(fmt::format("Budget {}, then it {}", words, budget.pause ? "pauses" : "fails"));
}

bj::object json_of(const Totals& totals) {
  return {{"cost_low_micros", totals.low.count},
          {"cost_high_micros", totals.high.count},
          {"is_bound", totals.open.empty()},
          {"open", bj::value_from(totals.open)}};
}

/// What was found out about a workflow.
struct Outlook {
  const workflow::Plan& plan;
  std::vector<Row> rows;
  std::vector<ChildRow> children;
  Totals totals;
};

void print_json(Output& output, const Outlook& outlook) {
  const auto& [plan, rows, children, totals] = outlook;
  bj::array below;
  for (const auto& child : children) {
    auto entry = json_of(child.totals);
    entry["file"] = child.file;
    bj::array names;
    bj::array runs;
    for (const auto& node : child.nodes) {
      names.emplace_back(node.id);
      runs.push_back(bj::object{{"node", node.id}, {"low", node.runs.low}, {"high", or_null(node.runs.high)}});
    }
    entry["nodes"] = std::move(names);
    entry["runs"] = std::move(runs);
    below.push_back(std::move(entry));
  }
  bj::array nodes;
  for (const auto& row : rows) nodes.push_back(json_of(row));
  output.data(Json::of(bj::object{{"workflow", plan.workflow.str()},
                                  {"nodes", std::move(nodes)},
                                  {"budget", json_of(plan.budget)},
                                  {"children", std::move(below)},
                                  {"total", json_of(totals)}}));
}

void print_notes(Output& output, const std::vector<Row>& rows) {
  std::map<std::string, std::set<std::string>> keys;  // variable -> providers
  std::map<std::string, std::string> limits;
  std::map<std::string, std::string> programs;
  for (const auto& row : rows) {
    const auto* backend = row.backend();
    if (row.problem) output.data(output.paint_data(Tone::bad, "  " + visible(to_string(*row.problem))));
    if (backend == nullptr) continue;
    if (backend->key_missing) keys[backend->key_variable].insert(backend->provider_label);
    for (const auto& note : backend->notes) output.data("  note: " + visible(row.node->id.str() + ": " + note));
    if (policy::is_program(backend->base_url)) programs.emplace(backend->base_url, backend->provider_label);
    if (const auto rate = backend->limits.requests_per_minute)
      limits.emplace(backend->provider_label, fmt::format("{} requests a minute", *rate));
  }
  for (const auto& [key, providers] : keys)
    output.data(
        output.paint_data(Tone::bad, "  Key missing: " + visible(key) + " (" + visible(*providers.begin()) + ")"));
  for (const auto& [address, provider] : programs)
    output.data("  Starts a " + visible(address) + " (" + visible(provider) + ")");
  for (const auto& [provider, words] : limits) output.data("  Limit: " + visible(provider) + ", " + words);
}

void print_table(Output& output, const Outlook& outlook) {
  const auto& [plan, rows, children, totals] = outlook;
  std::vector<std::vector<std::string>> lines{{"NODE", "TOOL", "ASKS", "CALLS", "TOKENS IN", "OUT", "COST", "WHY"}};
  for (const auto& row : rows) {
    const auto id = visible(row.node->id.str());
    if (row.node->tool != "model_call") {
      lines.push_back({id, visible(row.node->tool)});
      continue;
    }
    const auto* backend = row.backend();
    if (backend == nullptr) {
      lines.push_back({id, "model_call", "nothing"});
      continue;
    }
    const auto& estimate = *row.estimate;
    lines.push_back({id, "model_call", visible(backend->provider_label + "/" + backend->model), calls_of(estimate),
                     range_of(estimate.input_low, estimate.input_high), "0 .. " + std::to_string(estimate.output_high),
                     cost_of(estimate), visible(row.choice->candidates.front().reason)});
    for (std::size_t i = 1; i < row.choice->candidates.size(); ++i) {
      const auto& other = row.choice->candidates[i];
      lines.push_back({"", "", "  or " + visible(other.backend.provider_label + "/" + other.backend.model), "", "", "",
                       "", visible(other.reason)});
    }
  }
  for (const auto& line : table(lines)) output.data(line);
  for (const auto& child : children)
    for (const auto& node : child.nodes) output.data("  " + visible(words_of(child, node)));
  output.data(fmt::format("Total {} .. {}{}", money(totals.low), money(totals.high),
                          totals.open.empty() ? "" : ", and what is not known:"));
  for (const auto& open : totals.open) output.data("  " + visible(open));
  if (plan.budget) print_budget(output, *plan.budget, totals);
  print_notes(output, rows);
  for (const auto& row : rows)
    if (row.node->placement)
      output.data("  Placed: " + visible(row.node->id.str() + " at " + words_of(*row.node->placement)));
}

}  // namespace

Result<Exit> plan_file(Context& context, const RunArgs& args) {
  auto& output = context.output;
  HILLSTAR_TRY(const auto workspace, current_folder());
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  for (const auto& warning : registry->warnings) output.warn("warning: " + visible(warning));
  HILLSTAR_TRY(const auto loaded, load_workflow(args.file, {args.strict, *registry, context.environment}));
  if (!show_diagnostics(output, loaded.compiled.diagnostics, args.file)) return Exit::invalid_workflow;
  const auto& plan = *loaded.compiled.plan;
  HILLSTAR_TRY(const auto given, given_parameters(args.parameters));
  HILLSTAR_TRY(const auto file_values, params_of(args.params_file));
  const auto inputs = workflow::resolve_inputs(plan, given, file_values);
  // Looking ahead needs no inputs; what is given must be right.
  const bool any_given = !given.empty() || !file_values.is_null();
  if (any_given && !show_diagnostics(output, inputs.diagnostics, args.file)) return Exit::invalid_workflow;

  HILLSTAR_TRY(const auto environment, variables_for(context, args.file, workspace, args.env_file, &plan));
  const policy::LookUp look_up = [&](const std::string& name) { return variable(environment, name); };
  Outlook outlook{plan, Planner(plan, *registry, look_up).rows(inputs.values), {}, {}};
  HILLSTAR_TRY(outlook.children, children_of(plan, inputs.values, *registry, look_up));
  const auto& rows = outlook.rows;
  outlook.totals = total_of(rows);
  add_children(outlook.totals, outlook.children);
  if (output.is_json())
    print_json(output, outlook);
  else
    print_table(output, outlook);
  if (!output.is_json())
    for (const auto& line : lines_of(script_notes(plan, environment))) output.data(visible(line));
  const bool runs = std::none_of(rows.begin(), rows.end(), [](const Row& row) { return row.problem.has_value(); });
  return runs ? Exit::done : Exit::run_failed;
}

}  // namespace hillstar::cli
