// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/runtime/workflow/compiling.hpp"

using namespace hillstar;
using namespace hillstar::workflow;
using namespace hillstar::workflow::testing;

namespace {

/// One script with this placement; `more`: further fields.
std::string placed(const std::string& placement, const std::string& more = {}) {
  return flow(script("a", "\"placement\":" + placement + more));
}

PlanNode node_of(const std::string& text) {
  const auto compiled = compile(text);
  INFO(report(compiled));
  REQUIRE(compiled.plan.has_value());
  CHECK(compiled.diagnostics.empty());
  return compiled.plan->nodes.front();
}

using Labels = std::map<std::string, std::string>;
using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("placement of a node: labels as an object or as words") {
  const Labels expected{{"gpu", ""}, {"site", "lab2"}};
  CHECK(node_of(placed(R"({"labels":{"gpu":true,"site":"lab2"}})")).placement->labels == expected);
  CHECK(node_of(placed(R"({"labels":["gpu","site=lab2"]})")).placement->labels == expected);
  const auto node = node_of(placed(R"({"prefer":["ssd"],"slots":8,"spread":true})"));
  CHECK(node.placement->prefer == Labels{{"ssd", ""}});
  CHECK(node.placement->slots == 8);
  CHECK(node.placement->rule == PlaceRule::spread);
  CHECK(node_of(placed(R"({"sticky":true,"spread":false})")).placement->rule == PlaceRule::sticky);
  CHECK(node_of(placed("{}")).placement == Placement{});
  CHECK_FALSE(node_of(flow(script("a"))).placement);
}

TEST_CASE("placement of a node: a job of a cluster") {
  const auto node = node_of(placed(R"({"slurm":{"partition":"gpu,long","time":"1-12:00:00","cpus":8,"mem":"16G",)"
                                   R"("gpus":"a100:2","account":"lab","qos":"high"}})"));
  REQUIRE(node.placement->slurm);
  CHECK(*node.placement->slurm == SlurmJob{"gpu,long", "1-12:00:00", 8, "16G", "a100:2", "lab", "high"});
  CHECK(node_of(placed(R"({"slurm":{"gpus":2}})")).placement->slurm->gpus == "2");
  CHECK(node_of(placed(R"({"slurm":{}})")).placement->slurm == SlurmJob{});
}

TEST_CASE("placement of a node: files that go and come") {
  const auto node = node_of(placed("{}", R"(,"files_in":["data/*.csv","lib/"],"files_out":["out/**","..x/a..b"])"));
  CHECK(node.files_in == Words{"data/*.csv", "lib/"});
  CHECK(node.files_out == Words{"out/**", "..x/a..b"});
}

TEST_CASE("placement of a node: loops and maps keep it, and the plan's text has it") {
  const auto compiled =
      compile(flow(script("a", R"("placement":{"labels":["gpu"]},"files_in":["x"],"for_each":[1,2])") + "," +
                       script("b", R"("placement":{"slots":2})"),
                   "a>b", {}, R"({"id":"l","body":["b"],"max_attempts":2,"until":{"node":"b","contains":"ok"}})"));
  INFO(report(compiled));
  REQUIRE(compiled.plan.has_value());
  CHECK(node(*compiled.plan, "a").placement->labels == Labels{{"gpu", ""}});
  CHECK(node(*compiled.plan, "a").map);
  CHECK(node(*compiled.plan, "b").placement->slots == 2);
  CHECK(node(*compiled.plan, "b@2").placement->slots == 2);
  const auto again = plan_from_text(to_text(*compiled.plan));
  REQUIRE(again);
  CHECK(*again == *compiled.plan);
}

TEST_CASE("placement of a node: everything that is wrong is an error with its place") {
  struct Case {
    const char* placement;
    const char* where;
    const char* words;
  };
  const Case cases[] = {
      {"[]", "/placement", "expected an object"},
      {"\"gpu\"", "/placement", "expected an object"},
      {R"({"lables":["gpu"]})", "/placement/lables", "did you mean 'labels'?"},
      {R"({"host":"x"})", "/placement/host", "unknown field 'host'"},
      {R"({"labels":"gpu"})", "/placement/labels", "expected labels"},
      {R"({"labels":[1]})", "/placement/labels/0", "expected a string"},
      {R"({"labels":{"gpu":false}})", "/placement/labels/gpu", "expected true or the value"},
      {R"({"labels":{"gpu":""}})", "/placement/labels/gpu", "expected true or the value"},
      {R"({"labels":{"gpu":1}})", "/placement/labels/gpu", "expected true or the value"},
      {R"({"labels":["gpu="]})", "/placement/labels/0", "has an empty value"},
      {R"({"labels":["=a"]})", "/placement/labels/0", "this is no label"},
      {R"({"labels":["a b"]})", "/placement/labels/0", "this is no label"},
      {R"({"labels":["a=b=c"]})", "/placement/labels/0", "this is no label"},
      {R"({"labels":["-a"]})", "/placement/labels/0", "this is no label"},
      {R"x({"labels":["a=$(id)"]})x", "/placement/labels/0", "this is no label"},
      {R"({"labels":["gpu","gpu=a"]})", "/placement/labels/1", "is there twice"},
      {R"({"prefer":["\u0000"]})", "/placement/prefer/0", "this is no label"},
      {R"({"slots":0})", "/placement/slots", "expected a whole number"},
      {R"({"slots":1025})", "/placement/slots", "expected a whole number"},
      {R"({"slots":"2"})", "/placement/slots", "expected a whole number"},
      {R"({"spread":true,"sticky":true})", "/placement/sticky", "contradict each other"},
      {R"({"spread":1})", "/placement/spread", "expected true or false"},
      {R"({"slurm":true})", "/placement/slurm", "expected an object"},
      {R"({"slurm":{"partion":"x"}})", "/placement/slurm/partion", "did you mean 'partition'?"},
      {R"({"slurm":{"partition":"-x"}})", "/placement/slurm/partition", "nothing that sbatch can be given"},
      {R"({"slurm":{"partition":"a b"}})", "/placement/slurm/partition", "nothing that sbatch can be given"},
      {R"({"slurm":{"time":"1:00;rm"}})", "/placement/slurm/time", "nothing that sbatch can be given"},
      {R"({"slurm":{"mem":"4 G"}})", "/placement/slurm/mem", "nothing that sbatch can be given"},
      {R"({"slurm":{"gpus":0}})", "/placement/slurm/gpus", "expected a whole number"},
      {R"({"slurm":{"gpus":"--x"}})", "/placement/slurm/gpus", "nothing that sbatch can be given"},
      {R"({"slurm":{"cpus":0}})", "/placement/slurm/cpus", "expected a whole number"},
      {R"({"slurm":{"account":"a\nb"}})", "/placement/slurm/account", "nothing that sbatch can be given"},
      {R"({"slurm":{"qos":""}})", "/placement/slurm/qos", "nothing that sbatch can be given"},
      {R"({"slurm":{},"labels":["gpu"]})", "/placement/labels", "is for workers"},
      {R"({"slurm":{},"slots":1})", "/placement/slots", "is for workers"},
  };
  for (const auto& one : cases) {
    const auto compiled = compile(placed(one.placement));
    const auto text = report(compiled);
    INFO(one.placement, "\n", text);
    CHECK_FALSE(compiled.plan.has_value());
    CHECK(has(text, std::string("/graph/nodes/a") + one.where));
    CHECK(has(text, one.words));
  }
}

TEST_CASE("placement of a node: as many labels and patterns as may be") {
  const auto list = [](std::size_t count) {
    std::string words;
    for (std::size_t i = 0; i < count; ++i) words += (i == 0 ? "\"l" : ",\"l") + std::to_string(i) + "\"";
    return "[" + words + "]";
  };
  CHECK(node_of(placed("{\"labels\":" + list(64) + "}")).placement->labels.size() == 64);
  CHECK(has(report(placed("{\"labels\":" + list(65) + "}")), "more than 64 labels"));
  CHECK(node_of(placed("{}", ",\"files_in\":" + list(64))).files_in.size() == 64);
  CHECK(has(report(placed("{}", ",\"files_in\":" + list(65))), "more than 64 patterns"));
  CHECK(has(report(placed("{\"labels\":[\"" + std::string(65, 'a') + "\"]}")), "this is no label"));
}

TEST_CASE("placement of a node: files stay in the workspace") {
  for (const auto* name : {"files_in", "files_out"}) {
    for (const auto* pattern : {"/etc/passwd", "../a", "a/../../b", "a/..", "", "a\\u0000b", "./a", "a//b"}) {
      const auto compiled = compile(placed("{}", ",\"" + std::string(name) + "\":[\"ok\",\"" + pattern + "\"]"));
      const auto text = report(compiled);
      INFO(pattern, "\n", text);
      CHECK_FALSE(compiled.plan.has_value());
      CHECK(has(text, "/graph/nodes/a/" + std::string(name) + "/1"));
      CHECK(has(text, "no pattern of files"));
    }
  }
  CHECK(has(report(placed("{}", ",\"files_in\":\"a\"")), "/graph/nodes/a/files_in"));
}

TEST_CASE("placement of a node: files without a placement have no effect, and that is said") {
  const auto compiled = compile(flow(script("a", R"("files_in":["x"],"files_out":["y"])")));
  CHECK(compiled.plan.has_value());
  CHECK(has(report(compiled), "'files_in' has no effect without 'placement'"));
  CHECK(has(report(compiled), "'files_out' has no effect without 'placement'"));
}

TEST_CASE("placement of a node: what belongs to the run itself is not made elsewhere") {
  for (const auto* tool : {"checkpoint", "input", "signal", "state", "workflow_run"}) {
    const auto text = report(flow("\"a\":{\"tool\":\"" + std::string(tool) + "\",\"placement\":{}}"));
    INFO(tool, "\n", text);
    CHECK(has(text, "a node with tool '" + std::string(tool) + "' cannot be made elsewhere"));
  }
  const auto text = report(flow(R"("a":{"tool":"file_read","parameters":{"path":"x"},"placement":{"slurm":{}}})"));
  CHECK(has(text, "only script_run can be a job of a cluster, not file_read"));
  CHECK_FALSE(has(report(flow(R"("a":{"tool":"file_read","parameters":{"path":"x"},"placement":{}})")), "placement"));
}
