// SPDX-License-Identifier: Apache-2.0
#include "providers/request_checks.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <utility>

namespace hillstar::providers {
namespace {

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

Result<void> check_images(const std::string& place, const std::vector<ModelImage>& images) {
  for (const auto& image : images) {
    if (!image.media_type.starts_with("image/"))
      return unaskable(place, "An image has the media type '" + image.media_type + "'.",
                       "Name its type, such as image/png.");
    if (image.base64.empty()) return unaskable(place, "An image has no data.", "Give its bytes as base64.");
  }
  return {};
}

/// What a turn holds must suit who speaks.
Result<void> check_turn(const ModelTurn& turn, const std::string& place) {
  if (!turn.images.empty() && turn.role != ModelRole::user)
    return unaskable(place + "/images", "Only turns of the user can show images.", "Move them to a turn of the user.");
  if (!turn.tool_calls.empty() && turn.role != ModelRole::assistant)
    return unaskable(place + "/tool_calls", "Only the assistant calls tools.", "Set the turn's role to assistant.");
  if (turn.role == ModelRole::tool && turn.tool_call_id.empty())
    return unaskable(place + "/tool_call_id", "A tool's answer names no call.", "Give the id of the call it answers.");
  for (const auto& call : turn.tool_calls)
    if (call.id.empty() || call.name.empty())
      return unaskable(place + "/tool_calls", "A tool call needs an id and a name.", "Give the ones of the reply.");
  return check_images(place + "/images", turn.images);
}

Result<void> check_tools(const ModelRequest& request) {
  for (const auto& tool : request.tools) {
    if (tool.name.empty()) return unaskable("tools", "A tool has no name.", "Name it.");
    if (!tool.parameters.is_null() && !tool.parameters.text().starts_with('{'))
      return unaskable("tools", "The parameters of tool '" + tool.name + "' are no object.", "Give a JSON Schema.");
  }
  const bool any = !request.tools.empty() || extra_has(request, "tools");
  if (!any && request.tool_choice != ToolChoiceKind::unset)
    return unaskable("tool_choice", "There are no tools to choose from.", "Give tools, or remove tool_choice.");
  if (!any && request.parallel_tool_calls)
    return unaskable("parallel_tool_calls", "There are no tools to call.", "Give tools, or remove it.");
  if (request.tool_choice != ToolChoiceKind::named) return {};
  const bool known = std::any_of(request.tools.begin(), request.tools.end(),
                                 [&](const ModelTool& tool) { return tool.name == request.tool_choice_name; });
  if (!known)
    return unaskable("tool_choice", "There is no tool '" + request.tool_choice_name + "' to choose.",
                     "Name one of the tools.");
  return {};
}

HttpRequest request_to(std::string url, const Endpoint& endpoint) {
  HttpRequest http;
  http.url = std::move(url);
  http.bearer = endpoint.key;
  http.headers = {{"accept", "application/json"}, {"user-agent", "hillstar-actors"}};
  return http;
}

}  // namespace

Error unaskable(std::string_view field, std::string message, std::string hint) {
  return {Errc::tool_parameters, std::move(message), "/" + std::string(field), std::move(hint)};
}

Result<void> check_request(const ModelRequest& request) {
  HILLSTAR_CHECK(check_images("images", request.images));
  for (std::size_t i = 0; i < request.messages.size(); ++i)
    HILLSTAR_CHECK(check_turn(request.messages[i], "messages/" + std::to_string(i)));
  HILLSTAR_CHECK(check_tools(request));
  if (request.format == ReplyFormat::json_schema && !request.schema.text().starts_with('{'))
    return unaskable("schema", "A reply by a schema needs the schema, an object.", "Give a JSON Schema.");
  if (request.format == ReplyFormat::json_schema && request.schema_name.empty())
    return unaskable("schema_name", "The schema has no name.", "Name it.");
  return {};
}

Result<void> check_range(std::string_view field, const Json& value, double lowest, double highest) {
  if (value.is_null()) return {};
  const auto number = value.value();
  const double is = number.is_number() ? number.to_number<double>() : lowest - 1;
  if (is >= lowest && is <= highest) return {};
  return unaskable(field, "'" + std::string(field) + "' is " + value.text().substr(0, 64) + ".",
                   "Give a number from " + short_number(lowest) + " to " + short_number(highest) + ".");
}

bool extra_has(const ModelRequest& request, std::string_view field) {
  if (request.extra.is_null()) return false;
  const auto extra = request.extra.value();
  const auto* fields = extra.if_object();
  return fields != nullptr && fields->contains(field);
}

std::string data_url(const ModelImage& image) { return "data:" + image.media_type + ";base64," + image.base64; }

HttpRequest json_post(std::string url, const Endpoint& endpoint, std::string body) {
  HttpRequest http = request_to(std::move(url), endpoint);
  http.headers.emplace_back("content-type", "application/json");
  http.body = std::move(body);
  return http;
}

HttpRequest event_post(std::string url, const Endpoint& endpoint, std::string body) {
  HttpRequest http = json_post(std::move(url), endpoint, std::move(body));
  if (endpoint.stream) http.headers.front().second = "text/event-stream, application/json";
  return http;
}

HttpRequest json_get(std::string url, const Endpoint& endpoint) {
  HttpRequest http = request_to(std::move(url), endpoint);
  http.method = "GET";
  return http;
}

}  // namespace hillstar::providers
