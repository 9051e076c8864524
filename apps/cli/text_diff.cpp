// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/text_diff.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>

#include "apps/cli/text.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kContext = 2;

struct Line {
  char mark;  ///< ' ', '-' or '+'.
  std::string_view text;
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

using Lines = std::vector<std::string_view>;

/// Lengths of the longest common subsequences of all tails of `a` and `b`.
std::vector<std::uint32_t> common_tails(const Lines& a, const Lines& b) {
  const auto width = b.size() + 1;
  std::vector<std::uint32_t> longest((a.size() + 1) * width);
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t k = b.size(); k-- > 0;)
      longest[i * width + k] = a[i] == b[k] ? longest[(i + 1) * width + k + 1] + 1
                                            : std::max(longest[(i + 1) * width + k], longest[i * width + k + 1]);
  return longest;
}

void compare_middle(const Lines& a, const Lines& b, std::vector<Line>& script) {
  std::size_t i = 0;
  std::size_t k = 0;
  if (!b.empty() && a.size() <= kDiffCellsMax / b.size()) {
    const auto longest = common_tails(a, b);
    const auto width = b.size() + 1;
    while (i < a.size() && k < b.size()) {
      if (a[i] == b[k])
        script.push_back({' ', a[i]}), ++i, ++k;
      else if (longest[(i + 1) * width + k] >= longest[i * width + k + 1])
        script.push_back({'-', a[i++]});
      else
        script.push_back({'+', b[k++]});
    }
  }
  while (i < a.size()) script.push_back({'-', a[i++]});
  while (k < b.size()) script.push_back({'+', b[k++]});
}

std::vector<Line> script_of(const Lines& a, const Lines& b) {
  const auto shorter = std::min(a.size(), b.size());
  std::size_t head = 0;
  while (head < shorter && a[head] == b[head]) ++head;
  std::size_t tail = 0;
  while (tail < shorter - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  std::vector<Line> script;
  for (std::size_t i = 0; i < head; ++i) script.push_back({' ', a[i]});
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<std::ptrdiff_t>(head), lines.end() - static_cast<std::ptrdiff_t>(tail));
  };
  compare_middle(middle(a), middle(b), script);
  for (std::size_t i = a.size() - tail; i < a.size(); ++i) script.push_back({' ', a[i]});
  return script;
}

void indent(std::string& out, const bj::value& value, std::size_t depth) {
  const auto members = [&](const auto& items, char open, char close, const auto& one) {
    out += open;
    bool first = true;
    for (const auto& item : items) {
      out += first ? "\n" : ",\n";
      first = false;
      out.append(2 * depth + 2, ' ');
      one(item);
    }
    if (!first) out.append(1, '\n').append(2 * depth, ' ');
    out += close;
  };
  if (const auto* object = value.if_object()) {
    members(*object, '{', '}', [&](const auto& member) {
      json::append_string(out, member.key());
      out += ": ";
      indent(out, member.value(), depth + 1);
    });
  } else if (const auto* array = value.if_array()) {
    members(*array, '[', ']', [&](const auto& item) { indent(out, item, depth + 1); });
  } else {
    json::append_canonical(out, value);
  }
}

}  // namespace

std::vector<std::string> unified_diff(std::string_view before, std::string_view after, std::size_t lines_max) {
  if (before == after) return {};
  const auto a = lines_of(before);
  const auto b = lines_of(after);
  const auto script = script_of(a, b);
  std::vector<bool> shown(script.size());
  for (std::size_t i = 0; i < script.size(); ++i) {
    if (script[i].mark == ' ') continue;
    const auto end = std::min(script.size(), i + kContext + 1);
    for (auto k = i - std::min(i, kContext); k < end; ++k) shown[k] = true;
  }
  std::vector<std::string> out;
  std::size_t old_line = 1;
  std::size_t new_line = 1;
  for (std::size_t i = 0; i < script.size(); ++i) {
    if (shown[i] && (i == 0 || !shown[i - 1])) {
      std::size_t old_count = 0;
      std::size_t new_count = 0;
      for (auto k = i; k < script.size() && shown[k]; ++k) {
        old_count += script[k].mark != '+' ? 1 : 0;
        new_count += script[k].mark != '-' ? 1 : 0;
      }
      out.push_back("@@ -" + std::to_string(old_line) + "," + std::to_string(old_count) + " +" +
                    std::to_string(new_line) + "," + std::to_string(new_count) + " @@");
    }
    if (shown[i]) out.push_back(script[i].mark + std::string(script[i].text));
    old_line += script[i].mark != '+' ? 1 : 0;
    new_line += script[i].mark != '-' ? 1 : 0;
  }
  if (out.empty()) out.emplace_back("only the newline at the end differs");
  if (out.size() > lines_max) {
    const auto left_out = out.size() - lines_max;
    out.resize(lines_max);
    out.push_back("... " + std::to_string(left_out) + " more lines");
  }
  return out;
}

std::string cut_line(std::string_view line, std::size_t bytes_max) {
  auto shown = visible(json::to_utf8(line.substr(0, bytes_max)));
  return line.size() > bytes_max ? shown + "…" : shown;
}

std::string pretty(const bj::value& value) {
  std::string out;
  indent(out, value, 0);
  return out;
}

}  // namespace hillstar::cli
