// SPDX-License-Identifier: Apache-2.0
// Requests through proxies: tunnels for https, whole addresses for http. No name here exists: only the proxy is called.
#include <doctest/doctest.h>

#include <string>

#include "providers/http/transport.hpp"
#include "tests/support/connect_proxy.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/temporary_file.hpp"
#include "tests/support/transport_calls.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::testing;

namespace {

std::shared_ptr<const NetworkSettings> network(const std::vector<std::string>& environment) {
  return std::make_shared<const NetworkSettings>(network_settings(environment));
}

/// The failure of an https request through a proxy that does `steps` when it is asked for a tunnel.
Failure tunnel_fault(std::vector<Step> steps, const std::string& user = "", Millis connect_timeout = Millis(30'000)) {
  HttpServer proxy(always(std::move(steps)));
  const auto transport = make_beast_transport();
  auto request = request_to("https://model.invalid/v1");
  request.connect_timeout = connect_timeout;
  request.network = network({"https_proxy=http://" + user + "127.0.0.1:" + std::to_string(proxy.port())});
  return failure_in(call(*transport, std::move(request)));
}

}  // namespace

TEST_CASE("transport: https goes through a tunnel, verified end to end, and the tunnel is kept") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  HttpServer server(always({send(reply("secret"))}), {.certificate = maker.issue("model.invalid")});
  const ConnectProxy proxy(server.port());
  const auto transport = make_beast_transport();
  auto request = request_to("https://model.invalid:8443/v1");
  request.bearer = Secret("model-key");
  request.network =
      network({"HTTPS_PROXY=http://me:proxy%20pass@" + proxy.authority(), "SSL_CERT_FILE=" + authority.path()});
  for (int i = 0; i < 3; ++i) CHECK(reply_of(call(*transport, request)).body == "secret");
  REQUIRE(proxy.heads().size() == 1);
  const auto head = proxy.heads().front();
  CHECK(head.starts_with("CONNECT model.invalid:8443 HTTP/1.1\r\nHost: model.invalid:8443\r\n"));
  CHECK(head.find("Proxy-Authorization: Basic bWU6cHJveHkgcGFzcw==\r\n") != std::string::npos);
  CHECK(head.find("model-key") == std::string::npos);
  const auto seen = server.requests().at(0);
  CHECK(seen.head.starts_with("POST /v1 HTTP/1.1\r\nHost: model.invalid:8443\r\n"));
  CHECK(seen.field("proxy-authorization").empty());
  CHECK(seen.field("authorization") == "Bearer model-key");
}

TEST_CASE("transport: a tunnel does not make a wrong certificate right") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  HttpServer server(always({send(reply("secret"))}), {.certificate = maker.issue("other.invalid")});
  const ConnectProxy proxy(server.port());
  const auto transport = make_beast_transport();
  auto request = request_to("https://model.invalid/v1");
  request.network = network({"https_proxy=" + proxy.authority(), "SSL_CERT_FILE=" + authority.path()});
  const auto failed = failure_in(call(*transport, request));
  CHECK(failed.kind == FailureClass::auth);
  CHECK(failed.message.find("model.invalid") != std::string::npos);
  CHECK(server.requests().empty());
}

TEST_CASE("transport: tunnels are not shared between people with different passwords or certificates") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  const TemporaryFile same_again(maker.authority());
  HttpServer server(always({send(reply("1"))}), {.certificate = maker.issue("model.invalid")});
  const ConnectProxy proxy(server.port());
  const auto transport = make_beast_transport();
  auto request = request_to("https://model.invalid/");
  const std::vector<std::vector<std::string>> people = {
      {"https_proxy=http://a:1@" + proxy.authority(), "SSL_CERT_FILE=" + authority.path()},
      {"https_proxy=http://b:2@" + proxy.authority(), "SSL_CERT_FILE=" + authority.path()},
      {"https_proxy=http://a:1@" + proxy.authority(), "SSL_CERT_FILE=" + same_again.path()}};
  for (int i = 0; i < 2; ++i)
    for (const auto& person : people) {
      request.network = network(person);
      CHECK(reply_of(call(*transport, request)).body == "1");
    }
  CHECK(proxy.heads().size() == 3);
  request.network = network({people[0][0]});  // trusts nobody who knows this server
  CHECK(failure_in(call(*transport, request)).kind == FailureClass::auth);
}

TEST_CASE("transport: http goes to the proxy with its whole address") {
  HttpServer proxy(always({send(reply("1"))}));
  TransportOptions options;
  options.network = network_settings({"http_proxy=http://me:pw@127.0.0.1:" + std::to_string(proxy.port())});
  const auto transport = make_beast_transport(options);
  for (int i = 0; i < 2; ++i)
    CHECK(reply_of(call(*transport, request_to("http://model.invalid:81/v1?x=1"))).body == "1");
  CHECK(proxy.connections() == 1);
  const auto seen = proxy.requests().at(1);
  CHECK(seen.head.starts_with("POST http://model.invalid:81/v1?x=1 HTTP/1.1\r\nHost: model.invalid:81\r\n"));
  CHECK(seen.field("proxy-authorization") == "Basic bWU6cHc=");
}

TEST_CASE("transport: a key is not sent unencrypted through a proxy that is near, to a host that is not") {
  HttpServer proxy(always({send(reply("1"))}));
  const auto transport = make_beast_transport();
  auto request = request_to("http://model.invalid/");
  request.network = network({"http_proxy=127.0.0.1:" + std::to_string(proxy.port())});
  request.bearer = Secret("canary");
  CHECK(failure_in(call(*transport, request)).kind == FailureClass::invalid_request);
  CHECK(proxy.requests().empty());
  request.url = "http://10.1.2.3/";
  CHECK(reply_of(call(*transport, request)).body == "1");
  request.url = "http://169.254.169.254/latest";
  request.bearer = Secret();
  CHECK(failure_in(call(*transport, request)).kind == FailureClass::invalid_request);
  CHECK(proxy.requests().size() == 1);
}

TEST_CASE("transport: hosts in NO_PROXY and this machine are called directly") {
  HttpServer server(always({send(reply("direct"))}));
  const auto transport = make_beast_transport();
  auto request = request_to(server.url());
  request.network = network({"all_proxy=http://proxy.invalid:1"});
  CHECK(reply_of(call(*transport, request)).body == "direct");
  auto asked = *request.network;
  asked.proxy.loopback = true;
  asked.proxy.no_proxy = "127.0.0.0/8";
  request.network = std::make_shared<const NetworkSettings>(asked);
  CHECK(reply_of(call(*transport, request)).body == "direct");
}

TEST_CASE("transport: proxies that refuse, stall, talk nonsense or go away are failures that name them") {
  const auto password = tunnel_fault({send(reply("no", "407 Proxy Authentication Required"))});
  CHECK(password.kind == FailureClass::auth);
  CHECK(password.message.find("asks for a user name") != std::string::npos);
  const auto wrong = tunnel_fault({send(reply("no", "407 Proxy Authentication Required"))}, "me:canary@");
  CHECK(wrong.kind == FailureClass::auth);
  CHECK(wrong.message.find("does not accept") != std::string::npos);
  CHECK(wrong.message.find("https_proxy") != std::string::npos);
  CHECK(wrong.message.find("canary") == std::string::npos);
  CHECK(tunnel_fault({send(reply("no", "403 Forbidden"))}).kind == FailureClass::permission);
  CHECK(tunnel_fault({send(reply("no", "502 Bad Gateway"))}).kind == FailureClass::network);
  CHECK(tunnel_fault({send(reply("no", "302 Found", "Location: http://x\r\n"))}).kind == FailureClass::permission);
  CHECK(tunnel_fault({hillstar::testing::close()}).kind == FailureClass::network);
  CHECK(tunnel_fault({reset()}).kind == FailureClass::network);
  CHECK(tunnel_fault({send("HTTP/1.1 2"), hillstar::testing::close()}).kind == FailureClass::network);
  CHECK(tunnel_fault({send("SSH-2.0-x\r\n\r\n")}).kind == FailureClass::malformed_reply);
  CHECK(tunnel_fault({send("HTTP/1.1 200 OK\r\n\r\nearly bird")}).kind == FailureClass::malformed_reply);
  CHECK(tunnel_fault({send("HTTP/1.1 200 OK\r\nX: "), repeat(std::string(1000, 'x'))}).kind ==
        FailureClass::malformed_reply);
  const auto slow = tunnel_fault({stall()}, "", Millis(1'000));
  CHECK(slow.kind == FailureClass::timeout);
  CHECK(slow.message.find("waiting for the proxy 127.0.0.1:") != std::string::npos);
}

TEST_CASE("transport: a proxy that wants a password for http says so too") {
  HttpServer proxy(always({send(reply("no", "407 Proxy Authentication Required"))}));
  const auto transport = make_beast_transport();
  auto request = request_to("http://model.invalid/");
  request.network = network({"http_proxy=127.0.0.1:" + std::to_string(proxy.port())});
  const auto failed = failure_in(call(*transport, request));
  CHECK(failed.kind == FailureClass::auth);
  CHECK(failed.message.find("http_proxy") != std::string::npos);
}

TEST_CASE("transport: a proxy that cannot be reached, or is misspelt, fails before anything is sent") {
  const auto transport = make_beast_transport();
  auto request = request_to("https://model.invalid/");
  request.network = network({"https_proxy=http://proxy.invalid:1"});
  const auto unknown = failure_in(call(*transport, request));
  CHECK(unknown.kind == FailureClass::network);
  CHECK(unknown.message.find("proxy.invalid:1 (https_proxy)") != std::string::npos);
  request.network = network({"https_proxy=socks5://canary:1"});
  const auto misspelt = failure_in(call(*transport, request));
  CHECK(misspelt.kind == FailureClass::invalid_request);
  CHECK(misspelt.message.find("https_proxy") != std::string::npos);
  CHECK(misspelt.message.find("canary") == std::string::npos);
}

TEST_CASE("transport: cancellation ends the wait for a proxy, and closes its connection") {
  HttpServer proxy(always({stall()}));
  const auto transport = make_beast_transport();
  auto request = request_to("https://model.invalid/");
  request.network = network({"https_proxy=127.0.0.1:" + std::to_string(proxy.port())});
  const auto made = begin(*transport, request);
  proxy.await_requests(1);
  made->handle->cancel();
  CHECK(failure_in(made->outcome.get()).message.find("cancelled") != std::string::npos);
  proxy.await_ended(1);
}
