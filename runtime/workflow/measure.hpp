// SPDX-License-Identifier: Apache-2.0
// How long a filled template can be, without its blobs at hand. Pure.
#pragma once

#include <cstdint>

#include "messages/commands.hpp"

namespace hillstar::workflow {

/// The bytes of render(input_template, command) at most. What names blobs counts with all that its source holds, twice
/// within JSON.
/// @param item_bytes  what stands for `item` and its parts: command.item is not looked at
std::uint64_t most_bytes(const Json& input_template, const ExecuteNode& command, std::uint64_t item_bytes);

}  // namespace hillstar::workflow
