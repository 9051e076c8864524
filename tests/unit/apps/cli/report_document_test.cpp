// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/report_document.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace hillstar::cli::doc {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
const std::string kHostile = "</script><img src=x onerror='alert(1)'>\" | `x` \n```\n# h\x1b[2J \u202e end";

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Node node(std::string id, std::vector<NodeIndex> successors = {}, std::string status = "completed") {
  Node made;
  made.id = std::move(id);
  made.tool = "script_run";
  made.status = std::move(status);
  made.successors = std::move(successors);
  return made;
}

Document document() {
  Document made;
  made.workflow = "flow";
  made.run = "RUN";
  made.status = "completed";
  made.engine = "hillstar-actors 1.2.3";
  made.generator = made.engine;
  made.started_by = "ann";
  made.workflow_sha256 = "aa";
  made.plan_sha256 = "bb";
  made.head_seq = 9;
  made.head_hash = "cc";
  made.updated = {2 * kSecond};
  made.nodes_done = 2;
  made.nodes = {node("a", {1}), node("b")};
  return made;
}

Document hostile() {
  auto made = document();
  for (auto* text : {&made.workflow, &made.workflow_file, &made.description, &made.reason, &made.engine,
                     &made.started_by, &made.workspace, &made.inputs, &made.mode})
    *text = kHostile;
  made.rules = made.budget = made.endpoints = {kHostile};
  auto& first = made.nodes.front();
  for (auto* text :
       {&first.id, &first.tool, &first.provider, &first.model, &first.persona, &first.remark, &first.choice})
    *text = kHostile;
  Attempt attempt{1,        {0},      UtcTime{kSecond}, kHostile, kHostile, kHostile,   kHostile,
                  kHostile, kHostile, kHostile,         kHostile, Usage{},  MicroUsd{1}};
  first.units.push_back({kHostile, {attempt}, {{kHostile, kHostile, 9, "", ""}, {"x", "", 0, "", kHostile}}, kHostile});
  made.models.push_back({kHostile, kHostile, kHostile, kHostile, 1, 0, 2, 3, {4}, {5}});
  made.timeline.push_back({1, {0}, kHostile});
  made.approvals.push_back({kHostile, {0}, kHostile, 2, kHostile, {{{0}, kHostile, true, kHostile}}});
  made.retries.push_back({kHostile, 1, {0}, kHostile, kHostile});
  made.results.emplace_back(kHostile, Text{"Output", kHostile, 9, "dd", ""});
  return made;
}

}  // namespace

TEST_CASE("html_text: markup, quotes, control characters and direction marks are text") {
  CHECK(html_text("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  CHECK(html_text("\x1b[2J\u202e") == "\\x1b[2J\\u202e");
  CHECK(html_text("a\nb") == "a\nb");
  CHECK(html_text("\xff") == "\ufffd");
  CHECK(html_text("").empty());
}

TEST_CASE("grouped: digits stand in threes") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1234567) == "1,234,567");
}

TEST_CASE("cut_remark: says how much is shown, and the hash of all of it") {
  CHECK(cut_remark({"Output", "abc", 3, "", ""}).empty());
  CHECK(cut_remark({"Output", "abc", 1500, "ff", ""}) == "cut: the first 3 of 1,500 bytes; sha256 of all of it: ff");
  CHECK(cut_remark({"Output", "", 0, "", "left out"}) == "left out");
}

TEST_CASE("methods: a paragraph says program, workflow, models, people and the last hash") {
  auto made = document();
  made.models.push_back({"lab", "tiny", "tiny-2", "fp", 2, 1, 1000, 20, {1500}, {0}});
  made.cost = {1500};
  made.approvals.push_back({"a", {0}, "?", 1, "", {{{0}, "bob", true, ""}}});
  made.retries.push_back({"a", 1, {0}, "x", "y"});
  made.air_gapped = true;
  CHECK(methods(made) ==
        "The workflow \"flow\" (SHA-256 of its file aa, of its compiled plan bb) was run with hillstar-actors 1.2.3 as "
        "run RUN, started by ann on 1970-01-01 00:00:00Z. It completed after 2.00 s; 2 of 2 nodes ended. It made 2 "
        "calls to one language model, named as the providers reported them: tiny-2 (asked for as tiny; provider lab, "
        "fingerprint fp; 2 calls, 1 without an answer). They used 1,000 input and 20 output tokens and cost $0.0015 at "
        "the prices known "
        "when the run started. After a failure, 1 attempt was repeated. 1 approval was given by bob. The run was "
        "air-gapped: it could reach declared endpoints only. Its recorded history of 9 events ends with the hash cc "
        "(SHA-256 chain).");
}

TEST_CASE("methods: an unfinished run says so") {
  auto made = document();
  made.status = "paused";
  CHECK(holds(methods(made), "It has not ended (paused); this is its state of 1970-01-01 00:00:02Z"));
  CHECK(holds(methods(made), "It called no language model."));
}

TEST_CASE("to_markdown: has the sections of Hillstar's report, in order") {
  const auto text = to_markdown(document());
  std::size_t at = 0;
  for (const auto* section : {"# Workflow Report: flow\n", "\n## Workflow Structure\n",
                              "\n## Nodes (2 nodes)\n\n| ID | Tool | Provider | Model "
                              "| Persona | Est. Cost |",
                              "\n## Model Selection Strategy\n", "\n## Cost Summary\n", "\n## Execution Results\n",
                              "\n## Governance & Audit\n", "\n## Methods\n"}) {
    const auto found = text.find(section, at);
    CHECK_MESSAGE(found != std::string::npos, section);
    if (found != std::string::npos) at = found;
  }
}

TEST_CASE("to_markdown: hostile text stays in its cell, and a fence is longer than any in it") {
  auto made = hostile();
  CHECK(holds(to_markdown(made), "\n````text\n</script>"));
  made.results.clear();
  const auto text = to_markdown(made);
  CHECK_FALSE(holds(text, "<img"));
  CHECK_FALSE(holds(text, "\x1b"));
  CHECK_FALSE(holds(text, "\u202e"));
  CHECK_FALSE(holds(text, "\n# h"));
  // Every row of a table has as many cells as its head.
  std::size_t cells = 0;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = text.find('\n', begin);
    const auto line = text.substr(begin, end - begin);
    begin = end == std::string::npos ? text.size() : end + 1;
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i) bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\') ? 1 : 0;
    if (!line.starts_with('|')) {
      cells = 0;
    } else if (cells == 0) {
      cells = bars;
    } else {
      CHECK_MESSAGE(bars == cells, line);
    }
  }
}

TEST_CASE("to_html: hostile text is text; nothing is loaded and no script runs") {
  const auto text = to_html(hostile());
  CHECK_FALSE(holds(text, "<img"));
  CHECK_FALSE(holds(text, "<script"));
  CHECK_FALSE(holds(text, "</script"));
  CHECK_FALSE(holds(text, "\x1b"));
  CHECK_FALSE(holds(text, "\u202e"));
  CHECK_FALSE(holds(text, " style="));
  CHECK(holds(text, "Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"));
  CHECK(holds(text, "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;"));
}

TEST_CASE("graph_svg: a chain goes down the page, and every node links to its details") {
  const auto text = graph_svg(document());
  CHECK(holds(text, "<a href=\"#n0\"><g class=\"node t-script_run s-completed\">"));
  CHECK(holds(text, "<path class=\"edge\" d=\"M111.0 58.0 C111.0 80.0 111.0 80.0 111.0 102.0\""));
  auto made = document();
  made.nodes.front().tool = "<x>";
  CHECK(holds(graph_svg(made), "t-other"));
}

TEST_CASE("graph_svg: an edge over layers keeps clear of the nodes between") {
  auto made = document();
  made.nodes = {node("a", {1, 2}), node("b", {2}), node("c")};
  const auto text = graph_svg(made);
  std::size_t edges = 0;
  for (auto at = text.find("class=\"edge\""); at != std::string::npos; at = text.find("class=\"edge\"", at + 1))
    ++edges;
  CHECK(edges == 3);
  CHECK(text == graph_svg(made));
}

TEST_CASE("graph_svg: nothing is drawn of no nodes, of too many, and of too many edges") {
  auto made = document();
  made.nodes.clear();
  CHECK(graph_svg(made).empty());
  made.nodes.assign(kGraphNodesMax, node("n"));
  CHECK_FALSE(graph_svg(made).empty());
  made.nodes.push_back(node("n"));
  CHECK(graph_svg(made).empty());
  CHECK(holds(to_html(made), "too much to draw"));
  made.nodes.assign(kGraphNodesMax, node("n"));
  for (NodeIndex a = 0; a < 8; ++a)
    for (NodeIndex b = 8; b < 208; ++b) made.nodes[a].successors.push_back(b);
  CHECK(graph_svg(made).empty());
}

TEST_CASE("timeline_svg: bars stand where attempts ran; one without an end reaches to the last event") {
  auto made = document();
  CHECK(timeline_svg(made).empty());
  Attempt first;
  first.to = UtcTime{kSecond};
  first.end = "completed";
  Attempt second;
  second.from = {kSecond};
  second.end = "running";
  made.nodes[0].units.push_back({"a", {first}, {}, ""});
  made.nodes[1].units.push_back({"b", {second}, {}, ""});
  made.pauses.push_back({{0}, UtcTime{kSecond}});
  const auto text = timeline_svg(made);
  CHECK(holds(text, "<rect class=\"bar ok\" x=\"210.0\" y=\"27.0\" width=\"360.0\""));
  CHECK(holds(text, "<rect class=\"bar open\" x=\"570.0\" y=\"47.0\" width=\"360.0\""));
  CHECK(holds(text, "<rect class=\"pause\" x=\"210.0\""));
}

TEST_CASE("timeline_svg: rows beyond the limit are left out") {
  auto made = document();
  Attempt one;
  one.to = UtcTime{kSecond};
  made.nodes[0].units.assign(kTimelineRowsMax + 5, Unit{"row", {one}, {}, ""});
  const auto text = timeline_svg(made);
  std::size_t bars = 0;
  for (auto at = text.find("class=\"bar"); at != std::string::npos; at = text.find("class=\"bar", at + 1)) ++bars;
  CHECK(bars == kTimelineRowsMax);
}

}  // namespace hillstar::cli::doc
