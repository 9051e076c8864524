// SPDX-License-Identifier: Apache-2.0
// The model calls of a run that were sent, as its history names them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/call_names.hpp"
#include "messages/events.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {

struct ListedCall {
  std::uint64_t seq = 0;  ///< Of the event that ended it.
  UtcTime at;
  std::string unit;  ///< `review`, `review[3]`.
  std::uint32_t attempt = 1;
  CallNames names;
};

/// In the order of their ends; without calls of versions that kept none.
std::vector<ListedCall> calls_in(const std::vector<Recorded>& history);
/// `[{"seq","at","node","attempt","event","usage"?,"failure"?,"request","reply"?}, ...]`.
Json calls_document(const std::vector<Recorded>& history);

}  // namespace hillstar::cli
