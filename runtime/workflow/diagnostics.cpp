// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/diagnostics.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace hillstar::workflow {
namespace {

std::string_view name(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

/// A message stays on its line, whatever the file's own names hold.
std::string one_line(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return text;
}

}  // namespace

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& diagnostic) { return diagnostic.severity == Severity::error; });
}

std::string to_string(const Diagnostic& diagnostic, const std::string& file) {
  std::string text = diagnostic.file.empty() ? file : diagnostic.file;
  if (!text.empty()) text += ":";
  if (diagnostic.position.line > 0)
    text += std::to_string(diagnostic.position.line) + ":" + std::to_string(diagnostic.position.column) + ":";
  if (!text.empty()) text += " ";
  text += std::string(name(diagnostic.severity)) + " " + number(diagnostic.code);
  if (!diagnostic.pointer.empty()) text += " at " + diagnostic.pointer;
  text += ": " + diagnostic.message;
  if (!diagnostic.hint.empty()) text += " (" + diagnostic.hint + ")";
  return one_line(std::move(text));
}

Json to_json(const std::vector<Diagnostic>& diagnostics, const std::string& file) {
  boost::json::array out;
  for (const auto& diagnostic : diagnostics) {
    out.push_back({{"file", diagnostic.file.empty() ? file : diagnostic.file},
                   {"line", diagnostic.position.line},
                   {"column", diagnostic.position.column},
                   {"severity", name(diagnostic.severity)},
                   {"code", number(diagnostic.code)},
                   {"pointer", diagnostic.pointer},
                   {"message", diagnostic.message},
                   {"hint", diagnostic.hint}});
  }
  return Json::of(boost::json::value(std::move(out)));
}

}  // namespace hillstar::workflow
