// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/references.hpp"
#include "runtime/workflow/item_list.hpp"

#include <doctest/doctest.h>
#include <boost/json.hpp>

#include <map>

#include "tests/unit/runtime/workflow/compiling.hpp"

using namespace hillstar;
using namespace hillstar::workflow;
using namespace hillstar::workflow::testing;

namespace {

Json document(const std::string& text) { return Json::of(*json::parse(text)); }

/// A node's attempt with results to refer to.
struct World {
  ExecuteNode command;
  std::map<std::string, std::string> blobs;

  World& bind(const std::string& id, const std::string& result, std::vector<BlobRef> refs = {}) {
    command.bindings.push_back({id, Value{std::move(refs), document(result)}});
    return *this;
  }
  [[nodiscard]] ReadBlob reader() const {
    return [this](const std::string& sha256) -> Result<std::string> {
      const auto found = blobs.find(sha256);
      if (found == blobs.end()) return Error{Errc::blob_missing, "no blob " + sha256};
      return found->second;
    };
  }
  /// What a template of JSON text becomes.
  [[nodiscard]] std::string fill(const std::string& text) const {
    const auto rendered = render(document(text), command, reader());
    return rendered ? rendered->text : to_string(rendered.error());
  }
  /// The template as the `index`-th item of a list has it.
  [[nodiscard]] std::string fill_item(std::uint32_t index, const Value& list, const std::string& text) {
    command.ref.item = index;
    command.item = ItemList::of(list, reader())->at(index);
    return fill(text);
  }
  [[nodiscard]] std::string items(const std::string& text) const {
    const auto listed = list_items(document(text), command, reader());
    return listed ? listed->text() : number(listed.error().code);
  }
};

World source() {
  World world;
  world.bind("src", R"({"output":"line1\nline2\n","error":null,"return_code":0})");
  return world;
}

}  // namespace

TEST_CASE("references: found in order, with any white space, and split at the first dot") {
  const auto found = find_references("a {{ x.output }} {{y.a.b}} {{\n z \n}}");
  REQUIRE(found.size() == 3);
  CHECK(found[0].source == "x");
  CHECK(found[0].key == "output");
  CHECK(found[0].begin == 2);
  CHECK(found[0].end == 16);
  CHECK(found[1].key == "a.b");
  CHECK(found[2].source == "z");
  CHECK(found[2].key.empty());
}

TEST_CASE("references: three braces, single braces and open ends are text") {
  for (const auto* text : {"{{{ x.output }}}", "{{{{ x.output }}}}", "{ x.output }", "{{}}", "{{ x.output",
                           "{{ x.output }", "{{ x } y }}", "}}", "", "{{", "{{{", "{{{{{{{{"}) {
    CAPTURE(text);
    CHECK(find_references(text).empty());
  }
  CHECK(find_references("{{{ a }}} {{ x.output }}").size() == 1);
  CHECK(find_references("{{ a } {{ x.output }}").size() == 1);
  CHECK(find_references(std::string(1'000'000, '{') + "}").empty());
  std::string open;
  for (int i = 0; i < 300'000; ++i) open += "{{ ";
  CHECK(find_references(open + "}").empty());
}

// The forms and their results are those of a recorded Hillstar run, but for the deviations that the names say.
TEST_CASE("references: the recorded forms of Hillstar") {
  const auto world =
      source().bind("read", R"({"output":"x","file_path":"dump.py"})").bind("late", R"({"output":"late\n"})");
  CHECK(world.fill(R"("{{ src.output }}")") == "line1\nline2\n");
  CHECK(world.fill(R"("{{src.output}}")") == "line1\nline2\n");
  CHECK(world.fill(R"("{{    src.output    }}")") == "line1\nline2\n");
  CHECK(world.fill(R"("pre {{ src.output }} post")") == "pre line1\nline2\n post");
  CHECK(world.fill(R"("{{ src.output }}|{{ src.return_code }}")") == "line1\nline2\n|0");
  CHECK(world.fill(R"("{{ src.return_code }}")") == "0");
  CHECK(world.fill(R"("[{{ src.error }}]")") == "[]");
  CHECK(world.fill(R"("[{{ src.nokey }}]")") == "[]");
  CHECK(world.fill(R"("[{{ ghost.output }}]")") == "[{{ ghost.output }}]");
  CHECK(world.fill(R"("[{{ src }}]")") == "[{{ src }}]");
  CHECK(world.fill(R"("{{ read.file_path }}")") == "dump.py");
  CHECK(world.fill(R"("[{{ src.output.x }}]")") == "[]");
  CHECK(world.fill(R"("[{{{ src.output }}}]")") == "[{{{ src.output }}}]");
  CHECK(world.fill(R"("{{ late.output }}")") == "late\n");
  CHECK(world.fill(R"("[{{ prev.src.output }}]")") == "[{{ prev.src.output }}]");
}

TEST_CASE("references: what is no text is handed on as JSON") {
  const auto world = source();
  CHECK(world.fill(
            R"({"k":"{{ src.output }}","n":5,"l":["{{ src.return_code }}",true,null],"{{ src.return_code }}":1})") ==
        R"({"k":"line1\nline2\n","l":["0",true,null],"n":5,"{{ src.return_code }}":1})");
  CHECK(world.fill(R"(["{{ src.return_code }}","x"])") == R"(["0","x"])");
  CHECK(world.fill("7") == "7");
  CHECK(world.fill("0") == "0");
  CHECK(world.fill("false") == "false");
  CHECK(world.fill("{}") == "{}");
  CHECK(world.fill("[]") == "[]");
  CHECK(world.fill("\"\"").empty());
  const auto none = render(Json(), world.command, world.reader());
  REQUIRE(none);
  CHECK(none->is_null);
  CHECK(none->text.empty());
  CHECK_FALSE(render(document("7"), world.command, world.reader())->is_text);
  CHECK(render(document("\"7\""), world.command, world.reader())->is_text);
}

TEST_CASE("references: what was filled in is not read again") {
  auto world = source();
  world.bind("evil", R"({"output":"{{ src.output }} {{ inputs.x }}"})");
  CHECK(world.fill(R"("{{ evil.output }}")") == "{{ src.output }} {{ inputs.x }}");
  CHECK(world.fill(R"("{{{ evil.output }}} {{ evil.output }}")") ==
        "{{{ evil.output }}} {{ src.output }} {{ inputs.x }}");
}

TEST_CASE("references: keys are tried whole, then step by step, through arrays and text that holds JSON") {
  World world;
  world.bind("a",
             R"({"x.y":"whole","x":{"y":"steps","z":[10,{"w":true}]},"output":"{\"k\":{\"v\":1.5},\"l\":[\"q\"]}"})");
  CHECK(world.fill(R"("{{ a.x.y }}")") == "whole");
  CHECK(world.fill(R"("{{ a.x.z.0 }}")") == "10");
  CHECK(world.fill(R"("{{ a.x.z.1.w }}")") == "true");
  CHECK(world.fill(R"("<{{ a.x.z.2 }}{{ a.x.z.-1 }}{{ a.x.z.0.q }}{{ a..x }}{{ a.x. }}>")") == "<>");
  CHECK(world.fill(R"("{{ a.output.k.v }} {{ a.output.l.0 }}")") == "1.5 q");
  CHECK(world.fill(R"("{{ a.x }}")") == R"({"y":"steps","z":[10,{"w":true}]})");
  CHECK(world.fill(R"({"v":"{{ a.x.z }}","t":"-{{ a.x.z }}"})") == R"({"t":"-[10,{\"w\":true}]","v":[10,{"w":true}]})");
}

TEST_CASE("references: output of a result that is no object, or has none, is the result") {
  World world;
  world.bind("t", "\"text\"").bind("o", R"({"a":1})").bind("n", "null").bind("l", "[1,2]");
  CHECK(world.fill(R"("{{ t.output }}")") == "text");
  CHECK(world.fill(R"("{{ o.output }}")") == R"({"a":1})");
  CHECK(world.fill(R"("{{ o.output.a }}")") == "1");
  CHECK(world.fill(R"("<{{ n.output }}>")") == "<>");
  CHECK(world.fill(R"("{{ l.output }}")") == "[1,2]");
  CHECK(world.fill(R"("<{{ t.other }}>")") == "<>");
}

TEST_CASE("references: a node id with dots is found by the longest id that fits") {
  World world;
  world.bind("a", R"({"b":{"output":"short"}})").bind("a.b", R"({"output":"long"})");
  CHECK(world.fill(R"("{{ a.b.output }}")") == "long");
}

TEST_CASE("references: inputs, item and index") {
  World world;
  world.command.inputs = document(R"({"name":"n","deep":{"k":[1]},"dotted.name":"d"})");
  CHECK(world.fill(R"("{{ inputs.name }}{{ inputs.deep.k.0 }}{{ inputs.dotted.name }}<{{ inputs.none }}>")") ==
        "n1d<>");
  CHECK(world.fill(R"("{{ item }}{{ index }}")") == "{{ item }}{{ index }}");
  Value list{{}, document(R"([{"k":"a,]"},"b\"[,",[1,[2]],null])")};
  CHECK(world.fill_item(0, list, R"("{{ item.k }} {{ index }}")") == "a,] 0");
  CHECK(world.fill_item(0, list, R"({"i":"{{ item }}"})") == R"({"i":{"k":"a,]"}})");
  CHECK(world.fill_item(1, list, R"("{{ item }}")") == "b\"[,");
  CHECK(world.fill_item(2, list, R"("{{ item.1.0 }}{{index}}")") == "22");
  list.blobs = {{"/3", 3, false, "sha"}};
  world.blobs["sha"] = "big";
  CHECK(world.fill_item(3, list, R"("{{ item }}")") == "big");
}

TEST_CASE("references: large and binary results come from their blobs") {
  World world;
  world.bind("big", R"({"output":null,"return_code":0})", {{"/output", 9, false, "s1"}});
  world.bind("bin", R"({"output":null})", {{"/output", 2, true, "s2"}});
  world.bind("json", R"({"output":null})", {{"/output", 9, false, "s3"}});
  world.bind("map", R"({"count":2,"failed":0,"output":["a",null],"results":[{"output":"a"},{"output":null}]})",
             {{"/output/1", 9, false, "s1"}, {"/results/1/output", 9, false, "s1"}});
  world.blobs = {{"s1", "large one"}, {"s2", "\xFF\x00"}, {"s3", R"({"k":"v"})"}};
  CHECK(world.fill(R"("<{{ big.output }}>")") == "<large one>");
  CHECK(world.fill(R"("{{ bin.output }}")") == "\xFF");
  CHECK(world.fill(R"("<{{ bin.output }}>")") == "<\uFFFD>");
  CHECK(world.fill(R"(["{{ bin.output }}"])") == "[\"\uFFFD\"]");
  CHECK(world.fill(R"("{{ json.output.k }}")") == "v");
  CHECK(world.fill(R"("{{ map.output }}")") == R"(["a","large one"])");
  CHECK(world.fill(R"("{{ map.output.1 }} {{ map.results.1.output }} {{ map.count }}")") == "large one large one 2");
  CHECK(world.fill(R"({"r":"{{ map.results }}"})") == R"({"r":[{"output":"a"},{"output":"large one"}]})");
  world.blobs.clear();
  CHECK_FALSE(render(document(R"("{{ big.output }}")"), world.command, world.reader()));
}

TEST_CASE("references: a list for a map comes from an array, text that holds one, or lines") {
  World world;
  world.bind("j", R"({"output":" [1, \"two\"]\n"})").bind("t", R"({"output":"one\r\ntwo\n\n  \nthree"})");
  world.bind("o", R"({"output":"{\"a\":1}"})").bind("l", R"({"list":[{"a":1}]})").bind("e", R"({"output":""})");
  CHECK(world.items(R"(["a",1,"{{ l.list }}"])") == R"(["a",1,[{"a":1}]])");
  CHECK(world.items(R"("{{ j.output }}")") == R"([1,"two"])");
  CHECK(world.items(R"("{{ t.output }}")") == R"(["one","two","three"])");
  CHECK(world.items(R"("{{ l.list }}")") == R"([{"a":1}])");
  CHECK(world.items(R"("{{ e.output }}")") == "[]");
  CHECK(world.items(R"("{{ o.output }}")") == "HS112");
  std::string lines;
  for (std::size_t i = 0; i < kItemsMax; ++i) lines += "x\\n";
  world.bind("max", R"({"output":")" + lines + "\"}").bind("more", R"({"output":")" + lines + "x\"}");
  CHECK(world.items(R"("{{ max.output }}")").size() == kItemsMax * 4 + 1);
  CHECK(world.items(R"("{{ more.output }}")") == "HS503");
}

TEST_CASE("references: tests look at the output, equals trims, contains ignores case") {
  const auto ask = [](const Test& test, const std::string& result) {
    const auto verdict = passes(test, Value{{}, document(result)}, World().reader());
    return verdict && *verdict;
  };
  const Test contains{.contains = "Sign-Off", .equals = {}, .not_contains = {}};
  const Test equals{.contains = {}, .equals = " PASS", .not_contains = {}};
  const Test lacks{.contains = {}, .equals = {}, .not_contains = "error"};
  CHECK(ask(contains, R"({"output":"ok: sign-off\n"})"));
  CHECK_FALSE(ask(contains, R"({"output":"no","error":"sign-off"})"));
  CHECK(ask(contains, R"({"other":"sign-off"})"));
  CHECK(ask(equals, R"({"output":"PASS\n"})"));
  CHECK_FALSE(ask(equals, R"({"output":"pass"})"));
  CHECK(ask(lacks, R"({"output":null})"));
  CHECK_FALSE(ask(lacks, R"({"output":"ERROR"})"));
  CHECK_FALSE(ask(Test{}, R"({"output":"x"})"));
  CHECK(passes(Test{.contains = "x", .equals = "y", .not_contains = {}}, "y"));
}

TEST_CASE("references: those that cannot resolve are errors, with the mend") {
  const auto text = [](const std::string& reference) {
    return report(flow(script("src") + R"(,"write":{"tool":"file_write","parameters":{"path":"p"},"input":"x"},)" +
                           script("m", R"("for_each":[1],"input":"{{ item.k }}{{ index }}")") + "," +
                           script("r", input(reference)),
                       "", R"("inputs":{"topic":{}},)"));
  };
  CHECK(text("{{ src.output }} {{ src.error }} {{ write.output }} {{ inputs.topic }} {{ m.output.0 }} {{ m.failed }}")
            .empty());
  CHECK(has(text("{{ scr.output }}"), "did you mean 'src'?"));
  CHECK(has(text("{{ src }}"), "write {{ src.output }}"));
  CHECK(has(text("{{ src.outptu }}"), "did you mean 'output'?"));
  CHECK(has(text("{{ write.file_path }}"), "has no key 'file_path'"));
  CHECK(has(text("{{ m.return_code }}"), "(for_each) has no key"));
  CHECK(has(text("{{ inputs.topci }}"), "did you mean 'topic'?"));
  CHECK(has(text("{{ inputs }}"), "names no input"));
  CHECK(has(text("{{ item }}"), "'for_each' only"));
  CHECK(has(text("{{ prev.src.output }}"), "in no loop"));
  CHECK(has(text("{{ r.output }}"), "refers to its own result"));
  CHECK(has(text("{{ nothing at all }}"), "write {{{ ... }}}"));
  CHECK(has(text("{{ }}"), "HS112"));
  CHECK(text("{{{ nothing }}}").empty());
}

TEST_CASE("references: name a predecessor without an edge; parameters stay literal and say so") {
  const auto compiled =
      compile(flow(script("late", input("{{ early.output }}")) + "," + script("early") +
                   R"(,"p":{"tool":"script_run","parameters":{"script":"echo {{ early.output }} {{ x }}"}})"));
  REQUIRE(compiled.plan);
  CHECK(order(*compiled.plan) == "early p late");
  CHECK(before(*compiled.plan, "late") == "early");
  CHECK(before(*compiled.plan, "p").empty());
  CHECK(has(report(compiled), "warning HS110 at /graph/nodes/p/parameters/script: {{ early.output }} stays as it is"));
  CHECK_FALSE(has(report(compiled), "{{ x }}"));
}
