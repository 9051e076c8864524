// SPDX-License-Identifier: Apache-2.0
// What requests that start something have in common: workflows, inputs, labels and keys that came with a request.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/http/api_context.hpp"

namespace hillstar::http {

inline constexpr std::size_t kLabelsMax = 32;
inline constexpr std::size_t kLabelBytesMax = 256;

struct GivenWorkflow {
  std::string text;
  std::string file;  ///< What diagnostics call it; may be empty.
  std::string workspace;
  bool air_gapped = false;
};
struct CheckedWorkflow {
  std::string text;  ///< Without literal keys.
  std::shared_ptr<const workflow::Plan> plan;
  std::vector<std::string> allow_paths;  ///< Absolute: folders that its author asks for.
};
/// Compiled and checked against registry and rules. Errors: workflow_invalid, with the diagnostics in `remarks`.
Result<CheckedWorkflow> compile_given(Api& api, GivenWorkflow given, boost::json::object& remarks);

/// Inputs with defaults filled in. Errors: inputs_invalid, with the diagnostics in `remarks`.
Result<Json> resolve_given(const workflow::Plan& plan, const std::optional<Json>& inputs, boost::json::object& remarks);

Result<void> check_labels(const std::map<std::string, std::string>& labels,
                          const std::optional<std::string>& correlation);
/// The request's Idempotency-Key. Errors: usage if it is empty, too long or no printable text.
Result<std::optional<std::string>> idempotency_key(const Request& request);
/// The request's traceparent; nothing if it has none, or one that is none.
std::optional<std::string> trace_of(const Request& request);

}  // namespace hillstar::http
