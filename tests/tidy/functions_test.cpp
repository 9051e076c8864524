// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/functions.hpp"

#include <doctest/doctest.h>

#include <sstream>

namespace hillstar::tidy {
namespace {

std::vector<Function> find(const char* text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return functions_of(lines);
}

}  // namespace

TEST_CASE("functions: a function counts from its head to its closing brace") {
  const auto found = find("namespace a {\n\nint twice(int n,\n          int m) {\n  return n;\n}\n}\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].head == "int twice(int n,");
  CHECK(found[0].lines() == 4);
}

TEST_CASE("functions: initialisers before the body do not end a constructor") {
  const auto found = find("A::A(int n) : n_{n}, m_({n, 2}) {\n  if (n) {\n    m();\n  }\n}\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].lines() == 5);
}

TEST_CASE("functions: braces in literals, comments and raw strings do not count") {
  const auto found = find("int f() {\n  g(\"{\", '{');  // {\n  h(R\"({{\n{ {\n)\");\n}\nint k() { return 1; }\n");
  REQUIRE(found.size() == 2);
  CHECK(found[0].lines() == 6);
  CHECK(found[1].lines() == 1);
}

TEST_CASE("functions: types and tables are none, their members are") {
  const auto found =
      find("struct A {\n  int n = 0;\n  int f() const { return n; }\n};\nconst int kTable[] = {\n  1,\n};\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].head == "  int f() const { return n; }");
}

}  // namespace hillstar::tidy
