// SPDX-License-Identifier: Apache-2.0
// What is kept of a model call is two blobs, named in the `detail` of the event that ends its attempt.
#pragma once

#include <optional>
#include <string>

#include "messages/json.hpp"

namespace hillstar {

/// SHA-256 names in hex; an empty text: there is none.
struct CallNames {
  std::string request;  ///< `request_sha256`: the request as it was sent.
  std::string reply;    ///< `reply_sha256`: the answer as it was received.
};

/// The names in a detail.
CallNames names_in(const std::optional<Json>& detail);
/// The detail with the names added. One that is no object stays as it is.
Json with_names(const std::optional<Json>& detail, const CallNames& names);

}  // namespace hillstar
