// SPDX-License-Identifier: Apache-2.0
#include "runtime/telemetry/run_spans.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "runtime/run/run.hpp"
#include "runtime/telemetry/names.hpp"
#include "tests/simulation/world.hpp"

using namespace hillstar;
using namespace hillstar::telemetry;

namespace {

const RunId kRun("01K0000000000000000000RUN1");

std::shared_ptr<const SpanOptions> options(bool content = false) {
  auto made = std::make_shared<SpanOptions>();
  made->content = content;
  return made;
}

SpanPlan facts_of(std::shared_ptr<const workflow::Plan> plan) {
  auto index = run::index_of(*plan);
  return {std::move(plan), std::move(index)};
}

SpanPlan plan_of_two() {
  workflow::Plan plan;
  plan.workflow = WorkflowId("demo");
  plan.model_config = Json::from_canonical(R"({"sampling_params":{"temperature":0.5}})");
  workflow::PlanNode ask;
  ask.id = NodeId("ask");
  ask.tool = "model_call";
  ask.provider = "google";
  ask.model = "gem";
  ask.parameters = Json::from_canonical(R"({"max_tokens":100})");
  workflow::PlanNode work;
  work.id = NodeId("work");
  work.tool = "script_run";
  work.parameters = Json::from_canonical(R"({"command":"true"})");
  plan.nodes = {ask, work};
  return facts_of(std::make_shared<const workflow::Plan>(std::move(plan)));
}

/// Tells a story, one second a fact.
struct Story {
  explicit Story(SpanPlan plan, std::shared_ptr<const SpanOptions> with = options())
      : spans(kRun, std::move(plan), std::move(with)) {}
  Story& then(Event event) {
    spans.take({++seq, UtcTime{static_cast<std::int64_t>(seq) * 1'000'000}, std::move(event)}, ended);
    return *this;
  }
  Story& start(std::optional<Trigger> trigger = {}, std::optional<Origin> parent = {}) {
    RunStarted started;
    started.workflow = WorkflowId("demo");
    started.trigger = std::move(trigger);
    started.parent = std::move(parent);
    return then(std::move(started));
  }
  RunSpans spans;
  std::vector<Span> ended;
  std::uint64_t seq = 0;
};

NodeScheduled scheduled(const char* node, std::uint32_t attempt = 1, std::optional<std::uint32_t> item = {}) {
  NodeScheduled event;
  event.node = NodeId(node);
  event.attempt = attempt;
  event.item = item;
  return event;
}

NodeCompleted completed(const char* node, std::uint32_t attempt = 1, std::optional<std::uint32_t> item = {}) {
  NodeCompleted event;
  event.node = NodeId(node);
  event.attempt = attempt;
  event.item = item;
  return event;
}

NodeAttemptFailed failed(const char* node, FailureClass kind, std::uint32_t attempt = 1) {
  NodeAttemptFailed event;
  event.node = NodeId(node);
  event.attempt = attempt;
  event.failure = {kind, "it did not work", {}};
  return event;
}

const AttributeValue* find(const Attributes& attributes, std::string_view name) {
  for (const auto& [known, value] : attributes)
    if (known == name) return &value;
  return nullptr;
}

std::string text(const Attributes& attributes, std::string_view name) {
  const auto* value = find(attributes, name);
  const auto* found = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return found == nullptr ? "(none)" : *found;
}

std::int64_t number(const Attributes& attributes, std::string_view name) {
  const auto* value = find(attributes, name);
  const auto* found = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
  return found == nullptr ? -1 : *found;
}

bool is_hex(const std::string& id, std::size_t length) {
  return id.size() == length && id.find_first_not_of("0123456789abcdef") == std::string::npos &&
         id.find_first_not_of('0') != std::string::npos;
}

/// Every promise that holds for the spans of any run that ended.
void check_trace(const std::vector<Span>& spans) {
  std::map<std::string, const Span*> known;
  for (const auto& span : spans) {
    REQUIRE(is_hex(span.context.trace_id, 32));
    REQUIRE(is_hex(span.context.span_id, 16));
    REQUIRE(span.start <= span.end);
    REQUIRE_FALSE(span.name.empty());
    REQUIRE(span.context.trace_id == spans.front().context.trace_id);
    REQUIRE(known.emplace(span.context.span_id, &span).second);
    REQUIRE(span.events.size() <= kSpanEventsMax);
    for (const auto& event : span.events) REQUIRE((event.at >= span.start && event.at <= span.end));
  }
  const auto& run = spans.back();
  REQUIRE(run.name.starts_with("invoke_workflow "));
  for (const auto& span : spans) {
    if (&span == &run) continue;
    const auto parent = known.find(span.parent_span_id);
    REQUIRE(parent != known.end());
    REQUIRE(parent->second->start <= span.start);
    REQUIRE(span.end <= parent->second->end);
  }
}

std::vector<Span> fold(const std::vector<Recorded>& history, const SpanPlan& plan) {
  RunSpans spans(kRun, plan, options());
  std::vector<Span> ended;
  for (const auto& recorded : history) spans.take(recorded, ended);
  CHECK(spans.is_over());
  CHECK(spans.seq() == history.size());
  return ended;
}

}  // namespace

TEST_CASE("run spans: in random histories every span has a parent, an end and an id of its own") {
  std::size_t all = 0;
  for (std::uint64_t seed = 1; seed <= 1'500; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 dice(seed);
    const auto plan = simulation::random_plan(dice);
    simulation::World world(plan, seed, {});
    world.run();
    const auto spans = fold(world.history(), facts_of(plan));
    REQUIRE_FALSE(spans.empty());
    check_trace(spans);
    std::set<std::tuple<std::string, std::optional<std::uint32_t>, std::uint32_t>> attempts;
    std::size_t scheduled = 0;
    for (const auto& recorded : world.history()) {
      const auto* event = std::get_if<NodeScheduled>(&recorded.event);
      if (event == nullptr) continue;
      const auto* node = facts_of(plan).find(event->node);
      if (node->map && !event->item) continue;
      ++scheduled;
      const auto id = attempt_span_id(kRun, event->node, event->item, event->attempt);
      REQUIRE(std::any_of(spans.begin(), spans.end(), [&](const Span& span) { return span.context.span_id == id; }));
    }
    const auto told = static_cast<std::size_t>(std::count_if(spans.begin(), spans.end(), [](const Span& span) {
      return find(span.attributes, names::kAttempt) != nullptr;
    }));
    REQUIRE(told == scheduled);
    all += spans.size();
  }
  MESSAGE(all << " spans");
}

TEST_CASE("run spans: a history that is read again from anywhere gives the same spans") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 dice(seed);
    const auto plan = simulation::random_plan(dice);
    simulation::World world(plan, seed, {});
    world.run();
    const auto whole = fold(world.history(), facts_of(plan));
    // A process that dies in the middle, and another that reads what was before.
    const auto cut = dice() % world.history().size();
    std::vector<Span> pieces;
    RunSpans first(kRun, facts_of(plan), options());
    for (std::size_t i = 0; i < cut; ++i) first.take(world.history()[i], pieces);
    RunSpans second(kRun, facts_of(plan), options());
    std::vector<Span> told_before;
    for (std::size_t i = 0; i < cut; ++i) second.take(world.history()[i], told_before);
    for (std::size_t i = cut; i < world.history().size(); ++i) second.take(world.history()[i], pieces);
    REQUIRE(pieces.size() == whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
      REQUIRE(pieces[i].context == whole[i].context);
      REQUIRE(pieces[i].end == whole[i].end);
    }
  }
}

TEST_CASE("run spans: a model call says what the conventions ask for") {
  Story story(plan_of_two());
  auto event = scheduled("ask");
  event.call = Reservation{"google", "gem-2", "google https://example.org:8443/v1", 0, 10, {}};
  auto done = completed("ask");
  done.usage = Usage{120, 30, 100, 7, {2'500}, 20};
  done.detail = Json::from_canonical(R"({"finish_reason":"stop","model":"gem-2-001","request_id":"r1"})");
  story.start().then(event).then(done).then(RunCompleted{});
  check_trace(story.ended);
  REQUIRE(story.ended.size() == 2);
  const auto& span = story.ended[0];
  const auto& said = span.attributes;
  CHECK(span.name == "chat gem-2");
  CHECK(span.kind == SpanKind::client);
  CHECK(span.status == SpanStatus::ok);
  CHECK(text(said, "gen_ai.operation.name") == "chat");
  CHECK(text(said, "gen_ai.provider.name") == "gcp.gemini");
  CHECK(text(said, "gen_ai.request.model") == "gem-2");
  CHECK(text(said, "gen_ai.response.model") == "gem-2-001");
  CHECK(text(said, "server.address") == "example.org");
  CHECK(number(said, "server.port") == 8443);
  CHECK(number(said, "gen_ai.request.max_tokens") == 100);
  CHECK(std::get<double>(*find(said, "gen_ai.request.temperature")) == 0.5);
  CHECK(number(said, "gen_ai.usage.input_tokens") == 120);
  CHECK(number(said, "gen_ai.usage.output_tokens") == 30);
  CHECK(number(said, "gen_ai.usage.cache_read.input_tokens") == 100);
  CHECK(number(said, "gen_ai.usage.cache_write.input_tokens") == 20);
  CHECK(number(said, "gen_ai.usage.reasoning.output_tokens") == 7);
  CHECK(std::get<double>(*find(said, "hillstar.cost.usd")) == 0.0025);
  CHECK(std::get<std::vector<std::string>>(*find(said, "gen_ai.response.finish_reasons")) ==
        std::vector<std::string>{"stop"});
  REQUIRE(span.call);
  CHECK(span.call->seconds == 1.0);
  CHECK(span.call->input_tokens == 120);
  CHECK(text(span.call->attributes, "gen_ai.response.model") == "gem-2-001");
  CHECK(find(span.call->attributes, "hillstar.node.id") == nullptr);
}

TEST_CASE("run spans: a tool is a span of its own kind, and contents stay where they are") {
  Story story(plan_of_two());
  auto done = completed("work");
  done.result.json = Json::from_canonical(R"({"output":"private"})");
  story.start().then(scheduled("work")).then(done).then(RunCompleted{});
  const auto& span = story.ended.at(0);
  CHECK(span.name == "execute_tool script_run");
  CHECK(span.kind == SpanKind::internal);
  CHECK(text(span.attributes, "gen_ai.tool.name") == "script_run");
  CHECK(text(span.attributes, "hillstar.node.id") == "work");
  CHECK(number(span.attributes, "hillstar.attempt") == 1);
  CHECK_FALSE(span.call);
  for (const auto& ended : story.ended)
    for (const auto& [name, value] : ended.attributes)
      if (const auto* said = std::get_if<std::string>(&value)) CHECK(said->find("private") == std::string::npos);
}

TEST_CASE("run spans: the machine that made an attempt is named, however that ended") {
  Story story(plan_of_two());
  const auto by = [](auto event, const char* worker) {
    event.made_by = MadeBy{worker, {}, {}};
    return event;
  };
  NodeAttemptLost lost;
  lost.node = NodeId("work");
  lost.attempt = 2;
  story.start().then(scheduled("work")).then(by(failed("work", FailureClass::exit_code), "lab1"));
  story.then(scheduled("work", 2))
      .then(by(lost, "lab2"))
      .then(scheduled("work", 3))
      .then(by(completed("work", 3), "lab3"));
  story.then(scheduled("ask")).then(completed("ask"));
  REQUIRE(story.ended.size() == 4);
  CHECK(text(story.ended[0].attributes, "hillstar.worker") == "lab1");
  CHECK(text(story.ended[1].attributes, "hillstar.worker") == "lab2");
  CHECK(text(story.ended[2].attributes, "hillstar.worker") == "lab3");
  CHECK(text(story.ended[3].attributes, "hillstar.worker") == "(none)");
}

TEST_CASE("run spans: contents are told if that is asked for, without secrets") {
  auto with = std::make_shared<SpanOptions>(*options(true));
  with->redactor = policy::Redactor({"s3cr3t-value-1"});
  with->read_blob = [](const std::string& sha256) -> Result<std::string> {
    if (sha256 != "aa") return Error{Errc::blob_missing, "no", sha256};
    return std::string(R"({"body":{"system":"be brief","messages":[{"role":"user","content":"key s3cr3t-value-1"}]}})");
  };
  Story story(plan_of_two(), with);
  auto done = completed("ask");
  done.result.json = Json::from_canonical(R"({"finish_reason":"stop","output":"said s3cr3t-value-1"})");
  done.detail = Json::from_canonical(R"({"reply_sha256":"bb","request_sha256":"aa"})");
  story.start().then(scheduled("ask")).then(done).then(RunCompleted{});
  const auto& said = story.ended.at(0).attributes;
  CHECK(text(said, "gen_ai.input.messages") ==
        R"([{"parts":[{"content":"key [REDACTED:known_secret]","type":"text"}],"role":"user"}])");
  CHECK(text(said, "gen_ai.output.messages") ==
        R"([{"finish_reason":"stop","parts":[{"content":)"
        R"("said [REDACTED:known_secret]","type":"text"}],"role":"assistant"}])");
  CHECK(text(said, "gen_ai.system_instructions") == R"([{"content":"be brief","type":"text"}])");
}

TEST_CASE("run spans: retries are attempts of their own, and failures say which class they are of") {
  Story story(plan_of_two());
  auto first = failed("work", FailureClass::rate_limited);
  first.retry_at = UtcTime{9'000'000};
  story.start().then(scheduled("work")).then(first).then(NodeRetryDue{NodeId("work"), {}, 1});
  story.then(scheduled("work", 2)).then(failed("work", FailureClass::exit_code, 2));
  story.then(NodeFailed{NodeId("work"), {}, {FailureClass::exit_code, "it did not work", {}}});
  story.then(RunFailed{{FailureClass::exit_code, "it did not work", {}}, NodeId("work")});
  check_trace(story.ended);
  REQUIRE(story.ended.size() == 3);
  CHECK(story.ended[0].status == SpanStatus::error);
  CHECK(story.ended[0].message == "it did not work");
  CHECK(text(story.ended[0].attributes, "error.type") == "rate_limited");
  CHECK(story.ended[0].events.at(0).name == "hillstar.retry.scheduled");
  CHECK(story.ended[1].events.empty());
  CHECK(number(story.ended[1].attributes, "hillstar.attempt") == 2);
  CHECK(text(story.ended[2].attributes, "hillstar.run.status") == "failed");
  CHECK(story.ended[2].status == SpanStatus::error);
}

TEST_CASE("run spans: who asked is the parent, and where it comes from is linked") {
  auto with = std::make_shared<SpanOptions>();
  const TraceContext elsewhere{std::string(32, 'a'), std::string(16, 'b'), true};
  with->trace_of = [&](const RunId& run) {
    return run.str() == "01K0000000000000000000RUN9" ? RunTrace{elsewhere, {}} : run_trace(run, std::nullopt);
  };
  Story story(plan_of_two(), with);
  Trigger trigger;
  trigger.trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  trigger.cause = Origin{RunId("01K0000000000000000000RUN8"), 4};
  story.start(trigger, Origin{RunId("01K0000000000000000000RUN9"), 7}).then(RunCompleted{});
  const auto& run = story.ended.at(0);
  CHECK(run.context.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(run.parent_span_id == "00f067aa0ba902b7");
  CHECK(run.parent_is_remote);
  REQUIRE(run.links.size() == 2);
  CHECK(text(run.links[0].attributes, "hillstar.link") == "cause");
  CHECK(run.links[1].to == elsewhere);
  CHECK(text(run.links[1].attributes, "hillstar.link") == "fork");
  CHECK(number(run.links[1].attributes, "hillstar.seq") == 7);
}

TEST_CASE("run spans: what waits for people is a span, and too many notes are counted") {
  Story story(plan_of_two());
  story.start().then(ApprovalRequested{NodeId("work"), "may it?"});
  story.then(ApprovalAnswered{NodeId("work"), true, "ada", "fine"}).then(scheduled("work")).then(completed("work"));
  for (std::size_t i = 0; i < kSpanEventsMax + 5; ++i) story.then(SignalReceived{"s", {}, {}, "ada"});
  story.then(RunCompleted{});
  check_trace(story.ended);
  CHECK(story.ended[0].name == "wait work");
  CHECK(text(story.ended[0].attributes, "hillstar.wait") == "approval");
  CHECK(story.ended.back().events.size() == kSpanEventsMax);
  CHECK(story.ended.back().dropped_events == 5);
}

TEST_CASE("run spans: what still runs when the run ends, ends with it; what comes later is nothing") {
  Story story(plan_of_two());
  story.start().then(scheduled("ask")).then(RunCancelled{"enough"}).then(completed("ask")).then(RunCompleted{});
  check_trace(story.ended);
  REQUIRE(story.ended.size() == 2);
  CHECK(text(story.ended[0].attributes, "hillstar.outcome") == "not_known");
  CHECK(text(story.ended[1].attributes, "hillstar.reason") == "enough");
}

TEST_CASE("run spans: clocks that go back, late answers and unknown nodes do no harm") {
  RunSpans spans(kRun, {}, options());
  std::vector<Span> ended;
  RunStarted started;
  started.workflow = WorkflowId("demo");
  spans.take({1, UtcTime{9'000'000}, started}, ended);
  spans.take({2, UtcTime{5'000'000}, scheduled("nowhere", 2)}, ended);
  spans.take({3, UtcTime{4'000'000}, completed("nowhere", 1)}, ended);
  CHECK(ended.empty());
  spans.take({4, UtcTime{3'000'000}, completed("nowhere", 2)}, ended);
  spans.take({5, UtcTime{2'000'000}, RunCompleted{}}, ended);
  REQUIRE(ended.size() == 2);
  check_trace(ended);
}
