// SPDX-License-Identifier: Apache-2.0
// Lengths, first lines, banned words: the rules of docs/internals/style.md that text alone can show.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "tests/tidy/functions.hpp"
#include "tests/tidy/source_tree.hpp"

namespace hillstar::tidy {
namespace {

constexpr std::size_t kColumnsMax = 120;
constexpr std::size_t kHeaderLinesMax = 300;
constexpr std::size_t kSourceLinesMax = 400;
constexpr std::size_t kFunctionLinesMax = 70;

/// The files that spell out what is banned.
bool lists_banned_words(const SourceFile& file) { return file.in("tests/tidy"); }

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// True if the block behind `catch (...)` throws again, or a comment there says why it does not.
bool explains_catch(const SourceFile& file, std::size_t at) {
  const auto end = std::min(at + 3, file.lines.size());
  for (auto i = at > 0 ? at - 1 : at; i < end; ++i) {
    if (contains(file.lines[i], "//") || contains(file.lines[i], "throw;") ||
        contains(file.lines[i], "current_exception"))
      return true;
  }
  return false;
}

/// A TODO that names no number: nobody will find it again.
bool is_unnumbered_todo(std::string_view line) {
  const auto at = line.find("TODO");
  if (at == std::string_view::npos) return false;
  const auto rest = line.substr(at + 4);
  return !(rest.starts_with("(#") && rest.size() > 2 && std::isdigit(static_cast<unsigned char>(rest[2])) != 0);
}

}  // namespace

TEST_CASE("source: every file starts with its licence") {
  Findings findings;
  for (const auto& file : source_tree()) {
    if (!file.is_cpp() && !file.is_script()) continue;
    const std::size_t line = !file.lines.empty() && file.lines[0].starts_with("#!") ? 1 : 0;
    const std::string_view start = file.is_cpp() ? "// " : "# ";
    const auto expected = std::string(start) + "SPDX-License-Identifier: Apache-2.0";
    if (file.lines.size() <= line || file.lines[line] != expected) findings.add(file, line, "no `" + expected + "`");
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("source: lines fit in 120 columns") {
  Findings findings;
  for (const auto& file : source_tree()) {
    if (!file.is_cpp()) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (columns(file.lines[i]) > kColumnsMax)
        findings.add(file, i, std::to_string(columns(file.lines[i])) + " columns");
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("source: headers have at most 300 lines, sources 400") {
  Findings findings;
  for (const auto& file : source_tree()) {
    if (!file.is_cpp()) continue;
    const auto most = file.is_header() ? kHeaderLinesMax : kSourceLinesMax;
    if (file.lines.size() > most) findings.add(file, most, std::to_string(file.lines.size()) + " lines: split it");
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("source: functions have at most 70 lines") {
  Findings findings;
  for (const auto& file : source_tree()) {
    // Peers' drivers are programs of one function, kept as they were measured.
    if (!file.is_cpp() || file.path.starts_with("tests/bench/peers/")) continue;
    for (const auto& function : functions_of(file.lines)) {
      if (function.lines() > kFunctionLinesMax)
        findings.add(file, function.first, std::to_string(function.lines()) + " lines: " + function.head);
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("source: no tabs and no blanks at the end of lines") {
  Findings findings;
  for (const auto& file : source_tree()) {
    if (!file.is_cpp() && !file.is_script() && !file.is_doc()) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (contains(file.lines[i], "\t")) findings.add(file, i, "a tab");
      if (file.lines[i].ends_with(' ')) findings.add(file, i, "a blank at the end");
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("source: banned code is absent") {
  constexpr std::array kBanned = {"/home/runner/", "ai assistant", "co-authored-by",     "fixme",
                                  "chatgpt wrote", "lorem ipsum",  "not implemented yet"};
  Findings findings;
  for (const auto& file : source_tree()) {
    if (!file.is_cpp() || lists_banned_words(file)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto& line = file.lines[i];
      for (const auto* word : kBanned) {
        if (contains(code_of(line), word)) findings.add(file, i, word);
      }
      if (contains(line, "catch (...)") && !explains_catch(file, i))
        findings.add(file, i, "catch (...) neither throws again nor says why not");
      if (is_unnumbered_todo(line)) findings.add(file, i, "TODO without a number");
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("source: the project speaks of itself alone") {
  constexpr std::array kBanned = {
      "/work/",         "/tmp/helpers", "this session",       "ai assistant", "coding agent",
      "co-authored-by", "workplace",    "another helper",     "fixme",        "the issue says",
      "chatgpt wrote",  "lorem ipsum",  "not implemented yet"};
  Findings findings;
  for (const auto& file : source_tree()) {
    if (lists_banned_words(file)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto line = lower(file.lines[i]);
      for (const auto* word : kBanned) {
        if (contains(line, word)) findings.add(file, i, word);
      }
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("source: somebody includes every header") {
  std::set<std::string> included;
  for (const auto& file : source_tree()) {
    if (!file.is_cpp()) continue;
    for (const auto& line : file.lines) {
      if (!line.starts_with("#include \"")) continue;
      included.insert(line.substr(10, line.find('"', 10) - 10));
    }
  }
  Findings findings;
  for (const auto& file : source_tree()) {
    if (file.is_header() && !included.contains(file.path)) findings.add(file, 0, "nobody includes it");
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

}  // namespace hillstar::tidy
