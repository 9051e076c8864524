// SPDX-License-Identifier: Apache-2.0
// What the HTTP client costs by itself: no engine, no store.
#pragma once

#include <string>

namespace hillstar::bench {

/// Prints what 5,000 streams that are open at once take. `server`: the mock model server.
void open_streams(const std::string& server);
/// Prints how many calls a second 500 in flight make, beside those of wrk, if it is installed. `folder`: for its
/// script.
void throughput(const std::string& folder, const std::string& server);
/// Prints what one call costs from the request's object to the reply's.
void provider_calls(const std::string& server);

}  // namespace hillstar::bench
