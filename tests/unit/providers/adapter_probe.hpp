// SPDX-License-Identifier: Apache-2.0
// What tests of adapters share: requests in short, what became of them, and replies read whole.
#pragma once

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "messages/json.hpp"
#include "providers/adapter.hpp"

namespace hillstar::providers::probe {

inline Json json_of(std::string_view text) {
  const auto value = json::parse(text);
  REQUIRE_MESSAGE(value.has_value(), std::string(text));
  return Json::of(*value);
}

inline Endpoint endpoint(std::string version = {}) {
  Endpoint made;
  made.base_url = "https://h";
  made.key = Secret("canary-key");
  made.stream = false;
  made.api_version = std::move(version);
  return made;
}

inline ModelRequest asked(std::string prompt = "p") {
  ModelRequest request;
  request.model = "m";
  request.prompt = std::move(prompt);
  return request;
}

inline ModelTurn turn(ModelRole role, std::string text) {
  ModelTurn made;
  made.role = role;
  made.text = std::move(text);
  return made;
}

inline HttpRequest sent(const char* adapter, const ModelRequest& request, const Endpoint& to = endpoint()) {
  auto http = find_adapter(adapter)->encode(request, to);
  if (!http) FAIL(to_string(http.error()));
  CHECK(http->body.find("canary") == std::string::npos);
  return *std::move(http);
}

/// A field of the body as canonical text, or "absent".
inline std::string field(const char* adapter, const ModelRequest& request, const char* name,
                         const Endpoint& to = endpoint()) {
  const auto body = json::parse(sent(adapter, request, to).body);
  REQUIRE(body.has_value());
  const auto* value = body->as_object().if_contains(name);
  return value == nullptr ? "absent" : json::canonical(*value);
}

/// Where a request is refused.
inline std::string refused(const char* adapter, const ModelRequest& request, const Endpoint& to = endpoint()) {
  const auto http = find_adapter(adapter)->encode(request, to);
  if (http) return "sent: " + http->body;
  CHECK(http.error().code == Errc::tool_parameters);
  CHECK_FALSE(http.error().hint.empty());
  return http.error().where;
}

inline HttpReply ok(std::string body, const char* id_header = "request-id") {
  HttpReply reply;
  reply.status = 200;
  reply.headers = {{id_header, "req_1"}};
  reply.body = std::move(body);
  return reply;
}

using Outcome = std::variant<ModelReply, Failure>;

/// What a reader makes of the body, whole or in pieces of this size.
inline Outcome outcome(const char* adapter, const std::string& body, std::size_t piece = 0,
                       const char* id_header = "request-id") {
  const auto reader = find_adapter(adapter)->reader(endpoint());
  if (piece == 0) return reader->finish(ok(body, id_header));
  for (std::size_t at = 0; at < body.size(); at += piece) reader->feed(std::string_view(body).substr(at, piece));
  return reader->finish(ok({}, id_header));
}

inline ModelReply reply_in(Outcome result) {
  if (const auto* failure = std::get_if<Failure>(&result)) FAIL(failure->message);
  return std::get<ModelReply>(std::move(result));
}

inline Failure failure_in(Outcome result) {
  REQUIRE(std::holds_alternative<Failure>(result));
  return std::get<Failure>(std::move(result));
}

inline ModelReply reply_of(const char* adapter, const std::string& body) { return reply_in(outcome(adapter, body)); }

inline Failure failure_in(const char* adapter, const std::string& body) { return failure_in(outcome(adapter, body)); }

}  // namespace hillstar::providers::probe
