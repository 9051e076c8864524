// SPDX-License-Identifier: Apache-2.0
// Which backend a model call goes to; what is asked of it is in model_request.hpp. Pure: the environment comes in as a
// function.
//
// Source: Hillstar specification sections 1.2, 1.6, 1.9, 4.3 and 5. Without a `mode`, or with `explicit`, an author
// names where the text goes and it goes nowhere else. In `auto` and `preset` others may follow, each with a model of
// its own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/json.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// Value of an environment variable, or nothing.
using LookUp = std::function<std::optional<std::string>(const std::string& name)>;

/// Looks in `NAME=value` entries, which must outlive it.
LookUp look_up_in(const std::vector<std::string>& environment);

/// Where a model call goes.
struct Backend {
  std::string name;                ///< Key of its pool: provider label and base URL.
  std::string adapter;             ///< For providers::find_adapter.
  std::string base_url;            ///< Without trailing slash, as configured; the adapter adds `/v1` to a bare host.
  std::string key_variable;        ///< NAME of the environment variable with the key; empty: no key is sent.
  std::string model;               ///< As it will be sent.
  std::string provider_label;      ///< Hillstar's `provider` in results and traces.
  std::string source;              ///< custom, built-in; of seats workflow-pin, host-config, local-discovery.
  std::string lane;                ///< Calls of one lane never overlap (singleClient); empty: no lane.
  std::vector<std::string> notes;  ///< What was ignored, and why; for the log.

  std::string api_version;   ///< For providers::Endpoint.
  bool key_missing = false;  ///< No variable holds the key; only if World::keys_needed is false.
  bool is_near = false;      ///< Neither the address nor the model leaves this machine or its network.
  std::optional<Tier> tier;
  std::optional<ModelPrices> prices;  ///< Absent: not known.
  std::optional<std::uint64_t> context_tokens;
  std::optional<std::uint32_t> max_output_tokens;
  ProviderLimits limits;
};

/// What a choice is made in. Refers to what must outlive it.
struct World {
  const Registry& registry;
  const LookUp& environment;
  bool keys_needed = true;  ///< False: a missing key is noted instead of refused; for looking ahead.
  /// The workflow's acknowledgements of terms; null: they are not asked about.
  const Json* provider_config = nullptr;
};

struct Candidate {
  std::string provider;  ///< What the backend was found by.
  std::string model;     ///< The same; a seat keeps its name.
  Backend backend;
  std::string reason;  ///< Why this one, in words for the author.
};
struct LeftOut {
  std::string provider;
  Error error;
};
struct Choice {
  std::vector<Candidate> candidates;  ///< Best first, never empty; more than one only where the mode allows fallback.
  std::vector<LeftOut> left_out;      ///< What was considered, and why it will not do.
};

/// True for a workflow of the preset `local_only`: nothing of it leaves this machine and its network.
bool is_local_only(const Json& model_config);
/// True for names of roles, not of models: the known ones, and all that start with `router-`.
bool is_seat(std::string_view model);

/// Tokens that a reply may have if the node does not say.
inline constexpr std::uint32_t kMaxTokensDefault = 4096;
/// The `max_tokens` that the node asks for, or else its workflow's `sampling_params`; 0 if neither does sensibly.
std::uint64_t tokens_asked(const workflow::PlanNode& node, const Json& model_config);

/// All backends that a model_call node may go to, in order.
/// Errors, if there is none: provider_unknown (no such provider, or no client for it), provider_config (a part is
/// missing, such as the key), permission_denied (the workflow's own rules forbid it). Never holds a key.
Result<Choice> choose(const workflow::PlanNode& node, const Json& model_config, const World& world);

/// The first of them.
Result<Backend> choose_backend(const workflow::PlanNode& node, const Json& model_config, const World& world);
/// Exactly this one, by the names that a Candidate has; with the errors of choose().
Result<Backend> find_backend(const workflow::PlanNode& node, const Json& model_config, const World& world,
                             const std::string& provider, const std::string& model);
/// With the shipped registry.
Result<Backend> choose_backend(const workflow::PlanNode& node, const Json& model_config, const LookUp& environment);

}  // namespace hillstar::policy
