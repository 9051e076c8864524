// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/state_fit.hpp"

#include <doctest/doctest.h>

#include "runtime/workflow/compile.hpp"

namespace hillstar::workflow {
namespace {

std::string problems(const std::string& node, const std::string& entries = "[]") {
  const auto compiled =
      compile(R"({"id":"w","graph":{"nodes":{"n":)" + node + R"(},"edges":[]},"entry_points":)" + entries + "}");
  std::string text;
  for (const auto& one : compiled.diagnostics) text += one.pointer + ": " + one.message + "\n";
  return text;
}

Plan plan_of(const std::string& node) {
  auto compiled = compile(R"({"id":"w","graph":{"nodes":{"n":)" + node + R"(},"edges":[]}})");
  REQUIRE(compiled.plan.has_value());
  return *std::move(compiled.plan);
}

const std::string kAdd = R"({"tool":"state","parameters":{"op":"add","scope":"store","key":"n"}})";
const std::string kPut = R"({"tool":"state","parameters":{"op":"put","scope":"stream","key":"n","value":1}})";
const std::string kCas = R"({"tool":"state","parameters":{"op":"cas","scope":"stream","key":"n","value":1},
                             "input":{"expected_version":"{{ inputs.v }}"}})";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("state fit: what an entry point's runs do not see is refused when the file is read") {
  CHECK(problems(kAdd).empty());
  CHECK(problems(kAdd, R"([{"id":"e","isolation":"shared"}])").empty());
  CHECK(problems(kAdd, R"([{"id":"e","isolation":"synchronized"}])").empty());
  CHECK(has(problems(kAdd, R"([{"id":"f","isolation":"shared"},{"id":"e"}])"),
            "/entry_points/1: node 'n' uses the state of the store, and an isolated run sees only its own"));
  CHECK(problems(kPut, R"([{"id":"e","isolation":"shared"}])").empty());
  CHECK(has(problems(kPut, R"([{"id":"e","isolation":"synchronized"}])"),
            "/graph/nodes/n/parameters/op: node 'n' writes without the version"));
  CHECK(has(problems(R"({"tool":"state","parameters":{"op":"batch","scope":"store","operations":[
                         {"op":"add","key":"a"},{"op":"remove","key":"b"}]}})",
                     R"([{"id":"e","isolation":"synchronized"}])"),
            "/graph/nodes/n/parameters/op"));
}

TEST_CASE("state fit: a run by hand is asked the same") {
  const StateView isolated{Isolation::isolated, false};
  const StateView shared{Isolation::shared, false};
  CHECK(check_state(plan_of(R"({"tool":"state","parameters":{"op":"add","key":"n"}})"), isolated));
  const auto refused = check_state(plan_of(kAdd), isolated);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().where == "/graph/nodes/n/parameters/scope");
  CHECK(check_state(plan_of(kAdd), shared));
  CHECK_FALSE(check_state(plan_of(kPut), shared));
  CHECK(check_state(plan_of(kPut), {Isolation::shared, true}));
  CHECK_FALSE(check_state(plan_of(kPut), {Isolation::synchronized, true}));
}

TEST_CASE("state fit: what runs inside use is asked of the run that they are a part of") {
  auto plan = plan_of(R"({"tool":"workflow_run","parameters":{"workflow":"lib/sub.json"}})");
  ChildWorkflow child;
  child.file = "lib/sub.json";
  child.plan = to_text(plan_of(kPut));
  plan.children.push_back(child);
  const auto refused = check_state(plan, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().where == "/graph/nodes/n/parameters/scope");
  CHECK(has(refused.error().message, "lib/sub.json"));
  CHECK_FALSE(check_state(plan, {Isolation::shared, false}));
  CHECK(check_state(plan, {Isolation::shared, true}));
  CHECK_FALSE(check_state(plan, {Isolation::synchronized, true}));
}

TEST_CASE("state fit: parameters are checked with their place") {
  CHECK(has(problems(R"({"tool":"state"})"), "/graph/nodes/n: parameter 'op' is missing"));
  CHECK(has(problems(R"({"tool":"state","parameters":{"op":"set","key":"a"}})"), "/graph/nodes/n/parameters/op"));
  CHECK(has(problems(R"({"tool":"state","parameters":{"op":"get","key":"a","scope":"world"}})"),
            "/graph/nodes/n/parameters/scope"));
  CHECK(has(problems(R"({"tool":"state","parameters":{"op":"put","key":"a"}})"), "'value' is missing"));
  CHECK(problems(R"({"tool":"state","parameters":{"op":"put","key":"a"},"input":"{{ inputs.x }}"})").find("error") ==
        std::string::npos);
  CHECK(has(problems(R"({"tool":"state","parameters":{"op":"get","key":"a"},"input":{"color":1}})"),
            "/graph/nodes/n/input/color"));
  CHECK(has(problems(R"({"tool":"state","parameters":{"op":"get","key":"a","colour":1}})"), "colour"));
}

TEST_CASE("state fit: a version that comes by input counts") {
  auto compiled = compile(R"({"id":"w","inputs":{"v":{}},"graph":{"nodes":{"n":)" + kCas +
                          R"(},"edges":[]},"entry_points":[{"id":"e","isolation":"synchronized"}]})");
  CHECK(compiled.plan.has_value());
}

}  // namespace hillstar::workflow
