// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/runtime/workflow/compiling.hpp"

using namespace hillstar;
using namespace hillstar::workflow;
using namespace hillstar::workflow::testing;

namespace {

/// A workflow with these entry points and an input `topic`, which is text.
std::string with(const std::string& entries) {
  return flow(
      script("a"), {},
      R"("inputs":{"topic":{"type":"string"},"n":{"type":"integer","default":1}},"entry_points":[)" + entries + "],");
}

std::string problems(const std::string& entries) { return report(with(entries)); }

EntryPoint only(const std::string& entries) {
  const auto compiled = compile(with(entries));
  REQUIRE_MESSAGE(compiled.plan, report(compiled));
  CHECK_MESSAGE(compiled.diagnostics.empty(), report(compiled));
  REQUIRE(compiled.plan->entry_points.size() == 1);
  const auto again = plan_from_text(to_text(*compiled.plan));
  REQUIRE(again);
  CHECK(*again == *compiled.plan);
  return compiled.plan->entry_points[0];
}

}  // namespace

TEST_CASE("entry points: every field has its place in the plan") {
  const auto entry = only(R"({
    "id": "nightly-2", "name": "Each night", "trigger": "timer", "description": "x",
    "timer": {"cron": "30 2 * * 1-5", "time_zone": "Europe/Berlin", "jitter": 30, "catch_up": "once", "at_start": true},
    "isolation": "isolated", "priority": 20, "max_concurrent": 3, "max_queued": 7, "overflow": "drop_oldest",
    "overlap": "skip", "dedupe": "{{ trigger.due }}", "timeout": 90.5, "budget": 0.25,
    "inputs": {"topic": "{{ trigger.due }}", "n": 2}})");
  CHECK(entry.id == "nightly-2");
  CHECK(entry.name == "Each night");
  CHECK(entry.trigger == TriggerKind::timer);
  REQUIRE(entry.timer);
  CHECK(*entry.timer ==
        TimerTrigger{"30 2 * * 1-5", std::nullopt, "Europe/Berlin", Millis(30'000), CatchUp::once, true});
  CHECK(entry.priority == 20);
  CHECK(entry.max_concurrent == 3);
  CHECK(entry.max_queued == 7);
  CHECK(entry.overflow == Overflow::drop_oldest);
  CHECK(entry.overlap == Overlap::skip);
  CHECK(entry.dedupe == "{{ trigger.due }}");
  CHECK(entry.timeout == Millis(90'500));
  CHECK(entry.budget == MicroUsd{250'000});
  REQUIRE(entry.inputs);
  CHECK(entry.inputs->text() == R"({"n":2,"topic":"{{ trigger.due }}"})");
}

TEST_CASE("entry points: the section says what triggers it, and its members have defaults") {
  CHECK(only(R"({"id": "a"})").trigger == TriggerKind::manual);
  CHECK(only(R"({"id": "a", "trigger": "api"})").trigger == TriggerKind::api);
  const auto hook = only(R"({"id": "a", "webhook": {"scheme": "github", "secrets": ["A", "B_2"], "tolerance": 60}})");
  CHECK(hook.trigger == TriggerKind::webhook);
  CHECK(hook.webhook == WebhookTrigger{WebhookScheme::github, {"A", "B_2"}, Millis(60'000), {}, {}});
  const auto event =
      only(R"({"id": "a", "event": {"types": ["run_failed", "run_completed", "run_failed"], "workflow": "w",
                             "stream": "w/b", "node": "n", "depth": 3}})");
  CHECK(event.event == EventTrigger{{"run_completed", "run_failed"}, "w", "w/b", "n", 3});
  const auto file = only(R"({"id": "a", "file": {"folder": "in", "pattern": "*.csv", "settle": 0.5}})");
  CHECK(file.file == FileTrigger{"in", "*.csv", Millis(500)});
  CHECK(only(R"({"id": "a", "timer": {"every": 0.5}})").timer->every == Millis(500));
}

TEST_CASE("entry points: those of Hive are understood") {
  const auto timer = only(R"({"id": "a", "trigger_type": "timer", "isolation_level": "isolated",
                             "trigger_config": {"interval_minutes": 1.5, "run_immediately": true}})");
  CHECK(timer.timer->every == Millis(90'000));
  CHECK(timer.timer->at_start);
  const auto event = only(R"({"id": "a", "trigger_type": "event", "trigger_config": {"event_types":
      ["execution_completed"], "filter_stream": "s", "filter_node": "n", "filter_graph": "g",
       "exclude_own_graph": false}})");
  CHECK(event.event == EventTrigger{{"run_completed"}, "g", "s", "n", {}});
  CHECK(only(R"({"id": "a", "trigger_type": "api", "trigger_config": {}})").trigger == TriggerKind::api);
  CHECK(has(problems(R"({"id": "a", "trigger_type": "api", "trigger": "api"})"), "says the same as 'trigger'"));
  CHECK(has(problems(R"({"id": "a", "entry_node": "a"})"), "/entry_points/0/entry_node: a run starts with every node"));
  CHECK(only(R"({"id": "a", "isolation_level": "shared"})").isolation == Isolation::shared);
  CHECK(only(R"({"id": "a", "isolation": "synchronized"})").isolation == Isolation::synchronized);
  CHECK(has(problems(R"({"id": "a", "isolation": "global"})"), "/entry_points/0/isolation"));
}

TEST_CASE("entry points: ids are plain and there is one of each") {
  CHECK(has(problems("{}"), "'id' is missing"));
  for (const auto* id : {"", "A", "a b", "a/b", "ä", "."}) {
    CAPTURE(id);
    CHECK(has(problems(R"({"id": ")" + std::string(id) + "\"}"), "cannot be the id of an entry point"));
  }
  CHECK(has(problems("{\"id\": \"" + std::string(65, 'a') + "\"}"), "cannot be the id"));
  CHECK(has(problems(R"({"id": "a"}, {"id": "a"})"), "/entry_points/1/id: two entry points are called 'a'"));
  CHECK(has(problems("3"), "/entry_points/0: expected an object"));
  std::string many;
  for (int i = 0; i <= 1000; ++i) many += (i > 0 ? "," : "") + ("{\"id\":\"e" + std::to_string(i)) + "\"}";
  CHECK(has(problems(many), "more than 1000 entry points"));
}

TEST_CASE("entry points: a trigger and its section fit, and every problem is told") {
  CHECK(has(problems(R"({"id": "a", "trigger": "time"})"), "did you mean 'timer'?"));
  CHECK(has(problems(R"({"id": "a", "trigger": "timer"})"), "'timer' is missing (write \"timer\": {\"cron\""));
  CHECK(has(problems(R"({"id": "a", "trigger": "manual", "timer": {"every": 1}})"),
            "does not go with the trigger 'manual'"));
  CHECK(has(problems(R"({"id": "a", "timer": {"every": 1}, "file": {"folder": "x"}})"), "write one for each"));
  CHECK(has(problems(R"({"id": "a", "trigger_type": "manual", "trigger_config": {"cron": "x"}})"),
            "nothing to configure"));
  CHECK(has(problems(R"({"id": "a", "timer": {"evry": 1}})"), "did you mean 'every'?"));
  CHECK(has(problems(R"({"id": "a", "overlap": "skip"})"), "on timers only"));
  const auto several = problems(R"({"id": "a", "priority": 0, "max_concurrent": 0, "max_queued": 1000001, "timeout": 0,
                                   "budget": -1, "overflow": "drop"})");
  for (const auto* field : {"priority", "max_concurrent", "max_queued", "timeout", "budget", "overflow"}) {
    CAPTURE(field);
    CHECK(has(several, "/entry_points/0/" + std::string(field) + ":"));
  }
}

TEST_CASE("entry points: timers that could not be meant are refused") {
  CHECK(has(problems(R"({"id": "a", "timer": {}})"), "'cron' is missing"));
  CHECK(has(problems(R"({"id": "a", "timer": {"cron": "* * * * *", "every": 1}})"), "not both"));
  CHECK(has(problems(R"({"id": "a", "timer": {"cron": "61 * * * *"}})"), "/timer/cron: minute: '61'"));
  CHECK(has(problems(R"({"id": "a", "timer": {"every": 0}})"), "/timer/every"));
  CHECK(has(problems(R"({"id": "a", "timer": {"every": 1, "time_zone": "UTC"}})"), "same in every time zone"));
  CHECK(has(problems(R"({"id": "a", "timer": {"every": 1, "jitter": 2}})"), "late by no more than"));
}

TEST_CASE("entry points: webhooks name their secrets, and never hold them") {
  CHECK(has(problems(R"({"id": "a", "webhook": {}})"), "'secrets' is missing"));
  CHECK(has(problems(R"({"id": "a", "webhook": {"secrets": []}})"), "no secret to check"));
  const auto literal = problems(R"({"id": "a", "webhook": {"secrets": ["sk-my very secret"]}})");
  CHECK(has(literal, "expected the name of an environment variable"));
  CHECK_FALSE(has(literal, "very secret"));
  CHECK(has(problems(R"({"id": "a", "webhook": {"scheme": "none", "secrets": ["A"]}})"), "nothing is signed"));
  CHECK(has(problems(R"({"id": "a", "webhook": {"scheme": "none"}})"), "warning"));
  CHECK(has(problems(R"({"id": "a", "webhook": {"scheme": "slack", "secrets": ["A"], "signature_header": "X"}})"),
            "the scheme says which header"));
  CHECK(
      has(problems(R"({"id": "a", "webhook": {"secrets": ["A"], "idempotency_header": "a b"}})"), "name of a header"));
}

TEST_CASE("entry points: events and files that could not be meant are refused") {
  CHECK(has(problems(R"({"id": "a", "event": {}})"), "'types' is missing"));
  CHECK(has(problems(R"({"id": "a", "event": {"types": []}})"), "without events"));
  CHECK(has(problems(R"({"id": "a", "event": {"types": ["run_fail"]}})"),
            "/event/types/0: there is no event 'run_fail'"));
  CHECK(has(problems(R"({"id": "a", "event": {"types": ["run_fail"]}})"), "did you mean 'run_failed'?"));
  CHECK(has(problems(R"({"id": "a", "event": {"types": ["run_failed"], "depth": 0}})"), "/event/depth"));
  CHECK(has(problems(R"({"id": "a", "event": {"types": ["run_failed"], "exclude_own_graph": true}})"),
            "bounded by 'depth'"));
  CHECK(has(problems(R"({"id": "a", "file": {}})"), "'folder' is missing"));
  CHECK(has(problems(R"({"id": "a", "file": {"folder": ""}})"), "/file/folder"));
  CHECK(has(problems(R"({"id": "a", "file": {"folder": "x", "pattern": "a/*"}})"), "not of paths"));
}

TEST_CASE("entry points: inputs and keys are made of the trigger and of nothing else") {
  CHECK(has(problems(R"({"id": "a", "inputs": {}})"), "input 'topic' is missing and has no default"));
  CHECK(has(problems(R"({"id": "a", "inputs": {"topc": "x", "topic": "y"}})"), "did you mean 'topic'?"));
  CHECK(has(problems(R"({"id": "a", "inputs": {"topic": 3}})"), "/inputs/topic: expected string, found 3"));
  CHECK(has(problems(R"({"id": "a", "inputs": {"topic": "{{ inputs.n }}"}})"), "'inputs.n' names no trigger"));
  CHECK(has(problems(R"({"id": "a", "inputs": {"topic": {"x": ["{{ a.output }}"]}}})"), "/inputs/topic/x/0"));
  CHECK(has(problems(R"({"id": "a", "dedupe": "x"})"), "only one run would ever start"));
  CHECK(has(problems(R"({"id": "a", "dedupe": "{{ a.output }}"})"), "names no trigger"));
}

TEST_CASE("entry points: what is kept of the runs, and what they may use up") {
  const auto entry = only(R"({"id": "a", "max_queued": 0, "retention": {"runs": 0, "age": 86400, "bytes": 1000000},
      "quota": {"runs_per_hour": 2, "runs_per_day": 3, "cost_per_day": 1.5, "stored_bytes": 5e6}})");
  CHECK(entry.max_queued == 0);
  CHECK(entry.retention == Retention{0, Millis(86'400'000), 1'000'000});
  CHECK(entry.quota == Quota{2, 3, MicroUsd{1'500'000}, 5'000'000});
  CHECK(only(R"({"id": "a", "quota": {"cost_per_day": 0.0000011}})").quota->cost_per_day == MicroUsd{1});
  CHECK(!only(R"({"id": "a"})").retention);
  for (const auto* section : {"retention", "quota"}) {
    CAPTURE(section);
    const auto name = std::string("/entry_points/0/") + section;
    const auto with_section = [&](const std::string& value) {
      return problems("{\"id\": \"a\", \"" + std::string(section) + "\": " + value + "}");
    };
    CHECK(has(with_section("{}"), name + ": '" + section + "' says nothing"));
    CHECK(has(with_section("3"), name + ": expected"));
    CHECK(has(with_section("null"), name));
  }
  CHECK(has(problems(R"({"id": "a", "retention": {"run": 3}})"), "did you mean 'runs'?"));
  CHECK(has(problems(R"({"id": "a", "quota": {"runs_per_dya": 3}})"), "did you mean 'runs_per_day'?"));
  const auto kept = problems(R"({"id": "a", "retention": {"runs": -1, "age": 0, "bytes": 0.5}})");
  for (const auto* field : {"runs", "age", "bytes"})
    CHECK(has(kept, "/entry_points/0/retention/" + std::string(field) + ":"));
  const auto bounded = problems(
      R"({"id": "a", "quota": {"runs_per_hour": 0, "runs_per_day": 1000001, "cost_per_day": 0,
                                             "stored_bytes": "1G"}})");
  for (const auto* field : {"runs_per_hour", "runs_per_day", "cost_per_day", "stored_bytes"})
    CHECK(has(bounded, "/entry_points/0/quota/" + std::string(field) + ":"));
  CHECK(has(problems(R"({"id": "a", "quota": {"runs_per_hour": 5, "runs_per_day": 3}})"),
            "the day allows fewer runs than the hour"));
}
