// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/compile.hpp"

#include <doctest/doctest.h>

#include <random>

#include "tests/unit/runtime/workflow/compiling.hpp"

using namespace hillstar;
using namespace hillstar::workflow;
using namespace hillstar::workflow::testing;

TEST_CASE("compile: the order is Kahn's, first come first served, ties as authored") {
  const auto diamond =
      compile(flow(script("d") + "," + script("a") + "," + script("c") + "," + script("b"), "a>b a>c b>d c>d"));
  REQUIRE(diamond.plan);
  CHECK(order(*diamond.plan) == "a b c d");
  CHECK(diamond.authored_nodes == 4);
  CHECK(diamond.authored_edges == 4);
  CHECK(before(*diamond.plan, "d") == "b c");
  const auto pairs = compile(flow(script("a") + "," + script("b") + "," + script("c") + "," + script("d"), "a>d b>c"));
  REQUIRE(pairs.plan);
  CHECK(order(*pairs.plan) == "a b d c");
}

TEST_CASE("compile: the parameters of a model call have names, and replies are mended once where they are JSON") {
  const auto ask = [](const std::string& parameters, const std::string& more = "") {
    return compile(flow(R"("a":{"tool":"model_call","parameters":{)" + parameters + "}" + more + "}"));
  };
  const auto repairs = [&](const std::string& parameters) { return node(*ask(parameters).plan, "a").repairs; };
  CHECK_FALSE(repairs("").has_value());
  CHECK_FALSE(repairs(R"("schema":null,"response_format":{"type":"text"})").has_value());
  CHECK(repairs(R"("schema":{})") == 1);
  CHECK(repairs(R"("response_format":{"type":"json_object"},"repair":5)") == 5);
  CHECK(repairs(R"("response_format":{"type":"json_schema"},"repair":0)") == 0);
  CHECK(has(report(ask(R"("schema":{},"repair":6)")), "/graph/nodes/a/parameters/repair: expected a whole number"));
  CHECK(has(report(ask(R"("repair":1)")), "'repair' has a meaning beside"));
  CHECK(
      has(report(ask(R"("max_token":1)")), "/parameters/max_token: unknown field 'max_token', it has no effect (did"));
  CHECK(has(report(ask(R"("tools":[{"nam":"x"}])")), "/parameters/tools/0/nam: unknown field"));
  CHECK(has(report(ask(R"("images":["a.png",{"file":"b"}])")), "/parameters/images/1/file: unknown field"));
  CHECK(report(ask(R"("_note":1,"x-mine":2,"extra":{"any":1})")).empty());
  const auto talk = ask("", R"(,"input":{"mesages":1,"messages":[{"rol":"user","content":[{"tpe":"text"}]}]})");
  CHECK(has(report(talk), "/input/mesages: unknown field"));
  CHECK(has(report(talk), "/input/messages/0/rol: unknown field"));
  CHECK(has(report(talk), "/input/messages/0/content/0/tpe: unknown field"));
  // Other objects are prompts, and free.
  CHECK(report(ask("", R"(,"input":{"messages":5,"anything":1})")).empty());
}

TEST_CASE("compile: a message is asked of a node whose reply is a turn") {
  const auto two = [](const std::string& parameters) {
    return report(flow(R"("a":{"tool":"model_call","input":"x","parameters":{)" + parameters +
                       R"(}},"b":{"tool":"model_call","input":{"messages":["{{ a.message }}"]}})"));
  };
  CHECK(has(two(""), "warning HS110 at /graph/nodes/b/input/messages/0: 'a' offers no tools"));
  CHECK(two(R"("tools":[{"name":"t"}])").empty());
}

TEST_CASE("compile: an isolated node and a duplicate edge are fine") {
  const auto compiled = compile(flow(script("a") + "," + script("b") + "," + script("c"), "a>b a>b"));
  REQUIRE(compiled.plan);
  CHECK(compiled.diagnostics.empty());
  CHECK(node(*compiled.plan, "a").successors.size() == 1);
}

TEST_CASE("compile: a cycle is named exactly, from its first node on") {
  CHECK(has(report(flow(script("x") + "," + script("a") + "," + script("b") + "," + script("y"), "x>a a>b b>a b>y")),
            "at /graph/nodes/a: cycle: a -> b -> a ("));
  CHECK(has(report(flow(script("a"), "a>a")), "cycle: a -> a ("));
  CHECK(has(report(flow(script("c") + "," + script("b") + "," + script("a"), "a>b b>c c>a")),
            "cycle: c -> a -> b -> c ("));
}

TEST_CASE("compile: a cycle through a reference says which reference") {
  const auto text = report(flow(script("a", input("{{ b.output }}")) + "," + script("b"), "a>b"));
  CHECK(has(text, "cycle: a -> b -> a"));
  CHECK(has(text, "'a' refers to 'b'"));
}

TEST_CASE("compile: every problem is reported, in the order of the file, with its place") {
  const std::string text =
      "{\n"
      "  \"id\": \"w\",\n"
      "  \"grpah\": 1,\n"
      "  \"graph\": {\n"
      "    \"nodes\": {\n"
      "      \"a\": {\"tool\": \"script_rum\"},\n"
      "      \"b\": {\"tool\": \"script_run\",\n"
      "            \"parameters\": {\"script\": \"x\"},\n"
      "            \"input\": [\"{{ aa.output }}\"]}\n"
      "    },\n"
      "    \"edges\": [{\"from\": \"a\", \"to\": \"bb\"}]\n"
      "  },\n"
      "  \"permissions\": {\"a\": \"nevr\"}\n"
      "}\n";
  CHECK(report(text) ==
        "3:12: warning HS110 at /grpah: unknown field 'grpah', it has no effect (did you mean 'graph'?)\n"
        "6:21: error HS501 at /graph/nodes/a/tool: there is no tool 'script_rum' (did you mean 'script_run'?)\n"
        "9:23: error HS112 at /graph/nodes/b/input/0: {{ aa.output }}: there is no node 'aa' (did you mean 'a'?)\n"
        "11:35: error HS110 at /graph/edges/0/to: there is no node 'bb' (did you mean 'b'?)\n"
        "13:24: error HS110 at /permissions/a: 'nevr' is not one of 'always', 'ask' or 'never' (did you mean "
        "'never'?)\n");
  const auto compiled = compile(text);
  CHECK_FALSE(compiled.plan);
  CHECK(has_errors(compiled.diagnostics));
  CHECK(has(to_json(compiled.diagnostics, "f.json").text(), R"("line":13)"));
}

TEST_CASE("compile: what is no workflow is refused with a place") {
  CHECK(has(report("{\n \"a\": }"), "2:7: error HS100"));
  CHECK(has(report("[1]"), "1:1: error HS105: expected an object"));
  CHECK(has(report("{}"), "'id' is missing"));
  CHECK(has(report("{}"), "'graph' is missing"));
  CHECK(has(report(R"({"id":"w","graph":{"nodes":{"a":{"tool":"checkpoint"}}}})"), "'edges' is missing"));
  CHECK(has(report(R"({"id":"w","graph":{"nodes":{},"edges":[]}})"), "graph without nodes"));
  CHECK(has(report(R"({"id":"w","id":"w"})"), "HS101"));
  CHECK(has(report(R"({"id":7,"graph":{"nodes":[],"edges":{}}})"), "/id: expected a string, found 7"));
  CHECK(has(report(R"({"id":7,"graph":{"nodes":[],"edges":{}}})"), "/graph/nodes: expected an object, found an array"));
  CHECK(has(report(R"({"id":7,"graph":{"nodes":[],"edges":{}}})"), "/graph/edges: expected an array, found an object"));
  CHECK(has(report(R"({"id":"a/b","graph":{}})"), "cannot be part of a file name"));
}

TEST_CASE("compile: unknown fields are warnings, errors if the caller is strict, and notes are free") {
  const auto text =
      flow(script("a", R"("inptu":"x","_note":1,"x-team":2,"persona":"p","task":"t","complexity":"simple")"));
  CHECK(report(text) ==
        "1:93: warning HS110 at /graph/nodes/a/inptu: unknown field 'inptu', it has no effect "
        "(did you mean 'input'?)\n");
  CHECK(compile(text).plan);
  CHECK_FALSE(compile(text, {.strict = true, .tools = {}}).plan);
}

TEST_CASE("compile: ids that no file name, log line or template could carry are refused") {
  for (const auto* id : {"", ".", "..", "a/b", "a\\\\b", "a\\nb", "a\\u0000", "a\\u202eb", "a@2", "{a}", "inputs",
                         "item", "index", "prev"}) {
    CAPTURE(id);
    CHECK_FALSE(compile(flow(script(id))).plan);
  }
  for (const std::string& id : {std::string("a b"), std::string("a.b"), std::string("é"), std::string(128, 'x')}) {
    CAPTURE(id);
    CHECK(compile(flow(script(id))).plan);
  }
  CHECK_FALSE(compile(flow(script(std::string(129, 'x')))).plan);
}

TEST_CASE("compile: tools that a caller adds are known, others are not") {
  const auto text = flow(R"("a":{"tool":"noop"},)" + script("b", input("{{ a.anything }}")));
  CHECK_FALSE(compile(text).plan);
  const auto compiled = compile(text, {.strict = false, .tools = {"noop"}});
  REQUIRE(compiled.plan);
  CHECK(before(*compiled.plan, "b") == "a");
}

TEST_CASE("compile: what must fail at run time is refused now") {
  CHECK(has(report(flow(R"("a":{"tool":"script_run"})")), "parameter 'script' is missing"));
  CHECK(has(report(flow(R"("a":{"tool":"script_run","script":"x"})")), "move 'script' into 'parameters'"));
  CHECK(has(report(flow(R"("a":{"tool":"script_run","parameters":{"script":["x"]}})")), "found an array"));
  CHECK(
      has(report(flow(R"("a":{"tool":"file_write","parameters":{"path":"p","content":"c"}})")), "'input' is missing"));
  CHECK(has(report(flow(R"("a":{"tool":"file_read"})")), "parameter 'path' is missing"));
  CHECK(has(report(flow(R"("a":{"tool":"git_commit"})")), "parameter 'message' is missing"));
  CHECK(compile(flow(R"("a":{"tool":"file_read","input":"p"})")).plan);
  CHECK(compile(flow(R"("a":{"tool":"model_call"})")).plan);
}

TEST_CASE("compile: retry, timeout, effect and on_error have defaults and bounds") {
  const auto plan =
      compile(flow(script("s") + R"(,"m":{"tool":"model_call"},"f":{"tool":"file_read","input":"p"},)" +
                   script("r", R"("retry":3,"timeout":1.5,"effect":"once","on_error":"continue")") + "," +
                   script("q", R"("retry":{"attempts":5,"backoff":0.5,"factor":1.5,"cap":10,"jitter":false,)"
                               R"("on":["exit_code","timeout"]},"timeout":{"start_to_close":2,"queue":3})")))
          .plan;
  REQUIRE(plan);
  CHECK(node(*plan, "s").retry.attempts == 1);
  CHECK(node(*plan, "s").start_to_close == Millis(1'800'000));
  CHECK(node(*plan, "m").retry.attempts == 4);
  CHECK(node(*plan, "m").retry.backoff == Millis(30'000));
  CHECK(node(*plan, "m").retry.cap == Millis(120'000));
  CHECK(node(*plan, "f").effect == Effect::none);
  CHECK_FALSE(node(*plan, "f").start_to_close);
  CHECK(node(*plan, "r").retry.attempts == 3);
  CHECK(node(*plan, "r").start_to_close == Millis(1500));
  CHECK(node(*plan, "r").effect == Effect::once);
  CHECK(node(*plan, "r").on_error == OnError::proceed);
  const auto& retry = node(*plan, "q").retry;
  CHECK(retry.factor_permille == 1500);
  CHECK(retry.backoff == Millis(500));
  CHECK_FALSE(retry.jitter);
  CHECK(retry.on == std::vector{FailureClass::exit_code, FailureClass::timeout});
  CHECK(node(*plan, "q").queue_timeout == Millis(3000));
  for (const auto* bad :
       {R"("retry":0)", R"("retry":true)", R"("retry":1001)", R"("retry":{"attempts":1.5})", R"("retry":"3")",
        R"("retry":{"on":["timout"]})", R"("retry":{"backoff":-1})", R"("timeout":0)", R"("timeout":-1)",
        R"("timeout":"5")", R"("timeout":true)", R"("timeout":{"queue":0})", R"("effect":"twice")",
        R"("on_error":"ignore")", R"("parallel":2)", R"("for_each":5)", R"("for_each":[1],"parallel":0)"}) {
    CAPTURE(bad);
    CHECK_FALSE(compile(flow(script("a", bad))).plan);
  }
  CHECK(has(report(flow(script("a", R"("retry":{"on":["timout"]})"))), "did you mean 'timeout'?"));
}

TEST_CASE("compile: names at a usual wrong place come with the right one") {
  const auto told = report(R"({"id":"w","nodes":{},"graph":{"nodes":{"a":{"tool":"model_call","prompt":"x","type":"y",
    "depends_on":[],"system":"s","parameters":{"prompt":"x","model":"m"}}},"edges":[]}})");
  CHECK(has(told, "'nodes', it has no effect (move it into 'graph')"));
  CHECK(has(told, "'prompt', it has no effect (write it as 'input')"));
  CHECK(has(told, "'prompt', it has no effect (write it as 'input' of the node)"));
  CHECK(has(told, "'type', it has no effect (write 'tool')"));
  CHECK(has(told, "'depends_on', it has no effect (write it as an edge"));
  CHECK(has(told, "'system', it has no effect (move it into 'parameters')"));
  CHECK(has(told, "'model', it has no effect (move it out of 'parameters'"));
  const auto list = report(R"({"id":"w","graph":{"nodes":[{"id":"a"}],"edges":[]}})");
  CHECK(has(list, "HS105 at /graph/nodes: expected an object, found an array (write {\"a\""));
}

TEST_CASE("compile: max_concurrency is a whole number from 1 on, top level before model_config") {
  for (const auto* bad : {"0", "true", "\"4\"", "-1", "1.5", "1e10", "null"}) {
    CAPTURE(bad);
    CHECK_FALSE(compile(flow(script("a"), "", R"("max_concurrency":)" + std::string(bad) + ",")).plan);
    CHECK_FALSE(compile(flow(script("a"), "", R"("model_config":{"max_concurrency":)" + std::string(bad) + "},")).plan);
  }
  CHECK(compile(flow(script("a"))).plan->max_concurrency == 4);
  CHECK(compile(flow(script("a"), "", R"("model_config":{"max_concurrency":7},)")).plan->max_concurrency == 7);
  CHECK(compile(flow(script("a"), "", R"("max_concurrency":2,"model_config":{"max_concurrency":7},)"))
            .plan->max_concurrency == 2);
}

TEST_CASE("compile: model_config is checked as a whole") {
  const auto config = [](const std::string& text) {
    return report(flow(script("a"), "", "\"model_config\":{" + text + "},"));
  };
  CHECK(config(R"("mode":"explicit","sampling_params":{"temperature":2,"max_tokens":1},"openai":{}, "x-y":1)")
            .find("error") == std::string::npos);
  CHECK(has(config(R"("mode":"explicti")"), "did you mean 'explicit'?"));
  CHECK(has(config(R"("mode":"preset")"), "'preset' is missing"));
  CHECK(has(config(R"("preset":"cheap")"), "is not one of 'minimize_cost'"));
  CHECK(has(config(R"("budget":{"max_per_task_usd":5,"max_workflow_usd":1})"), "more than the whole workflow"));
  CHECK_FALSE(has(config(R"("budget":{"max_per_task_usd":5,"max_workflow_usd":0})"), "error"));
  CHECK(has(config(R"("budget":{"max_per_task_usd":-1})"), "from 0 to"));
  CHECK(has(config(R"("sampling_params":{"temperature":3})"), "from 0 to 2"));
  CHECK(has(config(R"("sampling_params":{"max_tokens":0})"), "from 1"));
  CHECK(has(config(R"("provider_preferences":{"allowlist":["a","b"],"blocklist":["b"]})"), "both in 'allowlist'"));
  CHECK(has(config(R"("custom_providers":{"x":{"type":"olama"}})"), "did you mean 'ollama'?"));
  CHECK(has(config(R"("openai":{"api_key":"k"})"), "API key in a workflow file"));
}

TEST_CASE("compile: permissions, checkpoints and lanes reach their nodes") {
  const auto compiled = compile(flow(
      script("a", R"("singleClient":true,"backend_id":"gpu")") + "," + script("b") +
          R"(,"c":{"tool":"checkpoint","parameters":{"prompt":"go on?"}},"d":{"tool":"checkpoint"},)"
          R"("m":{"tool":"model_call","provider":"loc","model":"x"},)"
          R"("s":{"tool":"model_call","provider":"p","model":"y","single_client":true})",
      "",
      R"("permissions":{"a":"never","b":"ask"},"state":{"checkpoints":["a","zz"]},"checkpoints":["b"],)"
      R"("model_config":{"custom_providers":{"loc":{"endpoint":"http://h","type":"custom","singleClient":true}}},)"));
  REQUIRE(compiled.plan);
  CHECK(has(report(compiled), "warning HS110 at /state/checkpoints/1: there is no node 'zz'"));
  const auto& plan = *compiled.plan;
  CHECK(node(plan, "a").permission == Permission::never);
  CHECK(node(plan, "b").permission == Permission::ask);
  CHECK(node(plan, "c").permission == Permission::ask);
  CHECK(node(plan, "d").permission == Permission::always);
  CHECK(node(plan, "a").checkpoint);
  CHECK_FALSE(node(plan, "b").checkpoint);
  CHECK(node(plan, "a").lane == "gpu");
  CHECK(node(plan, "b").lane.empty());
  CHECK(node(plan, "m").lane == "http://h");
  CHECK(node(plan, "s").lane == "p:y");
  CHECK(compile(flow(script("a"), "", R"("checkpoints":["a"],)")).plan->nodes[0].checkpoint);
  CHECK_FALSE(compile(flow(script("a"), "", R"("permissions":{"aa":"never"},)")).plan);
}

TEST_CASE("compile: conditions ask each test of a node once, and make it a predecessor") {
  const auto compiled = compile(flow(
      script("a") + "," + script("b") + "," +
          script("c", R"("when":{"any_of":[{"node":"a","contains":"x"},{"not":{"node":"b","status":"failed"}}]})") +
          "," +
          script("d", R"("skip_if":{"all_of":[{"node":"a","contains":"x"},{"node":"a","equals":"x"},)"
                      R"({"input":"mode","equals":"fast"}]})"),
      "", R"("inputs":{"mode":{"default":"slow"}},)"));
  REQUIRE(compiled.plan);
  const auto& plan = *compiled.plan;
  CHECK(before(plan, "c") == "a b");
  CHECK(before(plan, "d") == "a");
  REQUIRE(node(plan, "a").tests.size() == 2);
  const auto& when = *node(plan, "c").when;
  REQUIRE(when.any.size() == 2);
  CHECK(when.any[0].test == NodeTest{index(plan, "a"), 0});
  CHECK(when.any[1].none.at(0).status == StatusTest{index(plan, "b"), NodeEnd::failed});
  const auto& skip = *node(plan, "d").skip_if;
  CHECK(skip.all.at(0).test == NodeTest{index(plan, "a"), 0});
  CHECK(skip.all.at(1).test == NodeTest{index(plan, "a"), 1});
  CHECK(skip.all.at(2).input->input == "mode");
  for (const auto* bad : {"{}", "[]", R"({"node":"b"})", R"({"node":"zz","contains":"x"})",
                          R"({"node":"b","contains":5})", R"({"node":"a","contains":"x"})", R"({"all_of":[]})",
                          R"({"all_of":{}})", R"({"not":{}})", R"({"node":"b","status":"done"})",
                          R"({"input":"zz","equals":"x"})", R"({"node":"b","contains":"x","all_of":[]})"}) {
    CAPTURE(bad);
    CHECK_FALSE(compile(flow(script("b") + "," + script("a", R"("when":)" + std::string(bad)))).plan);
  }
}

TEST_CASE("compile: any directed graph without a cycle gives a valid order, and a plan that reads back equal") {
  const auto seed = std::random_device{}();
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 60; ++round) {
    const auto count = random() % 40 + 1;
    std::string nodes;
    std::string edges;
    for (std::size_t i = 0; i < count; ++i) {
      const auto id = "n" + std::to_string(i);
      std::string more;
      if (i > 0 && random() % 3 == 0) more = input("{{ n" + std::to_string(random() % i) + ".output }} é");
      if (i > 0 && random() % 5 == 0)
        more += std::string(more.empty() ? "" : ",") + R"("when":{"node":"n)" + std::to_string(random() % i) +
                R"(","contains":"x"})";
      nodes += (i > 0 ? "," : "") + script(id, more);
      for (auto n = i > 0 ? random() % 4 : 0; n > 0; --n)
        edges += (edges.empty() ? "" : " ") + ("n" + std::to_string(random() % i)) + ">" + id;
    }
    const auto compiled = compile(flow(nodes, edges));
    CAPTURE(report(compiled));
    REQUIRE(compiled.plan);
    const auto& plan = *compiled.plan;
    REQUIRE(plan.nodes.size() == count);
    for (NodeIndex i = 0; i < count; ++i) {
      for (const auto earlier : plan.nodes[i].predecessors) CHECK(earlier < i);
      for (const auto& source : plan.nodes[i].sources) CHECK(index(plan, source) < i);
    }
    const auto back = plan_from_text(to_text(plan));
    REQUIRE(back);
    CHECK(*back == plan);
  }
}

TEST_CASE("compile: damaged text never crashes") {
  const auto good =
      flow(script("a", R"("when":{"input":"i","equals":"x"},"retry":{"attempts":2},"for_each":["{{ inputs.i }}"])"), "",
           R"("inputs":{"i":{"type":"string"}},"model_config":{"mode":"auto"},)");
  REQUIRE(compile(good).plan);
  std::mt19937_64 random(11);
  for (int round = 0; round < 5000; ++round) {
    auto text = good;
    for (auto n = random() % 3 + 1; n > 0; --n) text[random() % text.size()] = static_cast<char>(random() % 95 + 32);
    const auto compiled = compile(text);
    CHECK(compiled.plan.has_value() != has_errors(compiled.diagnostics));
  }
}

TEST_CASE("compile: a chain, a fan and a join of 100,000 nodes") {
  constexpr int kCount = 100'000;
  std::string chain = "{\"id\":\"w\",\"graph\":{\"nodes\":{";
  std::string edges;
  for (int i = 0; i < kCount; ++i) {
    const auto id = std::to_string(i);
    chain += (i > 0 ? ",\"" : "\"") + id + "\":{\"tool\":\"checkpoint\"}";
    if (i > 0) edges += (i > 1 ? ",{" : "{") + ("\"from\":\"" + std::to_string(i - 1)) + "\",\"to\":\"" + id + "\"}";
  }
  const auto long_chain = compile(chain + "},\"edges\":[" + edges + "]}}");
  REQUIRE(long_chain.plan);
  CHECK(long_chain.plan->nodes.back().predecessors == std::vector<NodeIndex>{kCount - 2});
  CHECK(has(report(chain + "},\"edges\":[" + edges + ",{\"from\":\"99999\",\"to\":\"0\"}]}}"), "(99980 more) -> 0"));
  std::string fan;
  for (int i = 1; i < kCount - 1; ++i)
    fan += (i > 1 ? ",{" : "{") + ("\"from\":\"0\",\"to\":\"" + std::to_string(i)) + "\"},{\"from\":\"" +
           std::to_string(i) + "\",\"to\":\"99999\"}";
  const auto wide = compile(chain + "},\"edges\":[" + fan + "]}}");
  REQUIRE(wide.plan);
  CHECK(wide.plan->nodes.back().predecessors.size() == kCount - 2);
  const auto back = plan_from_text(to_text(*wide.plan));
  REQUIRE(back);
  CHECK(*back == *wide.plan);
}

TEST_CASE("compile: a map has no one text to ask about, only a status") {
  const auto flow = [](const std::string& question) {
    return R"({"id":"w","graph":{"nodes":{"m":{"tool":"file_read","for_each":["x"],"input":"{{ item }}"})"
           R"(,"b":{"tool":"checkpoint","when":)" +
           question + R"(}},"edges":[{"from":"m","to":"b"}]}})";
  };
  CHECK(has(report(flow(R"({"node":"m","contains":"x"})")), "'m' runs over a list"));
  CHECK(compile(flow(R"({"node":"m","status":"completed"})")).plan.has_value());
}
