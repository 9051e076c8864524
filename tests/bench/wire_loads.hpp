// SPDX-License-Identifier: Apache-2.0
// What frames and blobs cost between two ends of a wire in this process, over mutual TLS on loopback.
#pragma once

#include <string>

namespace hillstar::bench {

/// Round trips of small frames, one at a time and many.
void small_frames();
/// A blob of 100 MB from a host's store to a worker's cache, beside `openssl s_time` and beside TLS alone.
void blobs(const std::string& folder);

}  // namespace hillstar::bench
