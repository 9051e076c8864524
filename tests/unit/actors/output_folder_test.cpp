// SPDX-License-Identifier: Apache-2.0
#include "actors/output_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "actors/hillstar_export.hpp"
#include "tests/unit/runtime/platform/temp_folder.hpp"

using namespace hillstar;
using namespace hillstar::actors;
using Kind = run::FileOperation::Kind;

namespace {

run::FileOperation operation(Kind kind, std::string path, std::string text) {
  run::FileOperation made;
  made.kind = kind;
  made.path = std::move(path);
  made.text = std::move(text);
  return made;
}

}  // namespace

TEST_CASE("output folder: links that a script laid lead nowhere, neither in the folder nor to it") {
  const testing::TempFolder dir;
  const testing::TempFolder elsewhere;
  const auto folder = dir / ".hillstar";
  REQUIRE(write_operations(folder, {operation(Kind::make_folder, "traces", "")}, dir.path()));
  std::filesystem::create_directory_symlink(elsewhere.path(), folder + "/logs");
  const auto refused = write_operations(folder, {operation(Kind::append, "logs/l", "x")}, dir.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("symbolic link") != std::string::npos);
  CHECK(refused.error().where == folder + "/logs");
  std::filesystem::rename(folder, dir / "moved");
  std::filesystem::create_directory_symlink(elsewhere.path(), folder);
  CHECK_FALSE(write_operations(folder, {operation(Kind::append, "traces/t", "x")}, dir.path()));
  CHECK(std::filesystem::is_empty(elsewhere.path()));
  // Where no script has a say the person's own links are followed.
  CHECK(write_operations(folder, {operation(Kind::append, "traces/t", "x")}));
}

TEST_CASE("output folder: a folder that is held open stays the one, whatever its name leads to") {
  const testing::TempFolder dir;
  const testing::TempFolder elsewhere;
  const auto output = OutputFolder::open(dir / "out", dir.path());
  REQUIRE(output);
  std::filesystem::rename(dir / "out", dir / "moved");
  std::filesystem::create_directory_symlink(elsewhere.path(), dir / "out");
  REQUIRE(output->carry_out(operation(Kind::append, "traces/t", "x")));
  CHECK(std::filesystem::exists(dir / "moved/traces/t"));
  CHECK(std::filesystem::is_empty(elsewhere.path()));
}
