// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/estimate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "runtime/workflow/compile.hpp"

using namespace hillstar;
using policy::NodeEstimate;

namespace {

workflow::Plan plan_of(const std::string& nodes, const std::string& more = "") {
  auto compiled = workflow::compile(R"({"id":"w","graph":{"nodes":)" + nodes + R"(,"edges":[])" + more + "}}");
  for (const auto& diagnostic : compiled.diagnostics) INFO(workflow::to_string(diagnostic, "w"));
  REQUIRE(compiled.plan.has_value());
  return *std::move(compiled.plan);
}

/// Every model call at one dollar per million tokens in, and two out, with a context of 10,000.
std::vector<NodeEstimate> estimates(const workflow::Plan& plan, const char* inputs = "{}") {
  std::vector<policy::PlannedCall> calls;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    if (plan.nodes[i].tool != "model_call") continue;
    policy::Backend backend;
    backend.prices = policy::ModelPrices{1'000'000, 2'000'000, {}, {}};
    backend.context_tokens = 10'000;
    calls.push_back({i, backend});
  }
  return policy::estimate(plan, calls, Json::of(boost::json::parse(inputs)));
}

constexpr const char* kAsk = R"("tool":"model_call","provider":"local","parameters":{"max_tokens":100},"retry":1)";

}  // namespace

TEST_CASE("estimate: text that is known is bounded from both sides") {
  const auto found = estimates(plan_of(std::string(R"({"a":{)") + kAsk + R"(,"input":"12345678"}})"));
  REQUIRE(found.size() == 1);
  CHECK(found[0].calls_low == 1);
  CHECK(found[0].calls_high == 1);
  CHECK(found[0].input_low == 2);
  CHECK(found[0].input_high == 8);
  CHECK(found[0].output_high == 100);
  CHECK(found[0].low == MicroUsd{2});
  CHECK(found[0].high == MicroUsd{208});
}

TEST_CASE("estimate: a model's output counts its longest reply, other text fills the context") {
  const auto found =
      estimates(plan_of(std::string(R"({"a":{)") + kAsk + R"(,"input":"1234"},"b":{)" + kAsk +
                        R"(,"input":"{{ a.output }}"},"s":{"tool":"script_run","parameters":{"script":"true"}},"c":{)" +
                        kAsk + R"(,"input":"{{ s.output }}"}})"));
  REQUIRE(found.size() == 3);
  for (const auto& one : found) {
    if (one.input_low == 1) continue;
    CHECK(one.input_low == 0);
    CHECK((one.input_high == 100 || one.input_high == 9'900));
  }
}

TEST_CASE("estimate: retries, loops and maps multiply") {
  const auto retried = estimates(plan_of(
      R"({"a":{"tool":"model_call","provider":"local","parameters":{"max_tokens":100},"input":"1234","retry":3}})"));
  CHECK(retried[0].calls_low == 1);
  CHECK(retried[0].calls_high == 3);
  CHECK(retried[0].high == MicroUsd{3 * 204});
  const auto mapped =
      estimates(plan_of(std::string(R"({"a":{)") + kAsk + R"(,"input":"{{ item }}","for_each":[1,2,3,4]}})"));
  CHECK(mapped[0].calls_high == 4);
  CHECK(mapped[0].items_known);
  const auto looped =
      estimates(plan_of(std::string(R"({"a":{)") + kAsk + R"(,"input":"1234"}})",
                        R"(,"loops":[{"id":"l","body":["a"],"max_attempts":3,"until":{"node":"a","contains":"ok"}}])"));
  REQUIRE(looped.size() == 3);
  CHECK(looped[0].calls_low == 1);
  CHECK(looped[1].calls_low == 0);
  CHECK(looped[2].low == MicroUsd{0});
  CHECK(looped[2].high == MicroUsd{204});
}

TEST_CASE("estimate: inputs that are given are known") {
  auto compiled = workflow::compile(
      R"({"id":"w","inputs":{"list":{"type":"array"},"text":{"type":"string"}},"graph":{"nodes":{
      "a":{"tool":"model_call",
      "provider":"local","retry":1,
      "input":"{{ inputs.text }}{{ item }}","for_each":"{{ inputs.list }}"}},"edges":[]}})");
  REQUIRE(compiled.plan.has_value());
  const auto known = estimates(*compiled.plan, R"({"list":[1,2],"text":"12345678"})");
  CHECK(known[0].items_known);
  CHECK(known[0].calls_high == 2);
  CHECK(known[0].input_low == 2);
  CHECK(known[0].output_high == 4096);
  const auto unknown = estimates(*compiled.plan);
  CHECK_FALSE(unknown[0].items_known);
  CHECK(unknown[0].calls_low == 0);
  CHECK(unknown[0].calls_high == 1);
}

TEST_CASE("estimate: without a price or a bound it says so") {
  const auto plan = plan_of(R"({"a":{"tool":"model_call","provider":"local","input":"x"},
    "s":{"tool":"script_run","parameters":{"script":"true"}},
    "b":{"tool":"model_call","provider":"local","input":"{{ s.output }}"}})");
  std::vector<policy::PlannedCall> calls;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i)
    if (plan.nodes[i].tool == "model_call") calls.push_back({i, policy::Backend{}});
  for (const auto& one : policy::estimate(plan, calls, Json())) {
    CHECK_FALSE(one.low.has_value());
    CHECK_FALSE(one.high.has_value());
    CHECK(one.input_high.has_value() == (plan.nodes[one.node].id.str() == "a"));
  }
}
TEST_CASE("estimate: images count for all they can be, tools and schemas for their text, a mended reply again") {
  const auto one = [](const std::string& parameters, const std::string& input) {
    return estimates(plan_of(R"({"a":{"tool":"model_call","provider":"local","retry":1,"input":)" + input +
                             R"(,"parameters":{"max_tokens":100)" + parameters + "}}}"),
                     "{}")
        .front();
  };
  const auto plain = one("", R"("12345678")");
  CHECK(one(R"(,"images":["a.png"])", R"("12345678")").input_high == 9'900);  // the room of the context
  CHECK(one(R"(,"tools":[{"name":"t"}])", R"("12345678")").input_high == *plain.input_high + 14);
  const auto mended = one(R"(,"schema":{})", R"("12345678")");
  CHECK(mended.calls_high == 2);
  CHECK(mended.input_high == *plain.input_high + 2 + 100 + 1'024);
  CHECK(one(R"(,"schema":{},"repair":0)", R"("12345678")").calls_high == 1);
}

TEST_CASE("estimate: how often a node is made is known, unless a list is not") {
  auto compiled = workflow::compile(
      R"({"id":"w","inputs":{"list":{"type":"array"}},"graph":{"nodes":{
      "once":{"tool":"script_run","parameters":{"script":"true"}},
      "again":{"tool":"script_run","parameters":{"script":"true"},"retry":3},
      "each":{"tool":"script_run","parameters":{"script":"true"},"for_each":["a","b"],"retry":3},
      "named":{"tool":"script_run","parameters":{"script":"true"},"for_each":"{{ inputs.list }}"},
      "perhaps":{"tool":"script_run","parameters":{"script":"true"},"when":{"node":"once","status":"failed"}}},
      "edges":[]}})");
  REQUIRE(compiled.plan.has_value());
  const auto of = [&](const std::string& id, const char* inputs = "{}") {
    const auto& nodes = compiled.plan->nodes;
    const auto node = std::find_if(nodes.begin(), nodes.end(), [&](const auto& one) { return one.id.str() == id; });
    const auto found = policy::occasions_of(*compiled.plan, static_cast<NodeIndex>(node - nodes.begin()),
                                            Json::of(boost::json::parse(inputs)));
    return std::to_string(found.low) + ".." + (found.high ? std::to_string(*found.high) : "?");
  };
  CHECK(of("once") == "1..1");
  CHECK(of("again") == "1..3");
  CHECK(of("each") == "2..6");
  CHECK(of("named") == "0..?");
  CHECK(of("named", R"({"list":[1,2,3]})") == "3..3");
  CHECK(of("named", R"({"list":[]})") == "0..0");
  CHECK(of("perhaps") == "0..1");
}

TEST_CASE("estimate: what is more than any amount is the largest one") {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(policy::times({3}, 4).count == 12);
  CHECK(policy::times({kMost}, 2).count == kMost);
  CHECK(policy::times({kMost}, std::numeric_limits<std::uint64_t>::max()).count == kMost);
  CHECK(policy::plus({1}, {2}).count == 3);
  CHECK(policy::plus({kMost}, {kMost}).count == kMost);
}
