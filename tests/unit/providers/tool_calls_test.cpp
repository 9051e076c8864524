// SPDX-License-Identifier: Apache-2.0
#include "providers/tool_calls.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar;
using namespace hillstar::providers;
namespace bj = boost::json;

TEST_CASE("tool calls: pieces belong to their index, however they are mixed") {
  ToolCalls calls;
  const bj::value a1 = R"({"a":)", a2 = "1}", b1 = R"({"b")", b2 = ":2}", nothing = "";
  calls.add({0, "call_A", "f", &nothing});
  calls.add({1, "call_B", "g", &b1});
  calls.add({0, "", "", &a1});
  calls.add({1, "", "", &b2});
  calls.add({0, "call_A", "f", &a2});
  const auto made = calls.finished("r");
  REQUIRE(made.size() == 2);
  CHECK(made[0].id == "call_A");
  CHECK(made[0].name == "f");
  CHECK(made[0].arguments.text() == R"({"a":1})");
  CHECK(made[1].arguments.text() == R"({"b":2})");
}

TEST_CASE("tool calls: servers that number badly or not at all are understood") {
  ToolCalls zeros;
  const bj::value object = bj::object{{"a", 1}}, text = R"({"b":2})", rest = R"({"c":3})";
  zeros.add({0, "x", "f", &object});
  zeros.add({0, "y", "g", &text});
  CHECK(zeros.finished("").size() == 2);
  ToolCalls bare;
  bare.add({std::nullopt, "", "f", &object});
  bare.add({std::nullopt, "", "g", nullptr});
  bare.add({std::nullopt, "", "", &rest});
  bare.add({std::nullopt, "z", "", nullptr});
  const auto made = bare.finished("");
  REQUIRE(made.size() == 2);
  CHECK(made[0].arguments.text() == R"({"a":1})");
  CHECK(made[1].arguments.text() == R"({"c":3})");
}

TEST_CASE("tool calls: missing and doubled ids are minted, short and unlike those of other replies") {
  ToolCalls calls;
  for (const char* id : {"", "same", "same", ""}) calls.add_whole({std::nullopt, id, "f", nullptr});
  calls.add_whole({std::nullopt, "nameless", "", nullptr});
  const auto made = calls.finished("reply");
  REQUIRE(made.size() == 4);
  CHECK(made[1].id == "same");
  for (std::size_t i : {0, 2, 3}) {
    CHECK(made[i].id.size() == 9);
    for (std::size_t j = 0; j < i; ++j) CHECK(made[i].id != made[j].id);
  }
  CHECK(made[0].arguments.text() == "{}");
  CHECK(calls.finished("reply")[0].id == made[0].id);
  CHECK(calls.finished("other")[0].id != made[0].id);
}

TEST_CASE("tool calls: their number is bounded, and arguments that are no object stay text") {
  ToolCalls calls;
  const bj::value broken = "{oops";
  for (std::size_t i = 0; i <= kToolCallsMax; ++i) {
    CHECK_FALSE(calls.overflowed());
    calls.add({i, "", "f", &broken});
  }
  CHECK(calls.overflowed());
  const auto made = calls.finished("");
  CHECK(made.size() == kToolCallsMax);
  CHECK(made[0].arguments.text() == "\"{oops\"");
}
