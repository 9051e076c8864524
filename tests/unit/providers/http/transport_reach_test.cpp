// SPDX-License-Identifier: Apache-2.0
// Requests of air-gapped runs: whom they may connect to, and what is told about it.
#include <doctest/doctest.h>

#include "tests/support/http_server.hpp"
#include "tests/support/transport_calls.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::testing;

namespace {

struct Told {
  HttpOutcome outcome;
  std::vector<Connection> connections;
};

Told ask(Transport& transport, const std::string& url, std::optional<std::vector<std::string>> endpoints,
         const std::vector<std::string>& environment = {}) {
  auto request = request_to(url);
  request.reach = std::make_shared<const policy::Reach>(policy::Reach{std::move(endpoints)});
  request.network = std::make_shared<const NetworkSettings>(network_settings(environment));
  std::promise<HttpOutcome> done;
  Told told;
  HttpCallbacks callbacks;
  callbacks.on_connection = [&](const Connection& made) { told.connections.push_back(made); };
  callbacks.done = [&](HttpOutcome outcome) { done.set_value(std::move(outcome)); };
  transport.send(std::move(request), std::move(callbacks));
  told.outcome = done.get_future().get();
  return told;
}

}  // namespace

TEST_CASE("transport: an air-gapped request reaches what is near, and its address is told, also on a kept connection") {
  HttpServer server(always({send(reply("{}"))}));
  const auto transport = make_beast_transport();
  const auto endpoint = "127.0.0.1:" + std::to_string(server.port());
  for (int i = 0; i < 2; ++i) {
    const auto told = ask(*transport, server.url(), std::nullopt);
    CHECK(std::holds_alternative<HttpReply>(told.outcome));
    REQUIRE(told.connections.size() == 1);
    CHECK(told.connections[0] == Connection{endpoint, endpoint, true, std::nullopt});
  }
}

TEST_CASE("transport: what was not declared is not connected to, and the refusal is told") {
  HttpServer server(always({send(reply("{}"))}));
  const auto transport = make_beast_transport();
  const auto endpoint = "127.0.0.1:" + std::to_string(server.port());
  const auto told = ask(*transport, server.url(), std::vector<std::string>{"127.0.0.1:1"});
  REQUIRE(std::holds_alternative<Failure>(told.outcome));
  CHECK(std::get<Failure>(told.outcome).kind == FailureClass::permission);
  REQUIRE(told.connections.size() == 1);
  CHECK(told.connections[0].endpoint == endpoint);
  CHECK(!told.connections[0].allowed);
  CHECK(server.requests().empty());
  CHECK(std::holds_alternative<HttpReply>(ask(*transport, server.url(), std::vector<std::string>{endpoint}).outcome));
  const auto far = ask(*transport, "http://192.0.2.1:9", std::nullopt);
  CHECK(std::get<Failure>(far.outcome).kind == FailureClass::permission);
}

TEST_CASE("transport: a connection that fails is told, too, and no proxy stands in between") {
  HttpServer server(always({send(reply("{}"))}));
  const auto transport = make_beast_transport();
  const auto told = ask(*transport, "http://127.0.0.1:1", std::nullopt);
  REQUIRE(told.connections.size() == 1);
  CHECK(told.connections[0].allowed);
  CHECK(told.connections[0].failure.has_value());
  CHECK(std::holds_alternative<HttpReply>(
      ask(*transport, server.url(), std::nullopt, {"http_proxy=http://127.0.0.1:1"}).outcome));
}
