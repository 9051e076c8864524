// SPDX-License-Identifier: Apache-2.0
// Documentation that cannot lie about names: links lead somewhere, every error has a page, every example is used.
#include <doctest/doctest.h>

#include <cctype>
#include <map>
#include <set>

#include "tests/tidy/source_tree.hpp"

namespace hillstar::tidy {
namespace {

constexpr std::size_t kReadmeLinesMax = 120;

const SourceFile* find(std::string_view path) {
  for (const auto& file : source_tree()) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

/// `HS112` -> name, from the enum in messages/error.hpp.
std::map<std::string, std::string> error_numbers() {
  std::map<std::string, std::string> numbers;
  const auto* header = find("messages/error.hpp");
  REQUIRE(header != nullptr);
  bool inside = false;
  for (const auto& line : header->lines) {
    if (contains(line, "enum class Errc")) inside = true;
    if (inside && contains(line, "};")) break;
    const auto equals = line.find(" = ");
    if (!inside || equals == std::string::npos || contains(line.substr(0, equals), "//")) continue;
    const auto name_start = line.find_first_not_of(' ');
    const auto digits = line.substr(equals + 3, line.find(',', equals) - equals - 3);
    numbers["HS" + digits] = line.substr(name_start, equals - name_start);
  }
  return numbers;
}

/// `docs/a/../b.md` -> `docs/b.md`.
std::string tidy_path(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  std::string result;
  for (const auto& part : parts) result += (result.empty() ? "" : "/") + part;
  return result;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

/// GitHub's name for a heading: lower case, blanks as dashes, no punctuation.
std::string anchor_of(std::string_view heading) {
  heading.remove_prefix(heading.find_first_not_of("# "));
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '_' || c == '-') anchor += static_cast<char>(std::tolower(byte));
    if (c == ' ') anchor += '-';
  }
  return anchor;
}

bool has_anchor(const SourceFile& file, const std::string& anchor) {
  bool fenced = false;
  for (const auto& line : file.lines) {
    if (line.starts_with("```")) fenced = !fenced;
    if (!fenced && line.starts_with("#") && contains(line, " ") && anchor_of(line) == anchor) return true;
  }
  return false;
}

/// Says what is wrong with a link of `file`, or nothing.
std::string problem_with(const SourceFile& file, const std::string& target) {
  if (target.starts_with("http://") || target.starts_with("https://") || target.starts_with("mailto:")) return {};
  const auto hash = target.find('#');
  const auto path = hash == 0 ? file.path : tidy_path(folder_of(file.path) + target.substr(0, hash));
  if (!exists(path)) return "no such file: " + path;
  if (hash == std::string::npos || !path.ends_with(".md")) return {};
  const auto* page = find(path);
  if (page != nullptr && !has_anchor(*page, target.substr(hash + 1))) return "no such heading: " + target;
  return {};
}

}  // namespace

TEST_CASE("docs: links lead to files and headings that exist") {
  Findings findings;
  for (const auto& file : source_tree()) {
    if (!file.is_doc()) continue;
    bool fenced = false;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto& line = file.lines[i];
      if (line.starts_with("```")) fenced = !fenced;
      if (fenced) continue;
      for (auto at = line.find("]("); at != std::string::npos; at = line.find("](", at + 1)) {
        const auto end = line.find(')', at);
        if (end == std::string::npos) break;
        const auto problem = problem_with(file, line.substr(at + 2, end - at - 2));
        if (!problem.empty()) findings.add(file, i, problem);
      }
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("docs: pages that code and scripts name exist") {
  Findings findings;
  for (const auto& file : source_tree()) {
    if (file.is_doc() || file.in("tests/tidy")) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto& line = file.lines[i];
      for (auto at = line.find("docs/"); at != std::string::npos; at = line.find("docs/", at + 1)) {
        if (at > 0 && line[at - 1] == '/') continue;  // A part of somebody else's address.
        const auto end =
            line.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/.", at);
        auto path = line.substr(at, end == std::string::npos ? end : end - at);
        while (path.ends_with('.')) path.pop_back();
        if (path.ends_with(".md") && !exists(path)) findings.add(file, i, "no such page: " + path);
      }
    }
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("docs: every error number has a page, and every page a number") {
  const auto numbers = error_numbers();
  REQUIRE(numbers.size() > 30);
  Findings findings;
  for (const auto& [number, name] : numbers) {
    const auto* page = find("docs/errors/" + number + ".md");
    if (page == nullptr) {
      findings.add(*find("messages/error.hpp"), 0, number + " (" + name + ") has no docs/errors/" + number + ".md");
    } else if (page->lines.empty() || !page->lines[0].starts_with("# " + number)) {
      findings.add(*page, 0, "does not start with `# " + number + "`");
    } else {
      for (const auto* part : {"## What it means", "## What to do"}) {
        if (!contains(page->text(), part)) findings.add(*page, 0, std::string("no section `") + part + "`");
      }
    }
  }
  for (const auto& file : source_tree()) {
    if (!file.in("docs/errors") || file.path.ends_with("/README.md")) continue;
    const auto number = file.path.substr(12, file.path.size() - 12 - 3);
    if (!numbers.contains(number)) findings.add(file, 0, "no error has this number");
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("docs: every example is used by a test, a script or a page") {
  Findings findings;
  for (const auto& example : source_tree()) {
    if (!example.in("examples") || !example.path.ends_with(".json")) continue;
    bool used = false;
    for (const auto& file : source_tree()) {
      const bool reader = (file.in("tests") && !file.in("tests/tidy")) || file.in("docs") || file.path == "README.md";
      used = used || (reader && contains(file.text(), example.path));
    }
    if (!used) findings.add(example, 0, "nobody names it");
  }
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("docs: the language reference names every field of the schema") {
  const auto* schema = find("runtime/workflow/workflow.schema.json");
  const auto* reference = find("docs/reference/workflow.md");
  REQUIRE(schema != nullptr);
  REQUIRE(reference != nullptr);
  const auto text = reference->text();
  Findings findings;
  std::size_t fields = 0;
  std::size_t indent = std::string::npos;  // Of the members of the innermost "properties".
  for (std::size_t i = 0; i < schema->lines.size(); ++i) {
    const auto& line = schema->lines[i];
    const auto first = line.find_first_not_of(' ');
    if (first == std::string::npos) continue;
    if (first < indent) indent = std::string::npos;
    if (line.substr(first) == "\"properties\": {") {
      indent = first + 2;
    } else if (first == indent && line[first] == '"') {
      ++fields;
      const auto name = line.substr(first + 1, line.find('"', first + 1) - first - 1);
      if (!contains(text, name)) findings.add(*schema, i, "docs/reference/workflow.md does not name '" + name + "'");
    }
  }
  CHECK(fields > 80);
  CHECK_MESSAGE(findings.empty(), findings.text());
}

TEST_CASE("docs: the README stays short") {
  const auto* readme = find("README.md");
  REQUIRE(readme != nullptr);
  CHECK(readme->lines.size() <= kReadmeLinesMax);
}

TEST_CASE("docs: decisions are numbered without a gap") {
  std::set<std::string> found;
  for (const auto& file : source_tree()) {
    if (file.in("docs/adr") && !file.path.ends_with("README.md")) found.insert(file.path.substr(9, 4));
  }
  std::size_t next = 0;
  for (const auto& number : found) CHECK(std::stoul(number) == ++next);
}

}  // namespace hillstar::tidy
