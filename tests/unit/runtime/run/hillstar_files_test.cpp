// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <string>
#include <vector>

#include "messages/json.hpp"
#include "runtime/run/hillstar_documents.hpp"
#include "runtime/run/hillstar_json.hpp"
#include "runtime/run/run.hpp"
#include "tests/simulation/world.hpp"

using namespace hillstar;
using namespace hillstar::run;
namespace bj = boost::json;

namespace {

const RunId kRun("01K0000000000000000000RUN1");

std::string fake_hash(std::string_view text) { return "sha:" + std::to_string(text.size()); }

Result<std::string> no_blobs(const std::string& sha256) {
  return Error{Errc::blob_missing, "there is no such blob", sha256};
}

workflow::PlanNode node(std::string id, std::vector<NodeIndex> predecessors = {}) {
  workflow::PlanNode made;
  made.id = NodeId(std::move(id));
  made.tool = "script_run";
  made.parameters = Json::from_canonical("{}");
  made.predecessors = std::move(predecessors);
  return made;
}

std::shared_ptr<const workflow::Plan> plan_of(std::vector<workflow::PlanNode> nodes,
                                              std::string workflow = "step_04_demo") {
  workflow::Plan plan;
  plan.workflow = WorkflowId(std::move(workflow));
  for (NodeIndex i = 0; i < nodes.size(); ++i)
    for (const auto before : nodes[i].predecessors) nodes[before].successors.push_back(i);
  plan.nodes = std::move(nodes);
  return std::make_shared<const workflow::Plan>(std::move(plan));
}

Value blob_of(std::uint64_t bytes) {
  return {{{"/output", bytes, false, "cafe"}}, Json::from_canonical(R"({"error":null,"output":null})")};
}

/// Steps the core and keeps its history.
struct Story {
  explicit Story(std::shared_ptr<const workflow::Plan> the_plan) : plan(std::move(the_plan)), state(initial(plan)) {
    RunStarted started;
    started.workflow = plan->workflow;
    started.workflow_file = "demo.json";
    started.inputs = Json::from_canonical("{}");
    started.output_dir = "/project/.hillstar";
    tell(Start{started, {}});
  }
  template <class What>
  void tell(What what) {
    now.micros += 500'000;
    for (auto& event : step(state, Input{now, 0, std::move(what)}))
      history.push_back({history.size() + 1, now, std::move(event)});
  }
  void succeed(NodeIndex index, const std::string& result, std::uint32_t attempt = 1) {
    tell(AttemptSucceeded{{index, std::nullopt, attempt}, {{}, Json::from_canonical(result)}, {}, {}, {}});
  }
  void fail(NodeIndex index, const std::string& message, std::uint32_t attempt = 1) {
    tell(AttemptFailed{{index, std::nullopt, attempt}, {FailureClass::exit_code, message, {}}, {}, {}});
  }

  std::shared_ptr<const workflow::Plan> plan;
  RunState state;
  std::vector<Recorded> history;
  UtcTime now{1'795'307'643'000'000};
};

struct Files {
  std::map<std::string, std::string> content;
  std::vector<std::string> order;

  void apply(const std::vector<FileOperation>& operations) {
    for (const auto& operation : operations) {
      order.push_back(operation.path);
      if (operation.kind == FileOperation::Kind::append) content[operation.path] += operation.text;
      if (operation.kind == FileOperation::Kind::replace) content[operation.path] = operation.text;
      if (operation.kind == FileOperation::Kind::copy) content[operation.path] = content.at(operation.from);
    }
  }
  const std::string& at(const std::string& part) const {
    for (const auto& [path, text] : content)
      if (path.find(part) != std::string::npos) return text;
    static const std::string none = "<no such file>";
    return none;
  }
  bool has(const std::string& path) const { return content.count(path) > 0; }
};

Files files_of(const Story& story, ReadBlob read_blob = no_blobs, HillstarOptions options = {}) {
  HillstarFiles generator(kRun, story.plan, fake_hash, std::move(read_blob), options);
  Files files;
  for (const auto& recorded : story.history) {
    auto operations = generator.next(recorded, "chain" + std::to_string(recorded.seq));
    REQUIRE(operations);
    files.apply(*operations);
  }
  return files;
}

std::vector<bj::object> lines_of(const std::string& text) {
  std::vector<bj::object> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    lines.push_back(bj::parse(text.substr(at, end - at)).get_object());
    at = end + 1;
  }
  return lines;
}

std::vector<std::string> types_of(const std::string& trace) {
  std::vector<std::string> types;
  for (const auto& line : lines_of(trace)) types.emplace_back(line.at("event_type").as_string());
  return types;
}

Story two_nodes() {
  Story story(plan_of({node("a"), node("b", {0})}));
  story.succeed(0, R"({"error":null,"output":"hello\n","return_code":0})");
  story.succeed(1, R"({"error":null,"output":"","return_code":0})");
  return story;
}

}  // namespace

TEST_CASE("hillstar files: a run of two nodes has one trace with the life of each") {
  const auto files = files_of(two_nodes());
  const auto& trace = files.at("traces/trace_20261122_003403_" + kRun.str() + ".jsonl");
  CHECK(types_of(trace) == std::vector<std::string>{"workflow_start", "node_start", "node_success", "node_start",
                                                    "node_success", "workflow_complete"});
  const auto lines = lines_of(trace);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i].at("seq").to_number<std::size_t>() == i + 1);
    CHECK(lines[i].at("run").as_string() == kRun.str());
    CHECK(lines[i].at("workflow_id").as_string() == "step_04_demo");
    CHECK(lines[i].contains("pid"));
  }
  CHECK(lines[1].at("node_index").to_number<int>() == 0);
  CHECK(lines[2].at("duration_seconds").to_number<double>() == 0.5);
  CHECK(lines[2].at("output_hash").as_string() == "sha:6");
  CHECK(lines[2].at("output_summary").as_string() == "hello ");
  CHECK(lines[5].at("nodes_completed").to_number<int>() == 2);
  CHECK(lines[5].at("total_time_seconds").to_number<double>() == 1.0);
}

TEST_CASE("hillstar files: keys of a trace line keep Hillstar's order") {
  const auto files = files_of(two_nodes());
  const auto& trace = files.at("traces/");
  CHECK(trace.rfind("{\"timestamp\": \"2026-11-22T00:34:03.500000+00:00\", \"epoch_seconds\": 1795307643.5, "
                    "\"event_type\": \"workflow_start\", \"pid\": null, \"workflow_id\": ",
                    0) == 0);
}

TEST_CASE("hillstar files: success leaves metadata, copies under stable names, and the marker last") {
  const auto files = files_of(two_nodes());
  const auto run = kRun.str();
  CHECK(files.at("audit/step_04/trace_04.jsonl") == files.at("traces/trace_"));
  CHECK(files.at("audit/step_04/trace_04_" + run + ".jsonl") == files.at("traces/trace_"));
  CHECK(files.at("audit/step_04/log_04.log") == files.at("logs/execution_step_04_demo_"));
  const auto metadata = bj::parse(files.at("audit/step_04/metadata.json")).get_object();
  CHECK(files.at("audit/step_04/metadata_04.json") == files.at("audit/step_04/metadata.json"));
  CHECK(metadata.at("status").as_string() == "success");
  CHECK(metadata.at("step_number").as_string() == "04");
  CHECK(metadata.at("chain").as_string() == "chain6");
  CHECK(metadata.at("trace_file").as_string() == ".hillstar/audit/step_04/trace_04_" + run + ".jsonl");
  const auto marker = bj::parse(files.at("commit_ready.json")).get_object();
  CHECK(marker.at("summary").as_string() == "2 nodes executed");
  CHECK(marker.at("executed_at").as_string() == "2026-11-22T00:34:04.500000+00:00");
  CHECK(marker.contains("workflow_sha256"));
  CHECK(marker.contains("workspace"));
  CHECK(marker.at("git").is_null());
  CHECK(files.order.back() == "commit_ready.json");
}

TEST_CASE("hillstar files: failure leaves metadata with the error, and no marker") {
  Story story(plan_of({node("a"), node("b", {0})}, "plain"));
  story.fail(0, "boom");
  const auto files = files_of(story);
  CHECK_FALSE(files.has("commit_ready.json"));
  const auto metadata = bj::parse(files.at("audit/step_00/metadata_00.json")).get_object();
  CHECK(metadata.at("status").as_string() == "failed");
  CHECK(metadata.at("error").as_string().find("boom") != bj::string::npos);
  CHECK(metadata.at("nodes_failed").to_number<int>() == 1);
  const auto types = types_of(files.at("traces/"));
  CHECK(std::count(types.begin(), types.end(), "attempt_failed") == 1);
  CHECK(std::count(types.begin(), types.end(), "node_failure") == 1);
  CHECK(types.back() == "workflow_error");
}

TEST_CASE("hillstar files: a cancelled run has metadata too") {
  Story story(plan_of({node("a")}));
  story.tell(CancelAsked{"ada", "wrong branch"});
  story.tell(AttemptCancelled{{0, std::nullopt, 1}});
  const auto files = files_of(story);
  const auto metadata = bj::parse(files.at("audit/step_04/metadata.json")).get_object();
  CHECK(metadata.at("status").as_string() == "cancelled");
  CHECK(metadata.at("error").as_string() == "cancelled: wrong branch");
  CHECK_FALSE(files.has("commit_ready.json"));
  CHECK(types_of(files.at("traces/")).back() == "workflow_cancelled");
}

TEST_CASE("hillstar files: a retry has the keys that Hillstar's readers look for") {
  auto flaky = node("a");
  flaky.retry.attempts = 3;
  flaky.retry.jitter = false;
  flaky.retry.on = {FailureClass::exit_code};
  Story story(plan_of({flaky}));
  story.fail(0, "first");
  story.tell(RetryDue{{0, std::nullopt, 1}});
  story.succeed(0, R"({"output":"x"})", 2);
  const auto files = files_of(story);
  const auto lines = lines_of(files.at("traces/"));
  CHECK(types_of(files.at("traces/")) == std::vector<std::string>{"workflow_start", "node_start", "retry", "retry_due",
                                                                  "node_start", "node_success", "workflow_complete"});
  CHECK(lines[2].at("event").as_string() == "retry");
  CHECK(lines[2].at("retry_attempt").to_number<int>() == 1);
  CHECK(lines[2].at("max_retries").to_number<int>() == 2);
  CHECK(lines[2].at("delay_seconds").to_number<double>() == 1.0);
  CHECK(lines[5].at("attempt").to_number<int>() == 2);
  CHECK(lines[5].at("duration_seconds").to_number<double>() == 1.5);
}

TEST_CASE("hillstar files: a checkpoint holds whole results, and those of failed nodes not") {
  auto failing = node("f");
  failing.on_error = workflow::OnError::proceed;
  auto marked = node("a/b", {0});
  marked.checkpoint = true;
  Story story(plan_of({failing, marked}));
  story.fail(0, "no");
  story.tell(AttemptSucceeded{{1, std::nullopt, 1}, blob_of(70'000), {}, {}, {}});
  const ReadBlob read = [](const std::string&) -> Result<std::string> { return std::string(70'000, 'x'); };
  const auto files = files_of(story, read);
  const auto text = files.at("checkpoints/checkpoint_a%2Fb_20261122_003404_" + kRun.str() + ".json");
  const auto document = bj::parse(text).get_object();
  CHECK(document.at("node_id").as_string() == "a/b");
  CHECK(document.at("run").as_string() == kRun.str());
  CHECK(document.at("chain").as_string() == "chain" + std::to_string(document.at("seq").to_number<int>()));
  const auto& state = document.at("state").as_object();
  const auto& outputs = state.at("node_outputs").as_object();
  CHECK(outputs.size() == 1);
  CHECK(outputs.at("a/b").as_object().at("output").as_string().size() == 70'000);
  CHECK(state.at("trace").as_array().size() == 1);
  CHECK(state.at("execution_order").as_array().size() == 2);
}

TEST_CASE("hillstar files: blobs beyond the limit of a checkpoint are listed, not held") {
  Story story(plan_of({node("a"), node("b")}));
  story.tell(AttemptSucceeded{{0, std::nullopt, 1}, blob_of(100), {}, {}, {}});
  story.tell(AttemptSucceeded{{1, std::nullopt, 1}, blob_of(101), {}, {}, {}});
  HillstarHistory history(kRun, story.plan);
  for (const auto& recorded : story.history) history.take(recorded, "c");
  const ReadBlob read = [](const std::string&) -> Result<std::string> { return std::string("text"); };

  const auto all = checkpoint_text(history, NodeId("b"), read, 201);
  REQUIRE(all);
  CHECK_FALSE(bj::parse(*all).at("state").as_object().contains("blobs"));
  const auto some = checkpoint_text(history, NodeId("b"), read, 200);
  REQUIRE(some);
  const auto state = bj::parse(*some).at("state").as_object();
  CHECK(state.at("node_outputs").at("a").at("output").as_string() == "text");
  CHECK(state.at("node_outputs").at("b").at("output").is_null());
  CHECK(state.at("blobs").at("b").as_array().at(0).at("bytes").to_number<int>() == 101);
}

TEST_CASE("hillstar files: a missing blob is an error, not a hole in a checkpoint") {
  auto marked = node("a");
  marked.checkpoint = true;
  Story story(plan_of({marked}));
  story.tell(AttemptSucceeded{{0, std::nullopt, 1}, blob_of(70'000), {}, {}, {}});
  HillstarFiles generator(kRun, story.plan, fake_hash, no_blobs);
  bool refused = false;
  for (const auto& recorded : story.history) {
    const auto operations = generator.next(recorded, "c");
    if (!operations) refused = operations.error().code == Errc::blob_missing;
    if (refused) break;
  }
  CHECK(refused);
}

TEST_CASE("hillstar files: writing a past run again leaves the marker alone") {
  const auto files = files_of(two_nodes(), no_blobs, {.marker = false});
  CHECK_FALSE(files.has("commit_ready.json"));
  CHECK(files.has("audit/step_04/metadata.json"));
}

TEST_CASE("hillstar files: events out of order, twice or from elsewhere are refused") {
  const auto story = two_nodes();
  HillstarFiles generator(kRun, story.plan, fake_hash, no_blobs);
  CHECK_FALSE(generator.next(story.history[1], "c"));
  CHECK(generator.next(story.history[0], "c"));
  CHECK_FALSE(generator.next(story.history[0], "c"));
  CHECK_FALSE(generator.next(story.history[2], "c"));
  CHECK_FALSE(generator.next({2, story.now, NodeSkipped{NodeId("ghost"), SkipReason::condition, {}}}, "c"));
}

TEST_CASE("hillstar files: a hostile workflow id stays in its folder and on its line") {
  Story story(plan_of({node("a")}, "../x\n[2026] WORKFLOW_COMPLETE\x1b[2J"));
  story.succeed(0, R"({"output":"x"})");
  const auto files = files_of(story);
  for (const auto& [path, text] : files.content) {
    const bool is_log = path.rfind("logs/", 0) == 0;
    CHECK((path.find("%2E.%2Fx") != std::string::npos) == is_log);
    CHECK(path.find("../") == std::string::npos);
  }
  CHECK(files.at("logs/").find('\x1b') == std::string::npos);
  CHECK(files.at("logs/").find("\n[2026]") == std::string::npos);
}

TEST_CASE("hillstar files: log lines have Hillstar's form") {
  Story story(plan_of({node("a")}));
  story.fail(0, "line one\nline two");
  const auto files = files_of(story);
  const auto& log = files.at("logs/");
  CHECK(log.find("\n[2026-11-22T00:34:03.500000+00:00] NODE_START a | {\"attempt\": 1}\n") != std::string::npos);
  CHECK(log.find("] NODE_FAILURE a: line one line two | {\"status\": \"error\"") != std::string::npos);
  CHECK(log.find(" Workflow failed: step_04_demo\n") != std::string::npos);
}

TEST_CASE("hillstar files: random histories export, live and again alike") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 dice(seed);
    const auto plan = simulation::random_plan(dice);
    simulation::World world(plan, seed, {});
    world.run();
    HillstarFiles live(kRun, plan, fake_hash, no_blobs);
    Files one_by_one;
    std::vector<FileOperation> all;
    for (const auto& recorded : world.history()) {
      auto operations = live.next(recorded, "c");
      REQUIRE(operations);
      one_by_one.apply(*operations);
      all.insert(all.end(), operations->begin(), operations->end());
    }
    CHECK(live.is_ended());
    Files at_once;
    at_once.apply(merged(std::move(all)));
    CHECK(at_once.content == one_by_one.content);
    CHECK(lines_of(one_by_one.at("traces/")).size() == world.history().size());
    CHECK(one_by_one.has("commit_ready.json") == (world.state().status == RunStatus::completed));
  }
}

TEST_CASE("merged: appends join up to the limit, copies come between") {
  using Kind = FileOperation::Kind;
  const auto append = [](std::string text) {
    FileOperation operation;
    operation.kind = Kind::append;
    operation.path = "f";
    operation.text = std::move(text);
    return operation;
  };
  FileOperation copy;
  copy.kind = Kind::copy;
  copy.path = "g";
  copy.from = "f";
  const auto out = merged({append("a"), append("b"), copy, append("c")});
  REQUIRE(out.size() == 3);
  CHECK(out[0].text == "ab");
  CHECK(out[2].text == "c");
  const std::string full(kMergedBytesMax, 'x');
  CHECK(merged({append(full), append("")}).size() == 1);
  CHECK(merged({append(full), append("y")}).size() == 2);
}

TEST_CASE("output facts: text, blob, structure and nothing") {
  const auto of = [](const char* text) { return output_facts({{}, Json::from_canonical(text)}, fake_hash); };
  CHECK(of(R"({"output":"äb"})").sha256 == "sha:3");
  CHECK(of(R"({"output":[1,2]})").summary == "[1,2]");
  CHECK(of("\"plain\"").bytes == 5);
  CHECK_FALSE(of("null").sha256);
  CHECK_FALSE(of(R"({"output":null})").sha256);
  const auto blob = output_facts(blob_of(9), fake_hash);
  CHECK(blob.sha256 == "cafe");
  CHECK(blob.bytes == 9);
  CHECK_FALSE(blob.summary);
}

TEST_CASE("output facts: a summary ends on a whole character") {
  const auto facts = output_facts({{}, Json::string(std::string(119, 'a') + "ää")}, fake_hash);
  CHECK(*facts.summary == std::string(119, 'a') + "…");
}
