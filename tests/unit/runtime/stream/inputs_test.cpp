// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/inputs.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar;
using namespace hillstar::stream;
using workflow::InputType;

namespace {

Json doc(std::string_view text) {
  const auto parsed = json::parse(text);
  REQUIRE(parsed);
  return Json::of(*parsed);
}

workflow::Plan plan() {
  workflow::Plan plan;
  plan.inputs = {{"title", InputType::string, {}, {}, {}},
                 {"n", InputType::integer, doc("7"), {}, {}},
                 {"labels", InputType::array, doc("[]"), {}, {}}};
  return plan;
}

EntryPoint entry(std::string_view inputs) {
  EntryPoint entry;
  entry.id = "hook";
  if (!inputs.empty()) entry.inputs = doc(inputs);
  return entry;
}

std::string made(std::string_view inputs, std::string_view trigger) {
  const auto values = inputs_of(plan(), entry(inputs), doc(trigger));
  return values ? values->text() : values.error().where + ": " + values.error().message + " | " + values.error().hint;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("trigger inputs: templates take what they name, with its type") {
  CHECK(made(R"({"title": "{{ trigger.body.issue.title }}", "n": "{{ trigger.body.issue.id }}",
                 "labels": "{{ trigger.body.labels }}"})",
             R"({"body": {"issue": {"id": 5, "title": "Fix"}, "labels": ["a", 1]}})") ==
        R"({"labels":["a",1],"n":5,"title":"Fix"})");
  CHECK(made(R"({"title": "#{{ trigger.body.id }}: {{trigger.body.list.1.name}}!"})",
             R"({"body": {"id": 5, "list": [0, {"name": "x"}]}})") == R"({"labels":[],"n":7,"title":"#5: x!"})");
  CHECK_MESSAGE(made(R"({"title": "{{ trigger.headers.x.y }}"})", R"({"headers": {"x.y": "exact", "x": {"y": 1}}})") ==
                    R"({"labels":[],"n":7,"title":"exact"})",
                "a key with dots comes first");
  CHECK_MESSAGE(made(R"({"title": "t", "n": "{{ trigger.query.n }}"})", R"({"query": {"n": "12"}})") ==
                    R"({"labels":[],"n":12,"title":"t"})",
                "text is read as JSON where the input is no text");
  CHECK(made(R"({"title": "{{{ trigger.x }}}"})", "{}") == R"({"labels":[],"n":7,"title":"{{{ trigger.x }}}"})");
  CHECK(made(R"({"title": "t", "labels": ["{{ trigger.a }}", {"b": "{{ trigger.b }}"}]})", R"({"a": 1, "b": "two"})") ==
        R"({"labels":[1,{"b":"two"}],"n":7,"title":"t"})");
}

TEST_CASE("trigger inputs: what is not there is the default, or named in the error") {
  CHECK(made(R"({"title": "t", "n": "{{ trigger.body.n }}"})", R"({"body": {"n": null}})") ==
        R"({"labels":[],"n":7,"title":"t"})");
  const auto missing = made(R"({"title": "{{ trigger.body.title }}"})", R"({"body": "text"})");
  CHECK(has(missing, "/inputs/title: The trigger gives no run"));
  CHECK(has(missing, "nothing at 'trigger.body.title'"));
  const auto wrong = made(R"({"title": "{{ trigger.a }}", "n": "{{ trigger.b }}"})", R"({"a": [], "b": "many"})");
  CHECK(has(wrong, "/inputs/title: expected string, found an array"));
  CHECK(has(wrong, "/inputs/n: expected integer"));
}

TEST_CASE("trigger inputs: what came in is not scanned for templates") {
  CHECK(made(R"({"title": "{{ trigger.a }}"})", R"({"a": "{{ trigger.b }}", "b": 1})") ==
        R"({"labels":[],"n":7,"title":"{{ trigger.b }}"})");
  CHECK(made(R"({"title": "x{{ trigger.a }}"})", R"({"a": "{{ trigger.b }}", "b": 1})") ==
        R"({"labels":[],"n":7,"title":"x{{ trigger.b }}"})");
}

TEST_CASE("trigger inputs: without templates they are found by name") {
  CHECK(made("", R"({"body": {"title": "a", "other": 1, "n": "3"}})") == R"({"labels":[],"n":3,"title":"a"})");
  CHECK(made("", R"({"inputs": {"title": "b"}, "body": {"title": "a"}})") == R"({"labels":[],"n":7,"title":"b"})");
  CHECK(made("", R"({"title": "c"})") == R"({"labels":[],"n":7,"title":"c"})");
  CHECK(has(made("", R"({"body": {"Title": "a"}})"), "input 'title' is missing"));
  CHECK(has(made("", R"({"body": {"title": 1}})"), "expected string, found 1"));
  CHECK(has(made("", "null"), "input 'title' is missing"));
  CHECK(has(made("", "[1]"), "input 'title' is missing"));
  auto whole = plan();
  whole.inputs.push_back({"trigger", InputType::any, {}, {}, {}});
  const auto values = inputs_of(whole, entry(""), doc(R"({"body": {"title": "a"}})"));
  REQUIRE(values);
  CHECK(values->text() == R"({"labels":[],"n":7,"title":"a","trigger":{"body":{"title":"a"}}})");
}

TEST_CASE("trigger inputs: those that a caller gave are checked by name") {
  CHECK(given_inputs(plan(), doc(R"({"title": "x"})"))->text() == R"({"labels":[],"n":7,"title":"x"})");
  const auto unknown = given_inputs(plan(), doc(R"({"title": "x", "m": 1})"));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Errc::inputs_invalid);
  CHECK(unknown.error().where == "/inputs/m");
}

TEST_CASE("trigger keys: made of the trigger, and never of something that it lacks") {
  auto point = entry("");
  CHECK(*key_of(point, doc("{}")) == std::nullopt);
  point.dedupe = "{{ trigger.body.id }}/{{ trigger.body.action }}";
  const auto key = key_of(point, doc(R"({"body": {"id": 12, "action": "opened"}})"));
  REQUIRE(key);
  CHECK(**key == "12/opened");
  for (const auto* lacking : {R"({"body": {"id": 12}})", R"({"body": {"id": 12, "action": null}})", "{}", "null"}) {
    const auto none = key_of(point, doc(lacking));
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::inputs_invalid);
    CHECK(none.error().where == "/dedupe");
  }
  point.dedupe = "{{ trigger.body }}";
  CHECK_FALSE(key_of(point, doc(R"({"body": ""})")));
  const std::string long_text(kKeyBytesMax + 1, 'x');
  CHECK_FALSE(key_of(point, doc("{\"body\": \"" + long_text + "\"}")));
  CHECK(key_of(point, doc("{\"body\": \"" + long_text.substr(1) + "\"}")));
}
