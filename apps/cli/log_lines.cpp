// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/log_lines.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "messages/json.hpp"
#include "runtime/platform/id_source.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kRunIdLength = 26;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The colours of a terminal, which no log wants.
std::string without_escapes(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b' && i + 1 < line.size() && line[i + 1] == '[') {
      while (i < line.size() && !((line[i] >= 'A' && line[i] <= 'Z') || (line[i] >= 'a' && line[i] <= 'z'))) ++i;
      continue;
    }
    out += line[i];
  }
  return out;
}

/// `HS112`; empty: the text names none.
std::string code_in(std::string_view text) {
  for (auto at = text.find("HS"); at != std::string_view::npos; at = text.find("HS", at + 1)) {
    const bool begins = at == 0 || !is_word(text[at - 1]);
    const bool ends = at + 5 == text.size() || (at + 5 < text.size() && !is_word(text[at + 5]));
    if (begins && ends && is_digit(text[at + 2]) && is_digit(text[at + 3]) && is_digit(text[at + 4]))
      return std::string(text.substr(at, 5));
  }
  return {};
}

std::string run_in(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_word(text[at])) {
      ++at;
      continue;
    }
    const auto end = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_word);
    const auto word = text.substr(at, static_cast<std::size_t>(end - text.begin()) - at);
    if (word.size() == kRunIdLength && is_run_id(word)) return std::string(word);
    at += word.size();
  }
  return {};
}

/// Of `stream 'flow/hook'`.
std::string stream_in(std::string_view text) {
  constexpr std::string_view kBefore = "stream '";
  const auto at = text.find(kBefore);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + kBefore.size());
  const auto end = text.find('\'');
  return end == std::string_view::npos ? std::string() : std::string(text.substr(0, end));
}

}  // namespace

std::string log_json(UtcTime at, std::string_view line, const std::function<std::string(const RunId&)>& trace_of) {
  const auto plain = json::to_utf8(without_escapes(line));
  std::string_view message = plain;
  std::string_view level = "info";
  if (message.starts_with("error ") || message.starts_with("error: ")) {
    level = "error";
    message.remove_prefix(message.find(' ') + 1);
  } else if (message.starts_with("warning: ")) {
    level = "warning";
    message.remove_prefix(std::string_view("warning: ").size());
  }
  boost::json::object out{{"time", to_rfc3339(at)}, {"level", level}, {"message", message}};
  if (auto code = code_in(message); !code.empty()) out["code"] = std::move(code);
  if (auto stream = stream_in(message); !stream.empty()) out["stream"] = std::move(stream);
  if (const auto run = run_in(message); !run.empty()) {
    out["run"] = run;
    if (trace_of)
      if (auto trace = trace_of(RunId(run)); !trace.empty()) out["trace_id"] = std::move(trace);
  }
  return json::canonical(out);
}

}  // namespace hillstar::cli
