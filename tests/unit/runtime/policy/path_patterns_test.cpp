// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/path_patterns.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace hillstar::policy;

TEST_CASE("path patterns: without a slash the name counts, in any folder") {
  CHECK(fits_path("*.md", "README.md"));
  CHECK(fits_path("*.md", "notes/a/README.md"));
  CHECK_FALSE(fits_path("*.md", "README.md.bak"));
  CHECK_FALSE(fits_path("*.md", "a.md/code.py"));
  CHECK(fits_path("Makefile", "sub/Makefile"));
  CHECK_FALSE(fits_path("Makefile", "Makefile.am"));
  CHECK(fits_path("?.txt", "x/a.txt"));
  CHECK_FALSE(fits_path("?.txt", "ab.txt"));
  CHECK(fits_path("[a-c]x", "bx"));
  CHECK_FALSE(fits_path("[!a-c]x", "bx"));
  CHECK(fits_path("[]a]", "]"));
  CHECK(fits_path("a[", "a["));
  CHECK(fits_path("\\*", "*"));
  CHECK_FALSE(fits_path("\\*", "a"));
}

TEST_CASE("path patterns: with a slash the whole path counts") {
  CHECK(fits_path("notes/*.md", "notes/a.md"));
  CHECK_FALSE(fits_path("notes/*.md", "notes/a/b.md"));
  CHECK_FALSE(fits_path("notes/*.md", "x/notes/a.md"));
  CHECK(fits_path("notes/**", "notes/a/b.md"));
  CHECK_FALSE(fits_path("notes/**", "notes"));
  CHECK(fits_path("**/test/*", "test/a"));
  CHECK(fits_path("**/test/*", "x/y/test/a"));
  CHECK_FALSE(fits_path("**/test/*", "xtest/a"));
  CHECK(fits_path("a/**/b", "a/b"));
  CHECK(fits_path("a/**/b", "a/x/y/b"));
  CHECK(fits_path("/top.py", "top.py"));
  CHECK_FALSE(fits_path("/top.py", "sub/top.py"));
}

TEST_CASE("path patterns: a slash at the end means the folder and all below") {
  CHECK(fits_path("notes/", "notes/a.md"));
  CHECK(fits_path("notes/", "notes/a/b.md"));
  CHECK(fits_path("notes/", "x/notes/a"));
  CHECK_FALSE(fits_path("/notes/", "x/notes/a"));
  CHECK_FALSE(fits_path("notes/", "notes"));
  CHECK_FALSE(fits_path("notes/", "mynotes/a"));
}

TEST_CASE("path patterns: many stars take no longer than few") {
  const std::string text(4'000, 'a');
  std::string pattern;
  while (pattern.size() < kPathPatternMax - 1) pattern += "*a";
  CHECK(fits_path(pattern, text));
  CHECK_FALSE(fits_path(pattern.substr(0, kPathPatternMax - 2) + "b", text));
}

TEST_CASE("path patterns: what cannot be used is named") {
  CHECK(problem_with_pattern(""));
  CHECK(problem_with_pattern("/"));
  CHECK(problem_with_pattern("!*.py"));
  CHECK(problem_with_pattern("../x"));
  CHECK(problem_with_pattern("a/../x"));
  CHECK(problem_with_pattern(std::string(kPathPatternMax + 1, 'a')));
  CHECK_FALSE(problem_with_pattern(std::string(kPathPatternMax, 'a')));
  CHECK_FALSE(problem_with_pattern("*.py"));
}
