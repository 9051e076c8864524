// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/environment.hpp"

#include <doctest/doctest.h>

namespace hillstar::cli {

TEST_CASE("environment: variables of a file never replace what is set") {
  std::vector<std::string> variables{"KEY=operator", "EMPTY="};
  add_variables(variables, "# comment\nKEY=file\r\nEMPTY=x\nexport NEW = \"a b\"\nSINGLE='c'\n=bad\nbad\nURL=a=b");
  CHECK(variable(variables, "KEY") == "operator");
  CHECK(variable(variables, "EMPTY") == "");
  CHECK(variable(variables, "NEW") == "a b");
  CHECK(variable(variables, "SINGLE") == "c");
  CHECK(variable(variables, "URL") == "a=b");
  CHECK(variables.size() == 5);
  CHECK_FALSE(variable(variables, "KE"));
}

TEST_CASE("environment: paths are made absolute without dots and slashes at the end") {
  CHECK(absolute_path("/a/./b/../c/") == "/a/c");
  CHECK(absolute_path("/") == "/");
  CHECK(absolute_path("x").front() == '/');
}

TEST_CASE("read_file: missing, unreadable and too large are told apart") {
  CHECK(read_file("/nonexistent/file", Errc::io, 10).error().code == Errc::not_found);
  CHECK(read_file("/", Errc::workflow_file, 10).error().code == Errc::workflow_file);
  CHECK(read_file("/proc/self/status", Errc::io, 10).error().code == Errc::io);
}

}  // namespace hillstar::cli
