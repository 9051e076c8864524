// SPDX-License-Identifier: Apache-2.0
#include "actors/output_folder.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "actors/hillstar_export.hpp"

using namespace hillstar;
using namespace hillstar::actors;
using Kind = run::FileOperation::Kind;

namespace {

struct TempDir {
  TempDir() {
    auto pattern = (std::filesystem::temp_directory_path() / "hillstar_output_XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::string path;
};

run::FileOperation operation(Kind kind, std::string path, std::string text) {
  run::FileOperation made;
  made.kind = kind;
  made.path = std::move(path);
  made.text = std::move(text);
  return made;
}

}  // namespace

TEST_CASE("output folder: links that a script laid lead nowhere, neither in the folder nor to it") {
  const TempDir dir;
  const TempDir elsewhere;
  const auto folder = dir / ".hillstar";
  REQUIRE(write_operations(folder, {operation(Kind::make_folder, "traces", "")}, dir.path));
  std::filesystem::create_directory_symlink(elsewhere.path, folder + "/logs");
  const auto refused = write_operations(folder, {operation(Kind::append, "logs/l", "x")}, dir.path);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("symbolic link") != std::string::npos);
  CHECK(refused.error().where == folder + "/logs");
  std::filesystem::rename(folder, dir / "moved");
  std::filesystem::create_directory_symlink(elsewhere.path, folder);
  CHECK_FALSE(write_operations(folder, {operation(Kind::append, "traces/t", "x")}, dir.path));
  CHECK(std::filesystem::is_empty(elsewhere.path));
  // Where no script has a say the person's own links are followed.
  CHECK(write_operations(folder, {operation(Kind::append, "traces/t", "x")}));
}

TEST_CASE("output folder: a folder that is held open stays the one, whatever its name leads to") {
  const TempDir dir;
  const TempDir elsewhere;
  const auto output = OutputFolder::open(dir / "out", dir.path);
  REQUIRE(output);
  std::filesystem::rename(dir / "out", dir / "moved");
  std::filesystem::create_directory_symlink(elsewhere.path, dir / "out");
  REQUIRE(output->carry_out(operation(Kind::append, "traces/t", "x")));
  CHECK(std::filesystem::exists(dir / "moved/traces/t"));
  CHECK(std::filesystem::is_empty(elsewhere.path));
}
