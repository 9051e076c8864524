// SPDX-License-Identifier: Apache-2.0
// Questions, signals and the whole time of nodes: what golden scenarios do not tell.
#include "runtime/run/talk.hpp"

#include <doctest/doctest.h>

#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"
#include "runtime/workflow/compile.hpp"

namespace hillstar::run {
namespace {

constexpr UtcTime kBegin{1'000'000'000};
using Names = std::vector<std::string>;

std::shared_ptr<const workflow::Plan> plan_of(const std::string& nodes, const std::string& more = "") {
  auto compiled = workflow::compile(R"({"id":"w","graph":{"nodes":{)" + nodes + R"(},"edges":[])" + more + "}}");
  for (const auto& diagnostic : compiled.diagnostics) INFO(diagnostic.message);
  REQUIRE(compiled.plan.has_value());
  return std::make_shared<const workflow::Plan>(*std::move(compiled.plan));
}

struct Bench {
  explicit Bench(const std::string& nodes, const std::string& more = "") : state(initial(plan_of(nodes, more))) {
    Start what;
    what.started.workflow = WorkflowId("w");
    what.started.inputs = Json::from_canonical("{}");
    tell(what);
  }
  Names tell(decltype(Input::what) what, UtcTime at = kBegin) {
    Names names;
    for (const auto& fact : step(state, Input{at, 0, std::move(what)})) names.emplace_back(type_name(fact));
    return names;
  }
  [[nodiscard]] std::optional<Error> refused(decltype(Input::what) what) const {
    return refusal_of(state, Input{kBegin, 0, std::move(what)});
  }
  RunState state;
};

Value value(const std::string& json) { return {{}, Json::from_canonical(json)}; }
InputGiven answer(const std::string& request, const std::string& json) { return {request, value(json), "me"}; }
SignalGiven signal(const std::string& name, const std::string& json = "null") {
  return {name, value(json), std::nullopt, "me"};
}
UtcTime after(int seconds) { return kBegin + Millis{seconds * 1000}; }

}  // namespace

TEST_CASE("talk: a run that only asks waits, and its row says when something happens by itself") {
  Bench bench(R"("a":{"tool":"input","parameters":{"prompt":"?","timeout":5}})");
  CHECK(status_name(bench.state) == "waiting");
  CHECK(status_name(bench.state.nodes[0].status) == "asking");
  CHECK(summarize(bench.state, RunId("r")).due == after(5));
  const auto questions = open_questions(bench.state);
  REQUIRE(questions.size() == 1);
  CHECK(questions[0].request == "a");
  CHECK(questions[0].deadline == after(5));
  REQUIRE(outstanding(bench.state).size() == 1);
  CHECK(std::get<ArmDeadline>(outstanding(bench.state)[0]).due == after(5));
  CHECK(bench.tell(DeadlineReached{}, after(4)).empty());
  CHECK(bench.tell(answer("a", R"({"x":[1]})"), after(4)) ==
        Names{"input_provided", "node_completed", "run_completed"});
  CHECK(bench.state.nodes[0].result.json.text() == R"({"output":{"x":[1]}})");
  CHECK(!summarize(bench.state, RunId("r")).due);
}

TEST_CASE("talk: a question without its answer in time fails as a timeout") {
  Bench bench(R"("a":{"tool":"input","parameters":{"prompt":"?","timeout":5}})");
  CHECK(bench.tell(DeadlineReached{}, after(5)) == Names{"node_deadline_passed", "node_failed", "run_failed"});
  CHECK(bench.state.failure->kind == FailureClass::timeout);
  CHECK(bench.refused(answer("a", "1"))->code == Errc::run_state);
}

TEST_CASE("talk: what passed while nobody was there is over when the run is taken up") {
  Bench bench(R"("a":{"tool":"input","parameters":{"prompt":"?","timeout":5}})");
  CHECK(bench.tell(Recovered{}, after(4)).empty());
  CHECK(bench.tell(Recovered{}, after(6)) == Names{"node_deadline_passed", "node_failed", "run_failed"});
}

TEST_CASE("talk: refusals name what was asked, and every place where an answer does not fit") {
  Bench bench(R"("a":{"tool":"input","parameters":{"prompt":"?","request":"size","schema":{"type":"object",
      "properties":{"w":{"type":"integer"},"h":{"type":"integer"}},"required":["w"]}}})");
  const auto unknown = bench.refused(answer("a", "1"));
  REQUIRE(unknown);
  CHECK(unknown->code == Errc::input_unknown);
  CHECK(unknown->hint.find("'size'") != std::string::npos);
  const auto wrong = bench.refused(answer("size", R"({"h":"tall","w":"wide"})"));
  REQUIRE(wrong);
  CHECK(wrong->code == Errc::inputs_invalid);
  CHECK(wrong->message.find("/h") != std::string::npos);
  CHECK(wrong->message.find("/w") != std::string::npos);
  CHECK(bench.tell(answer("size", "1")).empty());
  const auto large = bench.refused(answer("size", "\"" + std::string(kToldBytesMax, 'x') + "\""));
  REQUIRE(large);
  CHECK(large->code == Errc::too_large);
  CHECK(bench.refused(signal("go"))->code == Errc::input_unknown);
}

TEST_CASE("talk: each item of a map and each attempt of a loop has a question of its own") {
  Bench map(R"("a":{"tool":"input","for_each":["x","y"],"parameters":{"prompt":"?"}})");
  CHECK(map.tell(answer("a[1]", "\"early\"")) == Names{"input_provided"});
  CHECK(map.tell(answer("a[01]", "1")).empty());
  CHECK(map.tell(ItemsListed{{0, {}, 1}, 2, value(R"(["x","y"])")}) ==
        Names{"map_expanded", "input_requested", "input_requested", "node_completed"});
  CHECK(map.refused(answer("a[2]", "1"))->code == Errc::input_unknown);
  CHECK(map.refused(answer("a", "1"))->code == Errc::input_unknown);
  CHECK(status_name(map.state) == "waiting");
  CHECK(map.tell(answer("a[0]", "1")) == Names{"input_provided", "node_completed", "node_completed", "run_completed"});

  Bench loop(R"("a":{"tool":"input","parameters":{"prompt":"?","request":"ok"}})",
             R"(,"loops":[{"id":"l","body":["a"],"max_attempts":3,"until":{"node":"a","equals":"yes"}}])");
  CHECK(loop.tell(answer("ok@1", "\"no\"")) == Names{"input_provided", "node_completed", "input_requested"});
  CHECK(loop.tell(answer("ok@1", "\"yes\"")).empty());
  CHECK(loop.tell(answer("ok@2", "\"yes\"")) ==
        Names{"input_provided", "node_completed", "node_skipped", "run_completed"});
  CHECK(loop.state.truncated == 0);
}

TEST_CASE("talk: a loop that used up its attempts leaves a mark on a run that completes") {
  Bench loop(R"("a":{"tool":"input","parameters":{"prompt":"?"}})",
             R"(,"loops":[{"id":"l","body":["a"],"max_attempts":1,"until":{"node":"a","equals":"yes"}}])");
  loop.tell(answer("a", "\"no\""));
  CHECK(status_name(loop.state) == "completed");
  const auto row = summarize(loop.state, RunId("r"));
  CHECK(row.truncated == 1);
  auto old = row;
  old.truncated.reset();
  CHECK(agrees(old, row));
  old.nodes = 7;
  CHECK(!agrees(old, row));
}

TEST_CASE("talk: no more signals are kept than the limit says, and the refusal says so") {
  Bench bench(R"("w":{"tool":"script_run","parameters":{"script":"x"}},)"
              R"("s":{"tool":"signal","for_each":"{{ w.output }}","parameters":{"name":"go"}})");
  for (std::uint32_t i = 0; i < kKeptMax; ++i) REQUIRE(bench.tell(signal("go")) == Names{"signal_received"});
  CHECK(bench.tell(signal("go")).empty());
  const auto refused = bench.refused(signal("go"));
  REQUIRE(refused);
  CHECK(refused->code == Errc::too_large);
  CHECK(refused->message.find(std::to_string(kKeptMax)) != std::string::npos);
}

TEST_CASE("talk: kept signals are bounded in bytes, too") {
  Bench bench(R"("w":{"tool":"script_run","parameters":{"script":"x"}},)"
              R"("s":{"tool":"signal","input":"{{ w.output }}","parameters":{"name":"go"}})");
  const auto large = "\"" + std::string(kToldBytesMax - 2, 'x') + "\"";
  std::size_t taken = 0;
  while (taken < kKeptMax && !bench.tell(signal("go", large)).empty()) ++taken;
  CHECK(taken == kKeptBytesMax / kToldBytesMax);
}

TEST_CASE("talk: an answer that came while the run was paused is not lost to the clock") {
  Bench bench(R"("w":{"tool":"script_run","parameters":{"script":"x"}},)"
              R"("a":{"tool":"input","input":"{{ w.output }}","parameters":{"prompt":"?","timeout":5}})");
  bench.tell(PauseAsked{"wait", false});
  bench.tell(AttemptSucceeded{{0, {}, 1}, value("{}"), {}, std::nullopt, std::nullopt});
  CHECK(bench.tell(answer("a", "1")) == Names{"input_provided"});
  CHECK(bench.tell(DeadlineReached{}, after(9)).empty());
  CHECK(bench.tell(ResumeAsked{"me"}, after(10)) ==
        Names{"run_resumed", "input_requested", "node_completed", "run_completed"});
}

TEST_CASE("deadline of a node: an attempt in flight is stopped, and a result that came first counts") {
  const std::string node =
      R"("w":{"tool":"script_run","retry":3,"timeout":{"schedule_to_close":5},"parameters":{"script":"x"}})";
  Bench stopped(node);
  CHECK(stopped.tell(DeadlineReached{}, after(5)) == Names{"node_deadline_passed"});
  const auto commands = commands_of(stopped.state, NodeDeadlinePassed{NodeId("w"), std::nullopt});
  REQUIRE(commands.size() == 1);
  CHECK(std::holds_alternative<CancelNode>(commands[0]));
  CHECK(stopped.tell(DeadlineReached{}, after(6)).empty());
  CHECK(stopped.tell(AttemptCancelled{{0, {}, 1}}, after(6)) == Names{"node_cancelled", "node_failed", "run_failed"});
  CHECK(stopped.state.failure->kind == FailureClass::timeout);

  Bench done(node);
  done.tell(DeadlineReached{}, after(5));
  CHECK(done.tell(AttemptSucceeded{{0, {}, 1}, value("{}"), {}, std::nullopt, std::nullopt}, after(5)) ==
        Names{"node_completed", "run_completed"});

  Bench retried(node);
  retried.tell(DeadlineReached{}, after(5));
  CHECK(retried.tell(AttemptFailed{{0, {}, 1}, {FailureClass::network, "x", std::nullopt}, {}, std::nullopt},
                     after(5)) == Names{"node_attempt_failed", "node_failed", "run_failed"});
  CHECK(retried.state.failure->kind == FailureClass::timeout);
}

TEST_CASE("deadline of a node: an approval that nobody gave, and a queue that took its time") {
  Bench held(R"("w":{"tool":"checkpoint","timeout":{"schedule_to_close":5},"parameters":{"prompt":"?"}})");
  REQUIRE(status_name(held.state.nodes[0].status) == "held");
  CHECK(held.tell(DeadlineReached{}, after(5)) == Names{"node_deadline_passed", "node_failed", "run_failed"});

  auto state = initial(plan_of(R"("a":{"tool":"input","parameters":{"prompt":"?","timeout":5}})"));
  Start start;
  start.started.workflow = WorkflowId("w");
  start.ticket = 1;
  step(state, {kBegin, 0, start});
  CHECK(!next_deadline(state));
  step(state, {after(100), 0, Admit{}});
  CHECK(next_deadline(state) == after(105));
}

}  // namespace hillstar::run
