// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/git_query.hpp"

#include <doctest/doctest.h>

#include "tests/unit/runtime/platform/temp_folder.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

std::vector<std::string> surroundings(const TempFolder& home) {
  return {"PATH=/usr/bin:/bin", "HOME=" + home.path(), "GIT_CONFIG_NOSYSTEM=1",
          "GIT_CEILING_DIRECTORIES=" + home.path()};
}

}  // namespace

TEST_CASE("git query: no repository, one without commits, one with") {
  const TempFolder folder;
  const auto environment = surroundings(folder);
  const auto none = git_place(folder.path(), environment);
  REQUIRE(none);
  CHECK_FALSE(*none);
  REQUIRE(ask_git(folder.path(), {"init", "-q"}, environment));
  const auto unborn = git_place(folder.path(), environment);
  REQUIRE(unborn);
  REQUIRE(*unborn);
  CHECK((*unborn)->folder == folder / ".git");
  CHECK((*unborn)->head.empty());
  const auto made =
      ask_git(folder.path(),
              {"-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "begin"}, environment);
  REQUIRE(made);
  REQUIRE(made->code == 0);
  const auto born = git_place(folder.path(), environment);
  REQUIRE(born);
  REQUIRE(*born);
  CHECK((*born)->head.size() == 40);
  put(folder / ".git/HEAD", "nonsense");
  const auto broken = git_place(folder.path(), environment);
  CHECK((!broken || !*broken));
}

TEST_CASE("git query: no git, no folder") {
  const TempFolder folder;
  const auto no_git = git_place(folder.path(), {"PATH=" + folder.path()});
  REQUIRE_FALSE(no_git);
  CHECK(no_git.error().message.find("not installed") != std::string::npos);
  CHECK_FALSE(git_place(folder / "gone", surroundings(folder)));
}

TEST_CASE("git query: variables of a hook are taken away, others stay") {
  CHECK(without_git_variables({"A=1", "GIT_DIR=x", "GITHUB=y"}) == std::vector<std::string>{"A=1", "GITHUB=y"});
}
