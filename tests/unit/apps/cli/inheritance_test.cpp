// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/inheritance.hpp"

#include <doctest/doctest.h>

namespace hillstar::cli {
namespace {

/// a -> b -> c, and d alone.
workflow::Plan plan() {
  workflow::Plan plan;
  plan.workflow = WorkflowId("flow");
  for (const char* id : {"a", "b", "c", "d"}) {
    workflow::PlanNode node;
    node.id = NodeId(id);
    plan.nodes.push_back(node);
  }
  plan.nodes[0].successors = {1};
  plan.nodes[1].predecessors = {0};
  plan.nodes[1].successors = {2};
  plan.nodes[2].predecessors = {1};
  workflow::Test test;
  test.contains = "good";
  plan.nodes[0].tests = {test};
  return plan;
}

Result<std::string> no_blob(const std::string&) { return Error{Errc::blob_missing, "none"}; }

std::string file_of(const std::string& workflow, const std::string& outputs, const std::string& order) {
  return R"({"timestamp":"2026-01-01T00:00:00","node_id":"b","state":{"workflow_id":")" + workflow +
         R"(","node_outputs":)" + outputs + R"(,"trace":[],"execution_order":)" + order + "}}";
}

Result<std::vector<NodeInherited>> inherited_from(const std::string& text) {
  auto checkpoint = read_checkpoint(text, "file.json");
  if (!checkpoint) return checkpoint.error();
  return inherit(*checkpoint, plan(), no_blob);
}

}  // namespace

TEST_CASE("checkpoint: results are taken over with their verdicts") {
  const auto nodes = inherited_from(
      file_of("flow", R"({"a":{"output":"good","error":null},"b":{"output":"x"}})", R"(["a","b","c","d"])"));
  REQUIRE(nodes);
  REQUIRE(nodes->size() == 2);
  CHECK(nodes->at(0).node.str() == "a");
  CHECK(nodes->at(0).tests == std::vector<bool>{true});
  CHECK_FALSE(nodes->at(0).origin);
}

TEST_CASE("checkpoint: nodes that failed run again, and so does what rests on them") {
  const auto nodes = inherited_from(file_of(
      "flow", R"({"a":{"error":"boom","return_code":1},"b":{"output":"x"},"d":{"output":1,"error":""}})", "[]"));
  REQUIRE(nodes);
  REQUIRE(nodes->size() == 1);
  CHECK(nodes->front().node.str() == "d");
}

TEST_CASE("checkpoint: another workflow, unknown nodes and a forbidden order are refused") {
  for (const auto& text : {file_of("other", "{}", "[]"), file_of("flow", R"({"ghost":{}})", "[]"),
                           file_of("flow", "{}", R"(["ghost"])"), file_of("flow", "{}", R"(["b","a"])")}) {
    const auto nodes = inherited_from(text);
    REQUIRE_FALSE(nodes);
    CHECK(nodes.error().code == Errc::run_state);
    CHECK(nodes.error().where == "file.json");
  }
}

TEST_CASE("checkpoint: files that are none are refused with their place") {
  for (const char* text :
       {"[]", "{}", R"({"node_id":"b"})", R"({"node_id":"b","state":[]})",
        R"({"node_id":1,"state":{"workflow_id":"flow","node_outputs":{}}})",
        R"({"node_id":"b","state":{"workflow_id":"flow","node_outputs":[]}})",
        R"({"node_id":"b","state":{"workflow_id":"flow","node_outputs":{},"execution_order":[1]}})"}) {
    CAPTURE(text);
    const auto read = read_checkpoint(text, "file.json");
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::json_type);
  }
  const auto broken = read_checkpoint("{\n  nope", "file.json");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == Errc::json_syntax);
  CHECK(broken.error().where == "file.json:2:3");
}

TEST_CASE("edit: a member of a taken-over result is replaced and its tests are answered again") {
  std::vector<NodeInherited> nodes{
      {NodeId("a"), Value{{}, Json::from_canonical(R"({"list":[1,2],"output":"bad"})")}, {false}, {}, false}};
  REQUIRE(edit(nodes, plan(), "a.output=all good", no_blob));
  CHECK(nodes.front().result.json.text() == R"({"list":[1,2],"output":"all good"})");
  CHECK(nodes.front().tests == std::vector<bool>{true});
  CHECK(nodes.front().edited);
  REQUIRE(edit(nodes, plan(), "a.list.1={\"x\":true}", no_blob));
  CHECK(nodes.front().result.json.text() == R"({"list":[1,{"x":true}],"output":"all good"})");
}

TEST_CASE("edit: an edit drops the blob that it replaces") {
  std::vector<NodeInherited> nodes{
      {NodeId("a"),
       Value{{{"/output", 100'000, false, std::string(64, 'a')}}, Json::from_canonical(R"({"output":null})")},
       {false},
       {},
       false}};
  REQUIRE(edit(nodes, plan(), "a.output=good", no_blob));
  CHECK(nodes.front().result.blobs.empty());
}

TEST_CASE("edit: unknown nodes, paths into nothing and texts without an equals sign are refused") {
  std::vector<NodeInherited> nodes{{NodeId("a"), Value{{}, Json::from_canonical(R"({"list":[1]})")}, {}, {}, false}};
  CHECK(edit(nodes, plan(), "b.output=1", no_blob).error().code == Errc::not_found);
  CHECK(edit(nodes, plan(), "ab=1", no_blob).error().code == Errc::not_found);
  CHECK(edit(nodes, plan(), "a.list.7=1", no_blob).error().code == Errc::not_found);
  CHECK(edit(nodes, plan(), "a.list.0.deep=1", no_blob).error().code == Errc::not_found);
  CHECK(edit(nodes, plan(), "nothing", no_blob).error().code == Errc::usage);
}

}  // namespace hillstar::cli
