// SPDX-License-Identifier: Apache-2.0
// A request that only the answer to another one makes complete, as one call: nobody waits in between.
#pragma once

#include <functional>
#include <memory>
#include <variant>

#include "providers/http/transport.hpp"

namespace hillstar::providers {

/// The second request, or why there is none. Runs on the transport's thread and must not block.
using NextRequest = std::function<std::variant<HttpRequest, Failure>(const HttpOutcome& first)>;

/// Sends `first`, then what `next` makes of its outcome; the callbacks are those of the second request alone.
/// Whoever lets go of the transport has cancelled its calls before, or waited for them.
std::shared_ptr<Cancellation> send_two(Transport& transport, HttpRequest first, NextRequest next,
                                       HttpCallbacks callbacks);

}  // namespace hillstar::providers
