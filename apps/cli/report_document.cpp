// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/report_document.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "apps/cli/endpoints.hpp"
#include "apps/cli/report_history.hpp"
#include "apps/cli/report_texts.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/version.hpp"
#include "messages/json_codec.hpp"
#include "runtime/policy/rules.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/talk.hpp"
#include "runtime/workflow/render.hpp"

namespace hillstar::cli::doc {
namespace {

namespace bj = boost::json;

std::string text_at(const bj::value& document, std::string_view key) {
  const auto* value = json::member(document, key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// The workflow file as its author wrote it; null if it cannot be read any more.
bj::value authored(const StoredRun& stored, const persistence::EventStore& store) {
  const auto text = store.read_blob(stored.state.started.workflow_sha256);
  auto parsed = text ? json::parse(*text) : Result<bj::value>(bj::value());
  return parsed ? *std::move(parsed) : bj::value();
}

/// Where model calls of the run could go; none if it is of an older version.
policy::Routes routes_in(const StoredRun& stored, const persistence::EventStore& store) {
  if (!stored.state.started.routes_sha256) return {};
  const auto text = store.read_blob(*stored.state.started.routes_sha256);
  if (!text) return {};
  auto routes = policy::routes_from_text(*text, stored.state.plan->nodes.size());
  return routes ? *std::move(routes) : policy::Routes{};
}

std::string remark_of(const workflow::PlanNode& node, const run::NodeState& state) {
  std::string text;
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (state.failure && state.status != run::NodeStatus::completed)
    add(fmt::format("{}: {}", json::enum_name(state.failure->kind), state.failure->message));
  if (state.map)
    add(fmt::format("{} items, {} succeeded, {} failed", state.map->units.size(), state.map->succeeded,
                    state.map->failed));
  if (node.loop) add(fmt::format("loop {}, attempt {} of {}", node.loop->loop, node.loop->attempt, node.loop->of));
  if (run::runs_workflow(node) && !state.map) {
    const auto result = state.result.json.value();
    const auto* part = json::member(result, "run");
    if (part != nullptr && part->is_string()) add("run " + std::string(part->get_string()));
  }
  return text;
}

void add_nodes(Document& document, const StoredRun& stored, const Sources& sources, const Texts& texts) {
  const auto& plan = *stored.state.plan;
  const auto source = authored(stored, sources.store);
  const auto routes = routes_in(stored, sources.store);
  document.description = texts.clean(text_at(source, "description"));
  const auto* graph = json::member(source, "graph");
  const auto* authors = graph != nullptr ? json::member(*graph, "nodes") : nullptr;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    const auto& from = plan.nodes[i];
    Node node;
    node.id = texts.clean(from.id.str());
    node.tool = texts.clean(from.tool);
    node.provider = texts.clean(from.provider);
    node.model = texts.clean(from.model);
    // Later attempts of a loop are `node@2` and so on; their author wrote `node`.
    const auto id = from.loop ? from.id.str().substr(0, from.id.str().rfind('@')) : from.id.str();
    if (const auto* written = authors != nullptr ? json::member(*authors, id) : nullptr; written != nullptr)
      node.persona = texts.clean(text_at(*written, "persona"));
    node.status = std::string(run::status_name(stored.state, stored.state.nodes[i]));
    node.remark = texts.clean(remark_of(from, stored.state.nodes[i]));
    node.successors = from.successors;
    if (const auto& list = routes.of(i); !list.empty()) {
      const auto& first = list.front();
      node.choice = texts.clean(fmt::format("{} {}: {}", first.provider, first.model, first.reason));
      if (list.size() > 1) node.choice += fmt::format(" ({} more in reserve)", list.size() - 1);
      if (node.provider.empty()) node.provider = texts.clean(first.provider);
      if (node.model.empty()) node.model = texts.clean(first.model);
    }
    document.nodes.push_back(std::move(node));
  }
}

void add_budget(Document& document, const StoredRun& stored) {
  const auto add = [&](const char* what, const std::optional<MicroUsd>& limit) {
    if (limit) document.budget.push_back(fmt::format("{}: at most {}", what, money(*limit)));
  };
  if (const auto& budget = stored.state.plan->budget) {
    add("each node", budget->node);
    add("the run", budget->run);
    add("all runs of the workflow", budget->workflow);
    add("the workflow's runs of a day", budget->day);
  }
  add("the run, as a person set it", stored.state.budget);
}

Result<void> add_rules(Document& document, const StoredRun& stored, const Sources& sources, const Texts& texts) {
  const auto& named = stored.state.started.rules_sha256;
  if (!named) return {};
  document.rules_sha256 = *named;
  HILLSTAR_TRY(const auto text, sources.store.read_blob(*named));
  HILLSTAR_TRY(const auto rules, policy::rules_from_text(text));
  auto& out = document.rules;
  for (const auto& file : rules.files) out.push_back("from " + texts.clean(file));
  if (rules.sandbox.allow_none) out.emplace_back("scripts may switch their sandbox off");
  if (rules.air_gap.always) out.emplace_back("every run is air-gapped");
  std::string classes;
  for (const auto& name : rules.data.classes) classes += (classes.empty() ? "" : " < ") + name;
  out.push_back(texts.clean(fmt::format("classes of data: {}; at most {} to providers elsewhere, {} to those near",
                                        classes, rules.data.cloud, rules.data.near)));
  if (rules.data.approvals > 1)
    out.push_back(fmt::format("{} people must agree before data goes beyond a clearance", rules.data.approvals));
  return {};
}

void add_head(Document& document, const StoredRun& stored, const Sources& sources, const Texts& texts) {
  const auto row = run::summarize(stored.state, stored.run);
  const auto& started = stored.state.started;
  document.generator = std::string(engine_name());
  document.generated = sources.now;
  document.run = stored.run.str();
  document.workflow = texts.clean(row.workflow.str());
  document.workflow_file = texts.clean(row.workflow_file);
  document.status = row.status;
  document.reason = texts.clean(row.reason);
  // What is recorded may be the number alone.
  const bool is_number = !started.engine.empty() && started.engine.front() >= '0' && started.engine.front() <= '9';
  document.engine = (is_number ? "hillstar-actors " : "") + texts.clean(started.engine);
  document.started_by = texts.clean(started.started_by);
  document.workspace = texts.clean(started.workspace);
  if (!started.inputs.is_null() && started.inputs.text() != "{}") document.inputs = texts.clean(started.inputs.text());
  if (row.parent) document.parent = fmt::format("{} at event {}", row.parent->run.str(), row.parent->seq);
  const auto config = stored.state.plan->model_config.value();
  document.mode = texts.clean(text_at(config, "mode"));
  if (const auto preset = text_at(config, "preset"); !preset.empty())
    document.mode += (document.mode.empty() ? "preset " : " ") + texts.clean(preset);
  document.air_gapped = started.air_gapped;
  document.started = row.started_at;
  document.updated = row.updated_at;
  document.nodes_done = row.nodes_done;
  document.nodes_failed = row.nodes_failed;
  document.tokens = row.tokens;
  document.cost = row.cost;
  document.unsettled = row.unsettled;
  document.workflow_sha256 = started.workflow_sha256;
  document.plan_sha256 = started.plan_sha256;
}

/// The last link of the run's hash chain: what somebody else must be shown to know that nothing was changed.
Result<void> add_chain(Document& document, const StoredRun& stored, const Sources& sources) {
  document.head_seq = stored.history.back().seq;
  HILLSTAR_TRY(const auto last, sources.store.read_records(stored.run, document.head_seq, 1));
  if (!last.empty()) document.head_hash = persistence::to_hex(last.front().hash);
  return {};
}

}  // namespace

Result<Document> document_of(const StoredRun& stored, const Sources& sources) {
  Document document;
  Texts texts(sources.store, sources.redactor);
  add_head(document, stored, sources, texts);
  add_nodes(document, stored, sources, texts);
  add_budget(document, stored);
  HILLSTAR_CHECK(add_rules(document, stored, sources, texts));
  HILLSTAR_CHECK(add_chain(document, stored, sources));
  for (const auto& use : endpoints_of(stored.history)) document.endpoints.push_back(texts.clean(to_string(use)));
  if (document.nodes.size() <= kGraphNodesMax)
    document.drawing = texts.clean(workflow::draw(*stored.state.plan, workflow::GraphFormat::mermaid));
  for (const auto i : final_nodes(stored.state)) {
    if (document.results.size() >= kListedMax) break;
    std::vector<Text> shown;
    texts.add_result(shown, run::result_of(stored.state, i));
    // Of those that say nothing the table of nodes tells all there is.
    const bool says = !shown.empty() && (!shown.front().text.empty() || !shown.front().left_out.empty());
    if (says) document.results.emplace_back(document.nodes[i].id, std::move(shown.front()));
  }
  Walk walk(document, texts, stored);
  for (const auto& recorded : stored.history) walk.see(recorded);
  walk.finish();
  return document;
}

}  // namespace hillstar::cli::doc
