// SPDX-License-Identifier: Apache-2.0
// Calls over a real transport, made and awaited by tests.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "providers/http/transport.hpp"
#include "tests/support/http_server.hpp"

namespace hillstar::testing {

using providers::Cancellation;
using providers::HttpCallbacks;
using providers::HttpOutcome;
using providers::HttpReply;
using providers::HttpRequest;
using providers::Transport;

/// One request in flight, and how often it was answered.
struct Call {
  std::promise<HttpOutcome> promise;
  std::future<HttpOutcome> outcome = promise.get_future();
  std::string streamed;
  std::atomic<int> answers{0};
  std::shared_ptr<Cancellation> handle;
};

inline HttpRequest request_to(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.body = "{}";
  request.connect_timeout = request.first_byte_timeout = request.idle_timeout = request.total_timeout = Millis(20'000);
  return request;
}

inline std::shared_ptr<Call> begin(Transport& transport, HttpRequest request, bool stream = false) {
  auto call = std::make_shared<Call>();
  HttpCallbacks callbacks;
  if (stream) callbacks.on_body = [call](std::string_view bytes) { call->streamed += bytes; };
  callbacks.done = [call](HttpOutcome outcome) {
    if (call->answers++ == 0) call->promise.set_value(std::move(outcome));
  };
  call->handle = transport.send(std::move(request), std::move(callbacks));
  return call;
}

inline HttpOutcome call(Transport& transport, HttpRequest request) {
  return begin(transport, std::move(request))->outcome.get();
}

inline HttpReply reply_of(HttpOutcome outcome) {
  if (const auto* failed = std::get_if<Failure>(&outcome)) FAIL(failed->message);
  return std::get<HttpReply>(std::move(outcome));
}

inline Failure failure_in(HttpOutcome outcome) {
  REQUIRE(std::holds_alternative<Failure>(outcome));
  return std::get<Failure>(std::move(outcome));
}

/// A server that does the same for every request.
inline HttpServer::Script always(std::vector<Step> steps) {
  return [steps = std::move(steps)](const SeenRequest&) { return steps; };
}

/// The failure of one call to a server that does `steps`, with short limits where the test is about one.
inline Failure fault(std::vector<Step> steps, const std::function<void(HttpRequest&)>& adjust = {}) {
  HttpServer server(always(std::move(steps)));
  const auto transport = providers::make_beast_transport();
  auto request = request_to(server.url());
  if (adjust) adjust(request);
  return failure_in(call(*transport, std::move(request)));
}

}  // namespace hillstar::testing
