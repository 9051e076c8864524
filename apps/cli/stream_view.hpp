// SPDX-License-Identifier: Apache-2.0
// A stream as `stream ls` prints it and as the service answers it.
#pragma once

#include <vector>

#include "actors/engine.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {

/// Firings that are told beforehand.
inline constexpr std::size_t kFiringsShown = 3;

/// `{"stream":"growth/nightly","held":false,"running":2,...}`; `next` of a timer: its next firings after `now`.
Json stream_object(const StreamStatus& status, UtcTime now);

/// `{"run":"01K...","repeated":false,"queued":true}`.
Json accepted_object(const Accepted& accepted);

/// The next firings of a stream's timer, jitter aside; empty if it has none, or its time zone is not known here.
std::vector<UtcTime> next_firings(const StreamStatus& status, UtcTime now);

}  // namespace hillstar::cli
