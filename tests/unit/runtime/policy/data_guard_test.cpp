// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/data_guard.hpp"

#include <doctest/doctest.h>

#include "runtime/workflow/compile.hpp"

using namespace hillstar;

namespace {

const std::string kWorkspace = "/lab/bench";

workflow::Plan plan_of(const std::string& nodes, const std::string& more = "") {
  auto compiled = workflow::compile(R"({"id":"w","graph":{"nodes":)" + nodes + R"(,"edges":[]})" +
                                    (more.empty() ? "" : "," + more) + "}");
  for (const auto& diagnostic : compiled.diagnostics) CHECK_MESSAGE(false, to_string(diagnostic, "w.json"));
  REQUIRE(compiled.plan.has_value());
  return *std::move(compiled.plan);
}

/// Every model call may go to one place on this machine and to one in a cloud.
policy::Routes two_places(const workflow::Plan& plan) {
  policy::Routes routes;
  policy::Route here{"ollama", "m", "ollama http://127.0.0.1:11434", "", {}, {}, true};
  policy::Route there{"anthropic", "m", "anthropic https://api.anthropic.com", "", {}, {}, false};
  routes.lists.push_back({here, there});
  for (const auto& node : plan.nodes) routes.of_nodes.push_back(node.tool == "model_call" ? 1 : 0);
  return routes;
}

std::shared_ptr<const policy::DataGuard> guard(const workflow::Plan& plan,
                                               const policy::DataRules& rules = policy::default_rules().data) {
  const auto routes = two_places(plan);
  auto made = policy::guard_of({plan, routes, rules, kWorkspace});
  REQUIRE_MESSAGE(made.has_value(), to_string(made.error()));
  return *made;
}

const std::string kScript = R"("tool":"script_run","parameters":{"script":"cat"})";

}  // namespace

TEST_CASE("data guard: where nothing is classified there is nothing to guard") {
  CHECK(guard(plan_of(R"({"a":{"tool":"model_call","input":"x"}})")) == nullptr);
  CHECK(guard(plan_of(R"({"a":{)" + kScript + R"(,"data":"restricted"}})")) == nullptr);
}

TEST_CASE("data guard: a class follows references through scripts to the cloud, and the way is told") {
  const auto plan = plan_of(R"({"sum":{)" + kScript + R"(,"input":"{{ inputs.patients }}"},
      "ask":{"tool":"model_call","input":"{{ sum.output }}"}})",
                            R"("inputs":{"patients":{"data":"restricted"}})");
  const auto found = guard(plan);
  REQUIRE(found != nullptr);
  CHECK(found->leak(1, 0) == nullptr);  // on this machine
  REQUIRE(found->leak(1, 1) != nullptr);
  CHECK(*found->leak(1, 1) ==
        Release{"restricted", "public", "provider 'anthropic'", {"inputs.patients", "sum", "ask"}});
  const auto refused = policy::check_leaks(plan, found.get());
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == Errc::data_refused);
  CHECK(refused.error().message.find("inputs.patients -> sum -> ask") != std::string::npos);
}

TEST_CASE("data guard: edges, maps, images and files carry classes as references do") {
  const auto leaks = [](const std::string& nodes, const std::string& more) {
    return guard(plan_of(nodes, more)) != nullptr;
  };
  CHECK(leaks(R"({"a":{"tool":"model_call","for_each":"{{ inputs.x }}","input":"{{ item }}"}})",
              R"("inputs":{"x":{"data":"internal"}})"));
  CHECK(leaks(R"({"a":{"tool":"model_call","input":"{{ inputs.x.name }}"}})", R"("inputs":{"x":{"data":"internal"}})"));
  CHECK(!leaks(R"({"a":{"tool":"model_call","input":"{{ inputs.xy }}"}})",
               R"("inputs":{"x":{"data":"internal"},"xy":{}})"));
  const std::string files = R"("files":{"data/patients/**":"restricted"})";
  CHECK(leaks(R"({"r":{"tool":"file_read","parameters":{"path":"data/x/../patients/1/a.txt"}},
                  "a":{"tool":"model_call","input":"{{ r.output }}"}})",
              files));
  CHECK(leaks(R"({"r":{"tool":"file_read","input":"/lab/bench/data/patients/1"},
                  "a":{"tool":"model_call","input":"{{ r.output }}"}})",
              files));
  CHECK(!leaks(R"({"r":{"tool":"file_read","parameters":{"path":"data/other.txt"}},
                   "a":{"tool":"model_call","input":"{{ r.output }}"}})",
               files));
  // Which file it will be is not known before.
  CHECK(leaks(R"({"r":{"tool":"file_read","input":"{{ inputs.name }}"},
                  "a":{"tool":"model_call","input":"{{ r.output }}"}})",
              files + R"(,"inputs":{"name":{}})"));
  CHECK(leaks(R"({"a":{"tool":"model_call","input":"x","parameters":{"images":["data/patients/scan.png"]}}})", files));
}

TEST_CASE("data guard: a node's clearance lowers what it may get, its class raises what it gives") {
  const auto lowered = guard(plan_of(R"({"a":{)" + kScript + R"(,"data":"internal"},
      "b":{)" + kScript + R"(,"input":"{{ a.output }}","clearance":"public"}})"));
  REQUIRE(lowered != nullptr);
  CHECK(lowered->first_leak(1)->to == "node 'b'");
  CHECK(guard(plan_of(R"({"a":{)" + kScript + R"(,"data":"internal"},
      "b":{)" + kScript +
                      R"(,"input":"{{ a.output }}","data":"public","clearance":"internal"},
      "c":{"tool":"model_call","input":"{{ b.output }}"}})"))
            ->first_leak(2) != nullptr);
}

TEST_CASE("data guard: the operator's clearances hold by provider and by tool") {
  const auto plan = plan_of(R"({"a":{)" + kScript + R"(,"input":"{{ inputs.x }}"},
      "b":{"tool":"model_call","input":"{{ a.output }}"}})",
                            R"("inputs":{"x":{"data":"internal"}})");
  auto rules = policy::default_rules().data;
  rules.providers["anthropic"] = "internal";
  CHECK(guard(plan, rules) == nullptr);
  rules.tools["script_run"] = "public";
  CHECK(guard(plan, rules)->first_leak(0) != nullptr);
  rules.tools.clear();
  rules.near = "public";
  CHECK(guard(plan, rules)->leak(1, 0) != nullptr);
}

TEST_CASE("data guard: a class that there is not is refused where it stands") {
  const auto plan = plan_of(R"({"a":{)" + kScript + R"(,"data":"secret"}})");
  const auto made = policy::guard_of({plan, two_places(plan), policy::default_rules().data, kWorkspace});
  REQUIRE(!made.has_value());
  CHECK(made.error().where == "/graph/nodes/a/data");
}

TEST_CASE("data guard: patterns are about the workspace, the machine, or a file's name anywhere") {
  const auto leaks = [](const std::string& pattern, const std::string& path) {
    const auto plan = plan_of(R"({"r":{"tool":"file_read","parameters":{"path":")" + path + R"("}},
        "a":{"tool":"model_call","input":"{{ r.output }}"}})",
                              R"("files":{")" + pattern + R"(":"internal"})");
    return guard(plan) != nullptr;
  };
  CHECK(leaks("data/*.csv", "./data/x.csv"));
  CHECK(leaks("./data/**", "data/a/b"));
  CHECK(!leaks("data/*", "/elsewhere/data/x"));
  CHECK(!leaks("data/*", "/lab/bench2/data/x"));
  CHECK(leaks("/srv/**", "/srv/x/y"));
  CHECK(!leaks("/srv/**", "srv/x"));
  CHECK(leaks("*.csv", "/elsewhere/x.csv"));
  CHECK(leaks("*.csv", "deep/down/x.csv"));
}

TEST_CASE("data guard: a machine elsewhere must be cleared for what a node gets, gives and takes along") {
  const auto leaks = [](const std::string& placement, const std::string& node, const std::string& more) {
    const auto found = guard(plan_of("{\"a\":{" + kScript + placement + (node.empty() ? "" : "," + node) + "}}", more));
    return found == nullptr ? "" : policy::describe(*found->first_leak(0));
  };
  const std::string anywhere = R"(,"placement":{})";
  const std::string cleared = R"(,"placement":{"labels":["clearance=restricted"]})";
  const std::string low = R"(,"placement":{"labels":["clearance=internal"]})";
  const std::string inputs = R"("inputs":{"x":{"data":"restricted"}})";
  const std::string gets = R"("input":"{{ inputs.x }}")";
  CHECK(leaks("", gets, inputs).empty());
  CHECK(leaks(cleared, gets, inputs).empty());
  CHECK(leaks(anywhere, gets, inputs) ==
        "data of class 'restricted' would go to the machine that makes node 'a', which is cleared for 'public': "
        "inputs.x -> a");
  CHECK(leaks(low, gets, inputs).find("cleared for 'internal'") != std::string::npos);
  CHECK_FALSE(leaks(R"(,"placement":{"slurm":{}})", gets, inputs).empty());
  CHECK_FALSE(leaks(R"(,"placement":{"labels":["clearance"]})", gets, inputs).empty());
  CHECK_FALSE(leaks(R"(,"placement":{"labels":["clearance=high"]})", gets, inputs).empty());
  CHECK_FALSE(leaks(R"(,"placement":{"prefer":["clearance=restricted"]})", gets, inputs).empty());
  CHECK(leaks(anywhere, "", inputs).empty());
  CHECK(leaks(low, R"("data":"internal")", inputs).empty());
  CHECK_FALSE(leaks(anywhere, R"("data":"internal")", inputs).empty());
  const std::string files = R"("files":{"patients/*":"restricted","*.log":"internal"})";
  CHECK_FALSE(leaks(low, R"("files_in":["patients/a","x.log"])", files).empty());
  CHECK(leaks(low, R"("files_in":["x.log"])", files).empty());
  CHECK_FALSE(leaks(low, R"("files_in":["lib/**"])", files).empty());
  CHECK(leaks(anywhere, R"("files_in":["lib/a"])", files).empty());
}
