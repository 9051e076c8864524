// SPDX-License-Identifier: Apache-2.0
// What this program itself does for a model call, without network and actors.
#pragma once

namespace hillstar::bench {

/// Prints the cost of one call: admission under all limits, request written, streamed reply read.
void exchange();

}  // namespace hillstar::bench
