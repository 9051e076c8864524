// SPDX-License-Identifier: Apache-2.0
// Is a reply the JSON that was asked for? Pure.
#pragma once

#include <string>

#include "messages/json.hpp"
#include "messages/model.hpp"

namespace hillstar::policy {

/// A reply that was to be JSON.
struct JsonReply {
  Json json;            ///< Null if it is none.
  std::string problem;  ///< Sentences for the author and for the model; empty: it fits.
};

/// True if this reply must be JSON: a format was asked for, and the reply is not a call of tools.
bool must_be_json(const ModelRequest& request, const ModelReply& reply);

/// Reads the text, which may stand in one fenced block, and holds it to the request's schema.
JsonReply read_json_reply(const ModelRequest& request, const ModelReply& reply);

}  // namespace hillstar::policy
