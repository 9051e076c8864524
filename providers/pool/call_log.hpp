// SPDX-License-Identifier: Apache-2.0
// What a run's history says about calls that were made: what limits must remember across a restart. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "messages/events.hpp"
#include "providers/pool/admission.hpp"

namespace hillstar::providers {

/// An attempt that may have been a call, but no record says to whom.
struct UnknownCall {
  NodeId node;
  PastCall call;
};

struct CallLog {
  std::map<std::string, std::vector<PastCall>> calls;  ///< By backend.
  std::vector<UnknownCall> unknown;
};

/// Attempts older than this that no record has closed are not in flight any more: no call takes so long.
inline constexpr Millis kCallLifeMax{3'600'000};

/// Adds one history to the log. Attempts that were lost or cancelled, and those that the process before left open, are
/// unknown: nobody saw their end.
/// @param opened  when this process began: attempts that were scheduled later are its own
void add_calls(const std::vector<Recorded>& history, UtcTime opened, CallLog& log);

}  // namespace hillstar::providers
