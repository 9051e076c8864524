// SPDX-License-Identifier: Apache-2.0
// A stream as `stream ls` prints it and as the service answers it.
#pragma once

#include "actors/engine.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {

/// `{"stream":"growth/nightly","held":false,"running":2,...}`.
Json stream_object(const StreamStatus& status);

}  // namespace hillstar::cli
