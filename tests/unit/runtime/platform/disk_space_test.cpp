// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/disk_space.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace hillstar;

TEST_CASE("free_bytes: of a folder, and of one that is not there yet") {
  const auto temporary = std::filesystem::temp_directory_path().string();
  const auto here = free_bytes(temporary);
  REQUIRE(here);
  CHECK(*here > 0);
  CHECK(free_bytes(temporary + "/not/there/yet"));
  CHECK(free_bytes(""));
}

TEST_CASE("free_bytes: a path that leads through a file is an error that names it") {
  const auto asked = free_bytes("/proc/self/status/below");
  REQUIRE(!asked);
  CHECK(asked.error().code == Errc::io);
  CHECK(asked.error().where == "/proc/self/status/below");
}
