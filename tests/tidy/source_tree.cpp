// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/source_tree.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace hillstar::tidy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFindingsMax = 200;

const fs::path kRoot = HILLSTAR_SOURCE_DIR;
constexpr std::array kFolders = {"actors",   "apps",        "cmake",     "docs",    "examples",
                                 "messages", "persistence", "providers", "runtime", "tests"};
constexpr std::array kEndings = {".cpp", ".hpp", ".md", ".sh", ".py", ".json", ".txt", ".cmake"};

bool is_text(const fs::path& path) {
  const auto ending = path.extension().string();
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

SourceFile load(const fs::path& path) {
  SourceFile file;
  file.path = fs::relative(path, kRoot).string();
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) file.lines.push_back(line);
  return file;
}

std::vector<SourceFile> load_all() {
  std::vector<SourceFile> files;
  for (const auto& entry : fs::directory_iterator(kRoot)) {
    if (entry.is_regular_file() && is_text(entry.path())) files.push_back(load(entry.path()));
  }
  for (const auto* folder : kFolders) {
    if (!fs::exists(kRoot / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      if (entry.is_regular_file() && is_text(entry.path())) files.push_back(load(entry.path()));
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

}  // namespace

bool SourceFile::in(std::string_view folder) const {
  return path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
}

std::string SourceFile::text() const {
  std::string all;
  for (const auto& line : lines) (all += line) += '\n';
  return all;
}

const std::vector<SourceFile>& source_tree() {
  static const std::vector<SourceFile> tree = load_all();
  return tree;
}

bool exists(const std::string& path) { return fs::exists(kRoot / path); }

std::string code_of(std::string_view line) {
  std::string code;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) {
        quote = 0;
        code += c;
      }
      continue;
    }
    if (c == '/' && i + 1 < line.size() && line[i + 1] == '/') break;
    // 1'000'000 is a number, not a character.
    const bool separator = c == '\'' && i > 0 && std::isalnum(static_cast<unsigned char>(line[i - 1])) != 0;
    if (c == '"' || (c == '\'' && !separator)) quote = c;
    code += c;
  }
  return code;
}

std::size_t columns(std::string_view line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

void Findings::add(const SourceFile& file, std::size_t line_index, std::string_view message) {
  if (++count_ > kFindingsMax) return;
  text_ += "\n  " + file.path + ":" + std::to_string(line_index + 1) + ": " + std::string(message);
}

}  // namespace hillstar::tidy
