// SPDX-License-Identifier: Apache-2.0
// From the author's text to a plan, or to every reason why there is none. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/workflow/diagnostics.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::workflow {

struct CompileOptions {
  bool strict = false;             ///< Unknown fields are errors instead of warnings.
  std::vector<std::string> tools;  ///< Further tools that the engine's catalog holds; their results may have any key.
};

struct Compiled {
  std::optional<Plan> plan;  ///< Present if and only if no diagnostic is an error.
  std::vector<Diagnostic> diagnostics;
  std::string description;  ///< The workflow's `description`.
  std::uint32_t authored_nodes = 0;
  std::uint32_t authored_edges = 0;
};

/// Never throws, whatever the text; no recursion on the depth of the graph.
Compiled compile(const std::string& text, const CompileOptions& options = {});

/// The run's inputs with defaults filled in, as one JSON object. `given` holds `-p` texts: each is taken as JSON
/// where the input's type is not `string`, as itself where it is. `file` (a JSON object, or null) comes from
/// --params-file; `given` wins. Every problem is reported at once.
struct ResolvedInputs {
  Json values;
  std::vector<Diagnostic> diagnostics;
};
ResolvedInputs resolve_inputs(const Plan& plan, const std::map<std::string, std::string>& given, const Json& file);

}  // namespace hillstar::workflow
