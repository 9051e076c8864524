// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/children.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "runtime/workflow/compile.hpp"

using namespace hillstar;
using namespace hillstar::workflow;

namespace {

const std::string kAbove = R"({"id":"above","graph":{"edges":[],"nodes":{
  "list":{"tool":"script_run","parameters":{"script":"true"}},
  "sub":{"tool":"workflow_run","parameters":{"workflow":"./x/../sub.json"},"input":INPUT}}}})";
const std::string kChild = R"({"id":"child","inputs":{"word":{"type":"string"},"count":{"type":"integer","default":1}},
  "graph":{"edges":[],
  "nodes":{"say":{"tool":"script_run","parameters":{"script":"cat"},"input":"{{ inputs.word }}"}}}})";

std::string above(const std::string& input) {
  auto text = kAbove;
  return text.replace(text.find("INPUT"), 5, input);
}

std::vector<Diagnostic> given(const std::string& input) {
  const auto text = above(input);
  const auto plan = compile(text).plan;
  const auto child = compile(kChild).plan;
  REQUIRE(plan);
  REQUIRE(child);
  return check_given(*plan, child_uses(*plan).at(0), *child, text);
}

}  // namespace

TEST_CASE("children: a name is said from the folder of the file that says it") {
  CHECK(name_from("b.json", "a.json") == "b.json");
  CHECK(name_from("./b.json", "") == "b.json");
  CHECK(name_from("../lib/b.json", "flows/a.json") == "lib/b.json");
  CHECK(name_from("../../b.json", "flows/a.json") == "../b.json");
  CHECK(name_from("x//./y/../b.json", "f/a.json") == "f/x/b.json");
}

TEST_CASE("children: the plan's nodes say what they run") {
  auto plan = compile(above("{}")).plan;
  REQUIRE(plan);
  const auto uses = child_uses(*plan);
  REQUIRE(uses.size() == 1);
  CHECK(uses[0].file == "./x/../sub.json");
  CHECK(uses[0].pointer == "/graph/nodes/sub");
  rename(*plan, uses[0], "sub.json");
  CHECK(child_uses(*plan).at(0).file == "sub.json");
}

TEST_CASE("children: what is given is checked as far as it is known") {
  CHECK(given(R"({"word":"a"})").empty());
  CHECK(given(R"({"word":"{{ list.output }}","count":"{{ list.output }}"})").empty());
  CHECK(given(R"({"word":"a","count":"3"})").empty());
  const auto missing = given("{}");
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].pointer == "/graph/nodes/sub/input");
  CHECK(missing[0].message.find("'word' is missing") != std::string::npos);
  const auto unknown = given(R"({"word":"a","wrod":"{{ list.output }}"})");
  REQUIRE(unknown.size() == 1);
  CHECK(unknown[0].pointer == "/graph/nodes/sub/input/wrod");
  CHECK(unknown[0].position.line == 3);
  const auto wrong = given(R"({"word":3,"count":"many"})");
  CHECK(wrong.size() == 2);
}

TEST_CASE("children: what a node gives must be an object, and its file a path from here") {
  for (const auto* bad : {"\"text\"", "[1]", "3"}) CHECK(!compile(above(bad)).plan);
  auto text = above("{}");
  text.replace(text.find("./x/../sub.json"), 15, "/etc/sub.json");
  CHECK(!compile(text).plan);
  CHECK(!compile(R"({"id":"a","graph":{"edges":[],"nodes":{"s":{"tool":"workflow_run"}}}})").plan);
}

TEST_CASE("children: a plan to start with has what it runs itself, and what those run") {
  std::vector<ChildWorkflow> all;
  const auto add = [&](const std::string& file, const std::string& runs) {
    ChildWorkflow child;
    child.file = file;
    child.text =
        runs.empty()
            ? kChild
            : R"({"id":"x","graph":{"edges":[],"nodes":{"s":{"tool":"workflow_run","parameters":{"workflow":")" + runs +
                  R"("}}}}})";
    child.plan = to_text(*compile(child.text).plan);
    all.push_back(child);
  };
  add("a.json", "b.json");
  add("b.json", "c.json");
  add("c.json", "");
  add("d.json", "gone.json");
  const auto plan = child_plan(all[0], all);
  REQUIRE(plan);
  REQUIRE(plan->children.size() == 2);
  CHECK(plan->children[0].file == "b.json");
  CHECK(plan->children[1].file == "c.json");
  CHECK(child_plan(all[2], all)->children.empty());
  CHECK(!child_plan(all[3], all));
}
