// SPDX-License-Identifier: Apache-2.0
// The most tokens that a model call can take, known before its request is built. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "messages/json.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::policy {

/// What an image counts, whatever its size: no provider counts more for one.
inline constexpr std::uint64_t kImageTokens = 16'384;

/// A text has no fewer tokens than its bytes divided by this, however repetitive its language.
inline constexpr std::uint64_t kBytesPerTokenMost = 8;

/// What a node hands to a call, in bytes.
struct CallSize {
  std::uint64_t prompt_bytes = 0;    ///< Its input, filled in.
  std::uint64_t rejected_bytes = 0;  ///< The reply that is to be mended; 0: none.
};

struct CallBound {
  std::uint64_t input = 0;
  std::uint64_t output = 0;
};

/// Every token stands for at least one byte. Besides the prompt come the node's parameters (system text, tools, schema)
/// and what a chat format adds to each turn; never more than the context, beyond which providers refuse.
CallBound bound_of(const workflow::PlanNode& node, const Json& model_config, const CallSize& size,
                   std::optional<std::uint64_t> context_tokens);

/// `max_tokens` of the node, of the workflow's sampling_params, or the default.
std::uint64_t reply_tokens(const workflow::PlanNode& node, const Json& model_config);

}  // namespace hillstar::policy
