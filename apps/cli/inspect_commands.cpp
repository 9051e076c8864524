// SPDX-License-Identifier: Apache-2.0
// show, result: what the store says. They read beside a living host.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>

#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/endpoints.hpp"
#include "apps/cli/live_commands.hpp"
#include "apps/cli/live_run.hpp"
#include "apps/cli/report.hpp"
#include "apps/cli/run_documents.hpp"
#include "apps/cli/run_parts.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/talk_commands.hpp"
#include "apps/cli/text.hpp"
#include "messages/json_codec.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

Tone tone_of(std::string_view status) {
  if (status == "completed") return Tone::good;
  if (status == "failed" || status == "cancelled" || status == "timed_out") return Tone::bad;
  return status == "running" ? Tone::plain : Tone::warning;
}

std::string remark(const workflow::PlanNode& node, const run::NodeState& state) {
  if (state.failure && state.status != run::NodeStatus::completed) {
    return fmt::format("{}: {}", json::enum_name(state.failure->kind), one_line(state.failure->message, 100));
  }
  if (state.map) {
    return fmt::format("{} items, {} succeeded, {} failed", state.map->units.size(), state.map->succeeded,
                       state.map->failed);
  }
  if (node.loop) return fmt::format("loop {}, attempt {} of {}", node.loop->loop, node.loop->attempt, node.loop->of);
  return {};
}

void show_head(Output& output, const StoredRun& stored, const run::Summary& row) {
  const auto& started = stored.state.started;
  std::vector<std::vector<std::string>> head;
  head.push_back({"Run", row.run.str()});
  head.push_back({"Workflow", visible(row.workflow.str()) + "  (" + visible(row.workflow_file) + ")"});
  head.push_back({"Status", output.paint_data(tone_of(row.status), row.status)});
  if (!row.reason.empty()) head.push_back({"Reason", one_line(row.reason, 400)});
  head.push_back({"Nodes", fmt::format("{}/{}", row.nodes_done, row.nodes) +
                               (row.nodes_failed > 0 ? fmt::format(", {} failed", row.nodes_failed) : "")});
  if (row.truncated) head.push_back({"Cut short", truncated_words(*row.truncated)});
  if (const auto& deadline = started.deadline) head.push_back({"Deadline", to_rfc3339(*deadline)});
  if (started.correlation) head.push_back({"Correlation", visible(*started.correlation)});
  for (const auto& [name, value] : started.labels) head.push_back({"Label", visible(name + "=" + value)});
  head.push_back({"Started", short_time(row.started_at) + " by " + visible(started.started_by)});
  head.push_back({"Time", duration(row.updated_at - row.started_at)});
  if (row.tokens > 0) head.push_back({"Tokens", std::to_string(row.tokens)});
  if (row.cost.count > 0) head.push_back({"Cost", money(row.cost)});
  if (row.unsettled)
    head.push_back({"Unsettled", "at most " + money(*row.unsettled) + ", by calls whose end nobody saw"});
  if (row.above) head.push_back({"Part of", fmt::format("{} at event {}", row.above->run.str(), row.above->seq)});
  if (row.parent) head.push_back({"Parent", fmt::format("{} at event {}", row.parent->run.str(), row.parent->seq)});
  if (started.inputs.text() != "{}" && !started.inputs.is_null())
    head.push_back({"Inputs", one_line(started.inputs.text(), 200)});
  const auto endpoints = endpoints_of(stored.history);
  if (started.air_gapped)
    head.push_back({"Air gap", endpoints.empty() ? "it reached nobody" : "it reached these endpoints and no others:"});
  for (const auto& use : endpoints) head.push_back({"Endpoint", to_string(use)});
  if (started.air_gapped)
    for (const auto& node : stored.state.plan->nodes)
      if (node.sandbox && node.sandbox->network.value_or(false))
        head.push_back({"Network", "the policy let script " + visible(node.id.str()) + " use it"});
  head.push_back({"Workspace", visible(started.workspace)});
  if (!started.output_dir.empty()) head.push_back({"Output", visible(started.output_dir)});
  for (const auto& line : table(head)) output.data(line);
}

void show_parts(Output& output, const RunParts& parts) {
  if (parts.parts.empty()) return;
  output.data("");
  std::vector<std::vector<std::string>> cells{{"PART", "NODE", "WORKFLOW", "STATUS"}};
  for (const auto& part : parts.parts)
    cells.push_back({part.row.run.str(), one_line(part.unit, 48), one_line(part.row.workflow.str(), 32),
                     output.paint_data(tone_of(part.row.status), part.row.status)});
  for (const auto& line : table(cells)) output.data(line);
  if (parts.more) output.data("There are more: `hillstar-actors ls --part-of` has them all.");
}

/// The blob that holds a result as a whole or one member of it; null if it is kept otherwise.
const BlobRef* blob_at(const Value& value, const std::string& key) {
  const std::string pointer = key.empty() ? std::string() : "/" + json::pointer_token(key);
  for (const auto& blob : value.blobs)
    if (blob.at == pointer) return &blob;
  return nullptr;
}

/// Bytes of a string result or of one member, as they were produced; JSON for anything else.
Result<std::string> raw_bytes(const Value& value, const std::string& key, const ReadBlob& read) {
  if (const auto* blob = blob_at(value, key)) return read(blob->sha256);
  HILLSTAR_TRY(const auto document, whole(value, read));
  const bj::value* shown = &document;
  if (!key.empty()) {
    const auto* object = document.if_object();
    shown = object != nullptr ? object->if_contains(key) : nullptr;
    if (shown == nullptr) {
      std::string keys;
      if (object != nullptr)
        for (const auto& [name, member] : *object) keys += (keys.empty() ? "" : ", ") + std::string(name);
      return Error{Errc::not_found,
                   "The result has no '" + key + "'.",
                   {},
                   keys.empty() ? "The result is no object." : "It has " + keys + "."};
    }
  }
  if (const auto* text = shown->if_string()) return std::string(*text);
  return json::canonical(*shown);
}

/// A text as lines: most scripts end theirs with a newline, which is not doubled.
void print_text(Output& output, const std::string& text) {
  const std::string_view lines(text.data(), text.size() - (text.ends_with('\n') ? 1 : 0));
  output.data(output.stdout_is_terminal() ? visible(lines) : std::string(lines));
}

}  // namespace

Result<Exit> show_run(Context& context, const std::string& selector) {
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, selector));
  HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
  auto& output = context.output;
  if (output.is_json()) {
    auto document = show_document(stored, row).value();
    document.as_object()["parts"] = to_json(parts_of(*store, stored)).value();
    output.data(Json::of(document));
    return Exit::done;
  }
  show_head(output, stored, row);
  output.data("");
  const auto times = times_of(stored);
  std::vector<std::vector<std::string>> cells{{"NODE", "TOOL", "STATUS", "ATTEMPT", "TIME", ""}};
  for (std::size_t i = 0; i < stored.state.nodes.size(); ++i) {
    const auto& node = stored.state.plan->nodes[i];
    const auto& state = stored.state.nodes[i];
    const auto time = times.find(node.id.str());
    cells.push_back({one_line(node.id.str(), 48), node.tool, std::string(run::status_name(stored.state, state)),
                     state.attempt > 0 ? std::to_string(state.attempt) : "",
                     time != times.end() ? duration(time->second) : "", remark(node, state)});
  }
  for (const auto& line : table(cells)) output.data(line);
  show_parts(output, parts_of(*store, stored));
  for (const auto& line : talk_hints(stored.state, stored.run)) output.data(line);
  return Exit::done;
}

Result<Exit> show_result(Context& context, const ResultArgs& args) {
  if (args.wait) {
    // Says nothing: what is asked for is the result.
    HILLSTAR_TRY(const auto end,
                 wait_for_runs(context, {.runs = {args.run}, .timeout = {}, .any = false, .quiet = true}));
    if (static_cast<int>(end) >= static_cast<int>(Exit::interrupted) || end == Exit::waits) return end;
  }
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  HILLSTAR_TRY(const auto stored, load_run(*store, row.run));
  const auto read = [&store](const std::string& sha256) { return store->read_blob(sha256); };
  auto& output = context.output;
  if (output.is_json() && !args.raw && args.key.empty()) {
    HILLSTAR_TRY(const auto document, result_document(stored, args.node, read));
    output.data(document);
    return Exit::done;
  }
  HILLSTAR_TRY(const auto nodes, result_nodes(stored, args.node));
  bj::object all;
  for (const NodeIndex i : nodes) {
    const auto& id = stored.state.plan->nodes[i].id.str();
    HILLSTAR_TRY(const auto value, result_value(stored, i));
    if (args.raw || !args.key.empty()) {
      const std::string key = args.key.empty() ? "output" : args.key;
      if (const auto* blob = blob_at(value, key); blob != nullptr && args.raw && !output.is_json()) {
        HILLSTAR_CHECK(store->copy_blob(blob->sha256, [&output](std::string_view piece) -> Result<void> {
          output.bytes(piece);
          return {};
        }));
        continue;
      }
      HILLSTAR_TRY(const auto bytes, raw_bytes(value, key, read));
      if (output.is_json()) {
        all[id] = bj::string(json::to_utf8(bytes));
      } else if (args.raw) {
        output.bytes(bytes);
      } else {
        print_text(output, bytes);
      }
    } else {
      HILLSTAR_TRY(const auto text, result_text(value, read));
      if (nodes.size() > 1) output.data(output.paint_data(Tone::strong, "== " + visible(id)));
      print_text(output, text);
    }
  }
  if (output.is_json()) output.data(Json::of(nodes.size() == 1 ? all.begin()->value() : bj::value(all)));
  return Exit::done;
}

}  // namespace hillstar::cli
