// SPDX-License-Identifier: Apache-2.0
// The most tokens that a call can use, known before it is made. Pure.
#pragma once

#include <cstdint>

#include "messages/model.hpp"

namespace hillstar::providers {

/// What a reply is taken to be at most if its request names no max_tokens. A request that must not pass a limit names
/// one: some models go on for longer.
inline constexpr std::uint64_t kReplyTokensDefault = 8'192;
/// Every token stands for at least one byte of text: the bytes of a request are never fewer than its tokens. To them
/// comes what a chat format adds to each turn, policy::kImageTokens for each image, and the reply.
std::uint64_t input_token_bound(const ModelRequest& request);
std::uint64_t output_token_bound(const ModelRequest& request);

}  // namespace hillstar::providers
