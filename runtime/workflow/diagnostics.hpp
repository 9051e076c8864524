// SPDX-License-Identifier: Apache-2.0
// What is wrong with a workflow file: every problem, each with its place and the mend.
#pragma once

#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/json.hpp"

namespace hillstar::workflow {

enum class Severity { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  Errc code = Errc::workflow_invalid;
  std::string pointer;      ///< JSON pointer of the value; "" is the whole file.
  json::Position position;  ///< Where that value starts in the file.
  std::string message;      ///< What is wrong and what was expected.
  std::string hint;         ///< What to write instead, such as `did you mean 'review'?`; may be empty.
  std::string file = {};    ///< Where it is; empty: in the file that was looked at.
};

bool has_errors(const std::vector<Diagnostic>& diagnostics);
/// `flow.json:12:7: error HS112 at /graph/nodes/b/input: ... (did you mean 'a'?)`, one line, no newline.
std::string to_string(const Diagnostic& diagnostic, const std::string& file);
/// An array of objects with file, line, column, severity, code, pointer, message, hint.
Json to_json(const std::vector<Diagnostic>& diagnostics, const std::string& file);

}  // namespace hillstar::workflow
