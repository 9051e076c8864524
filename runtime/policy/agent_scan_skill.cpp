// SPDX-License-Identifier: Apache-2.0
// Skills: text that agents obey, and the commands in its examples.
#include <algorithm>
#include <array>

#include "runtime/policy/scan_patterns.hpp"

namespace hillstar::policy {
namespace {

struct Block {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

/// Length of the fence that a line begins with, 0 if it begins with none.
std::size_t fence_of(std::string_view line) {
  if (line.empty() || (line[0] != '`' && line[0] != '~')) return 0;
  const auto end = std::min(line.find_first_not_of(line[0]), line.size());
  return end >= 3 ? end : 0;
}

bool is_shell(std::string_view info) {
  constexpr std::array<std::string_view, 6> kShells{"", "bash", "sh", "shell", "zsh", "console"};
  std::string word(info.substr(0, info.find_first_of(" \t{")));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::find(kShells.begin(), kShells.end(), word) != kShells.end();
}

/// The insides of fenced blocks that a shell could run; one that is never closed reaches to the end.
std::vector<Block> shell_blocks(std::string_view text) {
  std::vector<Block> blocks;
  std::size_t fence = 0;
  char mark = 0;
  bool counts = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = trimmed(text.substr(at, end - at));
    const auto length = fence_of(line);
    if (fence == 0 && length > 0) {
      fence = length;
      mark = line[0];
      counts = is_shell(trimmed(line.substr(length)));
      begin = std::min(end + 1, text.size());
    } else if (fence > 0 && length >= fence && line[0] == mark && line.size() == length) {
      if (counts) blocks.push_back({begin, at});
      fence = 0;
    }
    at = end + 1;
  }
  if (fence > 0 && counts) blocks.push_back({begin, text.size()});
  return blocks;
}

std::vector<Block> html_comments(std::string_view text) {
  std::vector<Block> comments;
  for (auto at = text.find("<!--"); at != std::string_view::npos;) {
    const auto end = std::min(text.find("-->", at), text.size());
    comments.push_back({at, end});
    at = text.find("<!--", end);
  }
  return comments;
}

}  // namespace

void AgentScanner::scan_skill(const std::string& file, std::string_view text, ScanReport& report) const {
  ++report.files;
  ScanFile found(file, text, report);
  const auto add = [&](std::string_view rule, const ScanMatch& match, std::size_t offset) {
    const auto line = found.line_around(match.begin + offset, match.end + offset);
    found.add(rule, std::string(match.what) + ": " + patterns_->evidence(line), found.line_of(match.begin + offset));
    return true;
  };
  patterns_->injection.each(text, [&](const ScanMatch& match) { return add("SKILL-001", match, 0); });
  for (const auto& comment : html_comments(text))
    patterns_->comment.each(text.substr(comment.begin, comment.end - comment.begin), [&](const ScanMatch& match) {
      add("SKILL-001", match, comment.begin);
      return false;
    });
  patterns_->theft.each(text, [&](const ScanMatch& match) {
    if (match.part.empty()) return add("SKILL-002", match, 0);
    const auto address = scan_address(match.part);
    return is_local_host(address.host) || add("SKILL-002", match, 0);
  });
  patterns_->ruin.each(text, [&](const ScanMatch& match) { return add("SKILL-003", match, 0); });
  for (const auto& block : shell_blocks(text))
    patterns_->shell.each(text.substr(block.begin, block.end - block.begin),
                          [&](const ScanMatch& match) { return add("SKILL-004", match, block.begin); });
}

}  // namespace hillstar::policy
