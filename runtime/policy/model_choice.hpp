// SPDX-License-Identifier: Apache-2.0
// Which backend a model call goes to, and what is asked of it. Pure: the environment comes in as a function.
//
// Source: Hillstar specification sections 1.2, 1.6, 1.9 and 5. No fallback from one provider to another: an author
// names where the text goes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/json.hpp"
#include "messages/model.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// Value of an environment variable, or nothing.
using LookUp = std::function<std::optional<std::string>(const std::string& name)>;

/// Where a model call goes.
struct Backend {
  std::string name;                ///< Key of its pool: provider label and base URL.
  std::string adapter;             ///< For providers::find_adapter.
  std::string base_url;            ///< Without trailing slash, as configured; the adapter adds `/v1` to a bare host.
  std::string key_variable;        ///< NAME of the environment variable with the key; empty: no key is sent.
  std::string model;               ///< As it will be sent.
  std::string provider_label;      ///< Hillstar's `provider` in results and traces.
  std::string source;              ///< Seats: workflow-pin or host-config. Otherwise custom or built-in.
  std::string lane;                ///< Calls of one lane never overlap (singleClient); empty: no lane.
  std::vector<std::string> notes;  ///< What was ignored, and why; for the log.
};

/// True for names of roles, not of models: the known ones, and all that start with `router-`.
bool is_seat(std::string_view model);

/// Resolves a model_call node.
/// Errors: provider_unknown (no such provider, or none in this release), provider_config (a part is missing, such as
/// the key), permission_denied (the workflow's own preferences forbid the provider). Never holds a key.
Result<Backend> choose_backend(const workflow::PlanNode& node, const Json& model_config, const LookUp& environment);

/// What is asked of the backend. `parameters` is the node's object or null.
/// Errors: tool_parameters, for a value of the wrong type or out of range.
Result<ModelRequest> make_request(const Json& parameters, const Json& model_config, std::string prompt,
                                  const Backend& backend);

}  // namespace hillstar::policy
