// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/report.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "apps/cli/talk_commands.hpp"
#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"
#include "persistence/run_start.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

/// The value at a JSON pointer that names an existing place; null if there is none.
bj::value* at_pointer(bj::value& root, std::string_view pointer) {
  bj::value* here = &root;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const auto token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    std::string key;
    for (std::size_t i = 0; i < token.size(); ++i) {
      const bool escaped = token[i] == '~' && i + 1 < token.size();
      key += escaped ? (token[++i] == '1' ? '/' : '~') : token[i];
    }
    if (auto* object = here->if_object()) {
      here = object->if_contains(key);
    } else if (auto* array = here->if_array()) {
      std::size_t index = array->size();
      std::from_chars(key.data(), key.data() + key.size(), index);
      here = index < array->size() ? &(*array)[index] : nullptr;
    } else {
      return nullptr;
    }
    if (here == nullptr) return nullptr;
  }
  return here;
}

std::string_view headline(run::RunStatus status) {
  switch (status) {
    case run::RunStatus::completed:
      return "Workflow completed";
    case run::RunStatus::failed:
      return "Workflow failed";
    case run::RunStatus::cancelled:
      return "Workflow cancelled";
    case run::RunStatus::timed_out:
      return "Workflow timed out";
    case run::RunStatus::paused:
      return "Workflow paused";
    default:
      return "Workflow not finished";
  }
}

}  // namespace

Result<std::shared_ptr<const workflow::Plan>> load_plan(const persistence::EventStore& store,
                                                        const std::string& plan_sha256) {
  HILLSTAR_TRY(const auto text, store.read_blob(plan_sha256));
  HILLSTAR_TRY(auto plan, workflow::plan_from_text(text));
  return std::make_shared<const workflow::Plan>(std::move(plan));
}

Result<StoredRun> load_run(const persistence::EventStore& store, const RunId& run) {
  StoredRun stored;
  stored.run = run;
  HILLSTAR_TRY(stored.history, store.read(run));
  HILLSTAR_TRY(const auto* started, persistence::run_start(stored.history, run));
  HILLSTAR_TRY(auto plan, load_plan(store, started->plan_sha256));
  stored.state = run::replay(std::move(plan), stored.history);
  return stored;
}

Result<bj::value> whole(const Value& value, const ReadBlob& read) {
  bj::value document = value.json.value();
  for (const auto& blob : value.blobs) {
    auto* place = at_pointer(document, blob.at);
    if (place == nullptr)
      return Error{Errc::record_corrupt, "A result names a place for a blob that it does not have.", blob.at, {}};
    HILLSTAR_TRY(const auto bytes, read(blob.sha256));
    *place = bj::string(blob.binary ? json::to_utf8(bytes) : bytes);
  }
  return document;
}

Result<std::string> result_text(const Value& value, const ReadBlob& read) {
  HILLSTAR_TRY(const auto document, whole(value, read));
  const bj::value* shown = &document;
  if (const auto* object = document.if_object())
    if (const auto* output = object->if_contains("output")) shown = output;
  if (shown->is_null()) return std::string();
  if (const auto* text = shown->if_string()) return std::string(*text);
  return json::canonical(*shown);
}

Result<Json> run_object(const run::RunState& state, const RunId& run, const ReadBlob& read) {
  const auto row = run::summarize(state, run);
  bj::object object = row_object(row).value().as_object();
  bj::object outputs;
  for (const NodeIndex i : final_nodes(state)) {
    HILLSTAR_TRY(auto result, whole(run::result_of(state, i), read));
    outputs[state.plan->nodes[i].id.str()] = std::move(result);
  }
  object["outputs"] = std::move(outputs);
  bj::object failures;
  for (NodeIndex i = 0; i < state.nodes.size(); ++i) {
    const auto& node = state.nodes[i];
    if (node.status != run::NodeStatus::failed || !node.failure) continue;
    failures[state.plan->nodes[i].id.str()] =
        bj::object{{"kind", std::string(json::enum_name(node.failure->kind))}, {"message", node.failure->message}};
  }
  if (state.talking > 0) object["waits"] = talk_waits(state).value();
  if (!failures.empty()) object["failures"] = std::move(failures);
  if (!state.started.output_dir.empty()) object["output_dir"] = state.started.output_dir;
  return Json::of(object);
}

Json row_object(const run::Summary& row) { return Json::from_canonical(json::to_text(row)); }

std::string truncated_words(std::uint32_t count) {
  return fmt::format("{} loop{} or model repl{} used up what {} had; see: hillstar-actors why", count,
                     count == 1 ? "" : "s", count == 1 ? "y" : "ies", count == 1 ? "it" : "they");
}

std::vector<std::string> summary_lines(const run::RunState& state, const RunId& run) {
  const auto row = run::summarize(state, run);
  std::vector<std::string> lines{fmt::format("{}: {}", headline(state.status), visible(row.workflow.str()))};
  if (row.status == "waiting")
    lines.front() = fmt::format("Workflow waits for a {}: {}", run::waits_for_signal(state) ? "signal" : "person",
                                visible(row.workflow.str()));
  lines.push_back("  Run:    " + run.str());
  std::string nodes = fmt::format("{}/{}", row.nodes_done, row.nodes);
  if (row.nodes_failed > 0) nodes += fmt::format(", {} failed", row.nodes_failed);
  lines.push_back("  Nodes:  " + nodes);
  if (!row.reason.empty()) lines.push_back("  Reason: " + one_line(row.reason, 400));
  if (row.truncated) lines.push_back("  Cut short: " + truncated_words(*row.truncated));
  lines.push_back("  Time:   " + duration(row.updated_at - row.started_at));
  if (row.tokens > 0) lines.push_back(fmt::format("  Tokens: {}", row.tokens));
  if (row.cost.count > 0) lines.push_back("  Cost:   " + money(row.cost));
  if (row.unsettled) lines.push_back("  Besides, at most " + money(*row.unsettled) + " by calls whose end nobody saw");
  if (!state.started.output_dir.empty()) lines.push_back("  Output: " + visible(state.started.output_dir));
  return lines;
}

Result<NodeIndex> find_node(const workflow::Plan& plan, const std::string& id) {
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i)
    if (plan.nodes[i].id.str() == id) return i;
  std::string hint = "Nodes are";
  constexpr std::size_t kListedMax = 12;
  for (std::size_t i = 0; i < plan.nodes.size() && i < kListedMax; ++i)
    hint += (i == 0 ? " " : ", ") + plan.nodes[i].id.str();
  if (plan.nodes.size() > kListedMax) hint += ", ...";
  return Error{Errc::not_found, "The run has no node '" + id + "'.", {}, hint + "."};
}

}  // namespace hillstar::cli
