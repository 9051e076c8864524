// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/trusted_path.hpp"

#include <doctest/doctest.h>

#include "tests/unit/runtime/platform/temp_folder.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace fs = std::filesystem;

TEST_CASE("trusted_path: a path leads where the kernel says, dots and links and all") {
  TempFolder folder;
  fs::create_directories(folder / "a/b");
  put(folder / "a/b/file", "");
  fs::create_symlink("a/b", folder / "relative");
  fs::create_symlink(folder / "relative/../b/file", folder / "absolute");
  const auto file = folder / "a/b/file";
  for (const auto& path : {file, folder / "relative/file", folder / "absolute", folder / "a//./b/../b/file",
                           folder / "a/b/file/", "/.." + file})
    CHECK_MESSAGE(trusted_path(path, {}) == file, path);
  CHECK(trusted_path("/", {}) == "/");
  CHECK(trusted_path("/../..", {}) == "/");
}

TEST_CASE("trusted_path: a link in an untrusted folder leads nowhere, a folder there does") {
  TempFolder folder;
  fs::create_directories(folder / "work/sub");
  fs::create_directories(folder / "secret");
  fs::create_directory_symlink(folder / "secret", folder / "work/link");
  fs::create_directory_symlink(folder / "work", folder / "way");
  fs::create_directory_symlink("work/link", folder / "twice");
  const std::vector<std::string> untrusted{folder / "work"};
  CHECK(trusted_path(folder / "work/link", {}) == folder / "secret");
  for (const auto& path : {folder / "work/link", folder / "way/link", folder / "twice", folder / "way/sub/../link/"})
    CHECK_MESSAGE(!trusted_path(path, untrusted), path);
  CHECK(trusted_path(folder / "way/sub", untrusted) == folder / "work/sub");
  CHECK(trusted_path(folder / "way", untrusted) == folder / "work");
}

TEST_CASE("trusted_path: what is not there, and circles, lead nowhere") {
  TempFolder folder;
  fs::create_symlink("circle", folder / "circle");
  fs::create_symlink("nothing", folder / "dangling");
  for (const auto& path :
       {folder / "circle", folder / "dangling", folder / "x", std::string("relative"), std::string()})
    CHECK_MESSAGE(!trusted_path(path, {}), path);
}
