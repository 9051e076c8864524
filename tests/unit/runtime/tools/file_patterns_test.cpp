// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/file_patterns.hpp"

#include <doctest/doctest.h>

#include "tests/unit/runtime/platform/temp_folder.hpp"

using namespace hillstar;
using namespace hillstar::testing;
namespace fs = std::filesystem;

namespace {

using Paths = std::vector<std::string>;

void put(const TempFolder& folder, const std::string& path) {
  const auto whole = fs::path(folder.path()) / path;
  fs::create_directories(whole.parent_path());
  std::ofstream(whole) << path;
}

Paths found(const TempFolder& folder, const Paths& patterns) {
  const auto files = tools::find_files(folder.path(), patterns);
  if (!files) return {number(files.error().code)};
  return *files;
}

TEST_CASE("file patterns: a path that somebody says is named by a pattern, or not") {
  const std::vector<std::string> patterns{"out/*", "model/**", "*.csv"};
  CHECK(tools::names_file(patterns, "out/a.txt"));
  CHECK(tools::names_file(patterns, "model/deep/er.bin"));
  CHECK(tools::names_file(patterns, "table.csv"));
  for (const auto* path : {"", "out", "out/", "out/a/b", "out/../x", "../out/a", "/out/a", "sub/table.csv", "out/.ssh",
                           "model//x", "./out/a"}) {
    CAPTURE(path);
    CHECK_FALSE(tools::names_file(patterns, path));
  }
  CHECK_FALSE(tools::names_file({}, "a"));
}

}  // namespace

TEST_CASE("file patterns: a pattern counts from the workspace") {
  const TempFolder folder;
  for (const auto* path : {"a.csv", "b.csv", "data/a.csv", "data/deep/c.csv", "data/deep/d.txt", "other/e.csv"})
    put(folder, path);
  CHECK(found(folder, {"*.csv"}) == Paths{"a.csv", "b.csv"});
  CHECK(found(folder, {"a.csv"}) == Paths{"a.csv"});
  CHECK(found(folder, {"data/*.csv"}) == Paths{"data/a.csv"});
  CHECK(found(folder, {"data/**"}) == Paths{"data/a.csv", "data/deep/c.csv", "data/deep/d.txt"});
  CHECK(found(folder, {"data/"}) == Paths{"data/a.csv", "data/deep/c.csv", "data/deep/d.txt"});
  CHECK(found(folder, {"**/*.csv"}) == Paths{"a.csv", "b.csv", "data/a.csv", "data/deep/c.csv", "other/e.csv"});
  CHECK(found(folder, {"*/[ac].csv", "?.csv"}) == Paths{"a.csv", "b.csv", "data/a.csv"});
  CHECK(found(folder, {"b.csv", "a.csv", "*.csv"}) == Paths{"a.csv", "b.csv"});
  CHECK(found(folder, {}).empty());
}

TEST_CASE("file patterns: wildcards may find nothing, a path must be there") {
  const TempFolder folder;
  put(folder, "data/a.csv");
  CHECK(found(folder, {"*.csv"}).empty());
  CHECK(found(folder, {"none/*.csv"}).empty());
  CHECK(found(folder, {"none/"}).empty());
  CHECK(found(folder, {"none.csv"}) == Paths{number(Errc::not_found)});
  CHECK(found(folder, {"none/a.csv"}) == Paths{number(Errc::not_found)});
  CHECK(found(folder, {"data/a.csv/b"}) == Paths{number(Errc::not_found)});
  CHECK(found(folder, {"data"}) == Paths{number(Errc::not_found)});
  CHECK_FALSE(tools::find_files(folder.path() + "/none", {"*"}));
}

TEST_CASE("file patterns: links are neither followed nor found") {
  const TempFolder folder;
  const TempFolder outside;
  put(folder, "data/a.csv");
  put(outside, "secret.csv");
  fs::create_symlink(outside.path(), fs::path(folder.path()) / "out");
  fs::create_symlink(outside.path() + "/secret.csv", fs::path(folder.path()) / "link.csv");
  fs::create_symlink("..", fs::path(folder.path()) / "data" / "up");
  CHECK(found(folder, {"**"}) == Paths{"data/a.csv"});
  CHECK(found(folder, {"out/"}).empty());
  CHECK(found(folder, {"out/secret.csv"}) == Paths{number(Errc::not_found)});
  CHECK(found(folder, {"link.csv"}) == Paths{number(Errc::not_found)});
}

TEST_CASE("file patterns: hidden names are found by patterns with a dot alone") {
  const TempFolder folder;
  put(folder, ".git/config");
  put(folder, "a/.env");
  put(folder, "a/b");
  CHECK(found(folder, {"**"}) == Paths{"a/b"});
  CHECK(found(folder, {"a/.env"}) == Paths{"a/.env"});
  CHECK(found(folder, {"**/.env"}) == Paths{"a/.env"});
  CHECK(found(folder, {".git/"}) == Paths{".git/config"});
}

TEST_CASE("file patterns: what leads out of the workspace is refused") {
  const TempFolder folder;
  put(folder, "a");
  const auto refused = Paths{number(Errc::tool_parameters)};
  for (const auto& pattern :
       {std::string("/a"), std::string("../a"), std::string("a/../a"), std::string("a/.."), std::string("./a"),
        std::string("a//b"), std::string(), std::string("a\0b", 3), std::string(1'000, 'a')})
    CHECK(found(folder, {pattern}) == refused);
}

TEST_CASE("file patterns: as many files as may be, and as deep") {
  const TempFolder folder;
  fs::create_directories(fs::path(folder.path()) / "many");
  for (std::size_t i = 0; i < tools::kFoundFilesMax; ++i)
    std::ofstream(fs::path(folder.path()) / "many" / std::to_string(i)).flush();
  CHECK(found(folder, {"many/*"}).size() == tools::kFoundFilesMax);
  put(folder, "one");
  CHECK(found(folder, {"many/*", "one"}) == Paths{number(Errc::blob_transfer)});
  std::string path = "deep/";
  for (std::size_t i = 1; i < tools::kFolderDepthMax; ++i) path += "d/";
  put(folder, path + "x");
  CHECK(found(folder, {"deep/**"}) == Paths{path + "x"});
  put(folder, path + "d/x");
  CHECK(found(folder, {"deep/**"}) == Paths{number(Errc::blob_transfer)});
}
