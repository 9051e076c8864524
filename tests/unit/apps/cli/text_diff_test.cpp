// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/text_diff.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

using namespace hillstar::cli;

using Lines = std::vector<std::string>;

TEST_CASE("text diff: equal texts have none") {
  CHECK(unified_diff("", "", 10).empty());
  CHECK(unified_diff("a\nb\n", "a\nb\n", 10).empty());
}

TEST_CASE("text diff: changed, added and removed lines with two around them") {
  CHECK(unified_diff("1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\nfour\n5\n6\n7\n", 20) ==
        Lines{"@@ -2,5 +2,5 @@", " 2", " 3", "-4", "+four", " 5", " 6"});
  CHECK(unified_diff("a\n", "a\nb\n", 20) == Lines{"@@ -1,1 +1,2 @@", " a", "+b"});
  CHECK(unified_diff("a\nb\n", "b\n", 20) == Lines{"@@ -1,2 +1,1 @@", "-a", " b"});
  CHECK(unified_diff("", "a", 20) == Lines{"@@ -1,0 +1,1 @@", "+a"});
  CHECK(unified_diff("a\n", "a", 20) == Lines{"only the newline at the end differs"});
}

TEST_CASE("text diff: pieces far apart are shown apart") {
  const auto lines = unified_diff("x\n1\n2\n3\n4\n5\n6\ny\n", "X\n1\n2\n3\n4\n5\n6\nY\n", 20);
  CHECK(lines.size() == 10);
  CHECK(lines[5] == "@@ -6,3 +6,3 @@");
}

TEST_CASE("text diff: no more lines than asked for, and texts too large to compare are exchanged whole") {
  CHECK(unified_diff("a\nb\nc\n", "d\ne\nf\n", 3) == Lines{"@@ -1,3 +1,3 @@", "-a", "-b", "... 4 more lines"});
  std::string large;
  std::string other;
  for (int i = 0; i < 3'000; ++i) {
    large += "a" + std::to_string(i) + "\n";
    other += "b" + std::to_string(i) + "\n";
  }
  CHECK(unified_diff(large, other, 10'000).size() == 6'001);
}

TEST_CASE("text diff: JSON in lines") {
  CHECK(pretty(boost::json::parse(R"({"b":[1,{}],"a":"x","e":[]})")) ==
        "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": \"x\",\n  \"e\": []\n}");
}
