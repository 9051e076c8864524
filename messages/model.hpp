// SPDX-License-Identifier: Apache-2.0
// A model call in the words of no provider.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/events.hpp"
#include "messages/failure.hpp"
#include "messages/json.hpp"
#include "messages/units.hpp"

namespace hillstar {

struct ModelRequest {
  std::string model;
  std::string system;  ///< Empty: none.
  std::string prompt;
  std::uint32_t max_tokens = 4096;
  Json temperature;  ///< A JSON number as it will be sent, or null for none.
  /// Further request fields, an object: reasoning_effort, thinking, chat_template_kwargs, top_p, stop, seed,
  /// response_format, ... as the adapter of the provider understands them.
  Json extra;
};

struct ModelReply {
  std::string text;
  std::string model;  ///< As the provider named it in its reply.
  std::string finish_reason;
  std::string request_id;
  std::string fingerprint;
  std::optional<std::string> reasoning;
  Usage usage;
};

/// A piece of a reply while it streams. Never stored in the log.
struct ModelChunk {
  std::string text;
  std::string reasoning;
};

}  // namespace hillstar
