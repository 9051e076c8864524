// SPDX-License-Identifier: Apache-2.0
// The small parts: nearest names, graphs, diagnostics as text, inputs, drawings, and the published schema.
#include <doctest/doctest.h>
#include <boost/json.hpp>
#include <boost/mp11.hpp>

#include <set>

#include "runtime/workflow/did_you_mean.hpp"
#include "runtime/workflow/fields.hpp"
#include "runtime/workflow/graph.hpp"
#include "runtime/workflow/part.hpp"
#include "runtime/workflow/render.hpp"
#include "tests/unit/runtime/workflow/compiling.hpp"

using namespace hillstar;
using namespace hillstar::workflow;
using namespace hillstar::workflow::testing;

namespace hillstar::embedded {
extern const std::string_view workflow_schema;
}

TEST_CASE("did you mean: distance counts letters, swaps and no case") {
  CHECK(edit_distance("review", "review", 3) == 0);
  CHECK(edit_distance("Review", "reveiw", 3) == 1);
  CHECK(edit_distance("abc", "abd", 3) == 1);
  CHECK(edit_distance("", "abc", 5) == 3);
  CHECK(edit_distance("kitten", "sitting", 5) == 3);
  CHECK(edit_distance("kitten", "sitting", 2) == 3);
  CHECK(edit_distance(std::string(10'000, 'a'), std::string(10'000, 'a') + "b", 2) == 0);
}

TEST_CASE("did you mean: the nearest name, or none") {
  CHECK(did_you_mean("reviw", {"implement", "review", "preview"}) == "did you mean 'review'?");
  CHECK(did_you_mean("zzz", {"implement", "review"}).empty());
  CHECK(did_you_mean("zz", {"a", "b"}).empty());
  CHECK(did_you_mean("x", {}).empty());
  CHECK(one_of({"a", "b", "c"}) == "one of 'a', 'b' or 'c'");
}

TEST_CASE("graph: order and cycle of graphs on indices") {
  const Graph line(3, {{2, 1}, {1, 0}});
  CHECK(topological_order(line) == std::vector<std::uint32_t>{2, 1, 0});
  CHECK(find_cycle(line, topological_order(line)).empty());
  const Graph ring(5, {{0, 3}, {3, 1}, {1, 3}, {3, 4}, {2, 0}});
  CHECK(topological_order(ring) == std::vector<std::uint32_t>{2, 0});
  CHECK(find_cycle(ring, topological_order(ring)) == std::vector<std::uint32_t>{1, 3});
  const Graph empty(0, {});
  CHECK(topological_order(empty).empty());
}

TEST_CASE("diagnostics: one line each, without what a terminal would obey") {
  Diagnostic diagnostic{Severity::error, Errc::reference, "/graph/nodes/b", {12, 7}, "bad\n\x1b[31m", "mend"};
  CHECK(to_string(diagnostic, "flow.json") == "flow.json:12:7: error HS112 at /graph/nodes/b: bad  [31m (mend)");
  diagnostic.position = {0, 0};
  CHECK(to_string(diagnostic, "").starts_with("error HS112"));
  CHECK(has_errors({diagnostic}));
  CHECK_FALSE(has_errors({}));
}

TEST_CASE("inputs: defaults, types, files and texts, every problem at once") {
  const auto compiled =
      compile(flow(script("a"), "",
                   R"("inputs":{"s":{"type":"string"},"n":{"type":"integer","default":3},"any":{"default":null},)"
                   R"("l":{"type":"array","default":[]}},)"));
  REQUIRE(compiled.plan);
  const auto& plan = *compiled.plan;
  const auto resolve = [&](const std::map<std::string, std::string>& given, const std::string& file = "null") {
    const auto resolved = resolve_inputs(plan, given, Json::of(*json::parse(file)));
    std::string out = resolved.diagnostics.empty() ? resolved.values.text() : "";
    for (const auto& diagnostic : resolved.diagnostics) out += to_string(diagnostic, "") + "\n";
    return out;
  };
  CHECK(resolve({{"s", "5"}}) == R"({"any":null,"l":[],"n":3,"s":"5"})");
  CHECK(resolve({{"s", "x"}, {"n", "7"}, {"l", "[1]"}, {"any", "plain text"}}) ==
        R"({"any":"plain text","l":[1],"n":7,"s":"x"})");
  CHECK(resolve({{"n", "8"}}, R"({"s":"file","n":9,"any":{"k":1}})") == R"({"any":{"k":1},"l":[],"n":8,"s":"file"})");
  CHECK(has(resolve({}), "error HS113 at /inputs/s: input 's' is missing"));
  const auto problems = resolve({{"n", "x"}, {"l", "{}"}, {"nn", "1"}});
  CHECK(has(problems, "/inputs/n: expected integer"));
  CHECK(has(problems, "/inputs/l: expected array, found an object"));
  CHECK(has(problems, "did you mean 'n'?"));
  CHECK(has(problems, "input 's' is missing"));
  CHECK(has(resolve({{"s", "\xFF"}}), "not valid UTF-8"));
  CHECK(has(resolve({{"s", "x"}, {"n", "1.5"}}), "/inputs/n: expected integer, found 1.5"));
  CHECK(has(resolve({}, "[1]"), "expected an object of inputs"));
}

TEST_CASE("inputs: declarations are checked") {
  const auto declare = [](const std::string& text) {
    return report(flow(script("a"), "", "\"inputs\":" + text + ","));
  };
  CHECK(declare(R"({"a":{},"b":{"type":"number","default":1,"description":"d"}})").empty());
  CHECK(has(declare(R"({"a":5})"), "expected an object, found 5"));
  CHECK(has(declare(R"({"a":{"type":"strng"}})"), "did you mean 'string'?"));
  CHECK(has(declare(R"({"a":{"type":"integer","default":"x"}})"), "default of type integer expected"));
  CHECK(has(declare("[]"), "/inputs: expected an object"));
}

TEST_CASE("part: a node and what leads to it, with edges and conditions in their new places") {
  const auto compiled = compile(flow(script("a") + "," + script("x") + "," + script("b", input("{{ a.output }}")) +
                                         R"(,"c":{"tool":"script_run","parameters":{"script":"s"},)"
                                         R"("when":{"node":"b","contains":"yes"}})",
                                     "a>b x>c b>c"));
  REQUIRE(compiled.plan);
  const auto& plan = *compiled.plan;
  const auto index = [](const Plan& of, const char* id) {
    for (NodeIndex i = 0; i < of.nodes.size(); ++i)
      if (of.nodes[i].id.str() == id) return i;
    FAIL("no such node");
    return NodeIndex{0};
  };
  const auto b = part_before(plan, index(plan, "b"));
  REQUIRE(b.nodes.size() == 2);
  CHECK(b.nodes[1].predecessors == std::vector<NodeIndex>{0});
  CHECK(b.nodes[1].successors.empty());
  CHECK(b.nodes[0].successors == std::vector<NodeIndex>{1});
  CHECK(needed_by(b, 1) == std::vector<NodeIndex>{0});
  const auto c = part_before(plan, index(plan, "c"));
  REQUIRE(c.nodes.size() == 4);
  REQUIRE(c.nodes[3].when);
  REQUIRE(c.nodes[3].when->test);
  CHECK(c.nodes[c.nodes[3].when->test->node].id.str() == "b");
  CHECK(needed_by(c, 3) == std::vector<NodeIndex>{index(c, "b")});
  const auto x = part_before(plan, index(plan, "x"));
  CHECK(x.nodes.size() == 1);
  CHECK(x.nodes[0].successors.empty());
}

TEST_CASE("draw: Hillstar's style has its colours, and ids of our own") {
  const auto compiled = compile(flow(script("end") + R"(,"m":{"tool":"model_call","provider":"ollama","model":"m",)"
                                                     R"("complexity":"simple"})",
                                     "end>m"));
  REQUIRE(compiled.plan);
  CHECK(draw(*compiled.plan, GraphFormat::hillstar) ==
        "graph TD\n"
        "    n0[\"end<br/>(script_run)\"]\n"
        "    style n0 fill:#FF9800,stroke:#E65100,stroke-width:2px,color:#fff\n"
        "    n1[\"m<br/>(model_call, simple)\"]\n"
        "    style n1 fill:#2196F3,stroke:#1565C0,stroke-width:2px,color:#fff\n"
        "    n0 --> n1\n");
}

TEST_CASE("draw: every format names every node and edge, and nothing breaks out of a label") {
  const auto compiled =
      compile(flow(script("a") + "," + script("b\\\"];<x>") + R"(,"c":{"tool":"checkpoint"})", "a>c", "",
                   R"({"id":"l","body":["a"],"max_attempts":2,"until":{"node":"a","contains":"x"}})"));
  REQUIRE(compiled.plan);
  const auto& plan = *compiled.plan;
  const auto mermaid = draw(plan, GraphFormat::mermaid);
  CHECK(mermaid.starts_with("graph TD\n"));
  CHECK(has(mermaid, "[\"b#34;#93;#59;#60;x#62;<br/>"));
  CHECK(has(mermaid, "n0 --> n2"));
  CHECK(has(mermaid, "classDef script_run fill:"));
  CHECK(has(mermaid, "legend_checkpoint"));
  const auto dot = draw(plan, GraphFormat::dot);
  CHECK(has(dot, "label=\"b\\\"];<x>\\n"));
  CHECK(has(dot, "n0 -> n2;"));
  const auto value = json::parse(draw(plan, GraphFormat::json));
  REQUIRE(value);
  CHECK(value->at("nodes").as_array().size() == 4);
  CHECK(value->at("edges").as_array().size() == 2);
  CHECK(draw(plan, GraphFormat::tree) ==
        "w: 4 nodes\n"
        "├─ a [script_run, l 1/2]\n"
        "│  └─ a@2 [script_run, l 2/2]\n"
        "│     └─ c [checkpoint]\n"
        "└─ b\"];<x> [script_run]\n");
}

TEST_CASE("draw: a long chain stays readable and small") {
  std::string nodes;
  std::string edges;
  for (int i = 0; i < 3000; ++i) {
    nodes += (i > 0 ? "," : "") + script("n" + std::to_string(i));
    if (i > 0) edges += (i > 1 ? " n" : "n") + std::to_string(i - 1) + ">n" + std::to_string(i);
  }
  const auto plan = compile(flow(nodes, edges)).plan;
  REQUIRE(plan);
  const auto tree = draw(*plan, GraphFormat::tree);
  CHECK(tree.size() < 3000 * 150);
  CHECK(has(tree, "(level 2999) n2999 "));
}

TEST_CASE("schema: knows exactly the fields that the compiler knows, each with a description") {
  const auto schema = json::parse(hillstar::embedded::workflow_schema);
  REQUIRE(schema);
  CHECK(schema->at("$schema").as_string() == "https://json-schema.org/draft/2020-12/schema");
  const auto& definitions = schema->at("$defs").as_object();
  CHECK(definitions.size() == 36);
  for (const auto& [name, section] :
       std::initializer_list<std::pair<const char*, Section>>{{"workflow", Section::workflow},
                                                              {"graph", Section::graph},
                                                              {"node", Section::node},
                                                              {"edge", Section::edge},
                                                              {"loop", Section::loop},
                                                              {"condition", Section::condition},
                                                              {"retry", Section::retry},
                                                              {"timeout", Section::timeout},
                                                              {"input", Section::input},
                                                              {"state", Section::state},
                                                              {"model_config", Section::model_config},
                                                              {"budget", Section::budget},
                                                              {"provider_preferences", Section::provider_preferences},
                                                              {"sampling_params", Section::sampling_params},
                                                              {"explainability", Section::explainability},
                                                              {"custom_provider", Section::custom_provider},
                                                              {"model_parameters", Section::model_parameters},
                                                              {"tool", Section::tool},
                                                              {"image", Section::image},
                                                              {"conversation", Section::conversation},
                                                              {"turn", Section::turn},
                                                              {"content_part", Section::content_part},
                                                              {"placement", Section::placement},
                                                              {"slurm", Section::slurm},
                                                              {"entry_point", Section::entry_point},
                                                              {"timer", Section::timer},
                                                              {"webhook", Section::webhook},
                                                              {"event", Section::event},
                                                              {"file", Section::file},
                                                              {"input_parameters", Section::input_parameters},
                                                              {"signal_parameters", Section::signal_parameters},
                                                              {"workflow_parameters", Section::workflow_parameters},
                                                              {"state_parameters", Section::state_parameters}}) {
    CAPTURE(name);
    std::set<std::string> published;
    for (const auto& [field, property] : definitions.at(name).at("properties").as_object()) {
      published.emplace(field);
      CAPTURE(std::string(field));
      CHECK((property.as_object().contains("description") || property.as_object().contains("$ref")));
    }
    const auto& known = fields_of(section);
    CHECK(published == std::set<std::string>(known.begin(), known.end()));
  }
}

TEST_CASE("schema: has the words of the language") {
  const auto schema = json::parse(hillstar::embedded::workflow_schema);
  REQUIRE(schema);
  const auto words = [&](const char* pointer) {
    std::string out;
    for (const auto& word : schema->at_pointer(pointer).as_array()) out += std::string(word.as_string()) + " ";
    return out;
  };
  const auto names = [](const std::vector<std::string_view>& list) {
    std::string out;
    for (const auto name : list) out += std::string(name) + " ";
    return out;
  };
  CHECK(words("/$defs/node/properties/tool/enum") == names(tool_names()));
  CHECK(words("/$defs/model_config/properties/mode/enum") == names(modes()));
  CHECK(words("/$defs/model_config/properties/preset/enum") == names(presets()));
  std::string classes;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<FailureClass>>(
      [&](auto entry) { classes += std::string(entry.name) + " "; });
  CHECK(words("/$defs/retry/properties/on/items/enum") == classes);
}
