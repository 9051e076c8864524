// SPDX-License-Identifier: Apache-2.0
// What makes a request whole, whoever it is for; and how adapters say that they cannot ask for something. Pure.
#pragma once

#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "messages/model.hpp"
#include "providers/adapter.hpp"

namespace hillstar::providers {

/// tool_parameters at `/field`: "what", and what to do.
Error unaskable(std::string_view field, std::string message, std::string hint);

/// Errors: tool_parameters, for turns, tools, choices of tools and schemas that contradict themselves.
Result<void> check_request(const ModelRequest& request);
/// Error tool_parameters: `value` is no number, or none from `lowest` to `highest`. Null is fine.
Result<void> check_range(std::string_view field, const Json& value, double lowest, double highest);

/// True if `extra` has this field.
bool extra_has(const ModelRequest& request, std::string_view field);

/// True if the prompt makes a turn of its own at the end.
inline bool has_prompt_turn(const ModelRequest& request) {
  return !request.prompt.empty() || !request.images.empty() || request.messages.empty();
}

/// `data:image/png;base64,...`.
std::string data_url(const ModelImage& image);

/// A request with a JSON body, with the endpoint's key and the fields that all have.
HttpRequest json_post(std::string url, const Endpoint& endpoint, std::string body);
/// The same, and the reply may be a stream of events if the endpoint asks for one.
HttpRequest event_post(std::string url, const Endpoint& endpoint, std::string body);
HttpRequest json_get(std::string url, const Endpoint& endpoint);

}  // namespace hillstar::providers
