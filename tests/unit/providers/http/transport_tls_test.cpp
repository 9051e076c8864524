// SPDX-License-Identifier: Apache-2.0
// Whom the transport trusts.
#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "providers/http/transport.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/temporary_file.hpp"
#include "tests/support/transport_calls.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::testing;

TEST_CASE("transport: TLS with a trusted certificate works and is kept alive") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  for (const char* name : {"localhost", "127.0.0.1"}) {
    HttpServer server(always({send(reply("secret"))}), {.certificate = maker.issue(name)});
    const auto transport = make_beast_transport({.ca_file = authority.path()});
    for (int i = 0; i < 3; ++i) CHECK(reply_of(call(*transport, request_to(server.url(name)))).body == "secret");
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("transport: TLS 1.2 and 1.3 are spoken, and nothing older") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  const auto transport = make_beast_transport({.ca_file = authority.path()});
  const auto outcome = [&](int version) {
    HttpServer server(always({send(reply("1"))}),
                      {.certificate = maker.issue("localhost"), .tls_version_max = version});
    return call(*transport, request_to(server.url("localhost")));
  };
  CHECK(reply_of(outcome(TLS1_3_VERSION)).body == "1");
  CHECK(reply_of(outcome(TLS1_2_VERSION)).body == "1");
  for (const int old : {TLS1_1_VERSION, TLS1_VERSION}) {
    const auto failed = failure_in(outcome(old));
    CHECK(failed.kind == FailureClass::auth);
    CHECK(failed.message.find("TLS 1.2") != std::string::npos);
  }
}

TEST_CASE("transport: certificates that prove nothing are refused before a byte of the request is sent") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  const struct {
    const char* what;
    Certificate certificate;
    const char* advice;
  } rows[] = {{"wrong host", maker.issue("other.example"), "belongs to another host"},
              {"below the host", maker.issue("x.localhost"), "belongs to another host"},
              {"expired", maker.issue("localhost", true), "has expired"},
              {"self-signed", maker.self_signed("localhost"), "self-signed"},
              {"wrong address", maker.issue("127.0.0.2"), "belongs to another host"}};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    HttpServer server(always({send(reply("secret"))}), {.certificate = row.certificate});
    const auto transport = make_beast_transport({.ca_file = authority.path()});
    const auto failed = failure_in(call(*transport, request_to(server.url("localhost"))));
    CHECK(failed.kind == FailureClass::auth);
    CHECK(failed.message.find("certificate of localhost:") != std::string::npos);
    CHECK(failed.message.find(row.advice) != std::string::npos);
    CHECK(server.requests().empty());
  }
  // A certificate of an authority that is not in the system store.
  HttpServer server(always({send(reply("secret"))}), {.certificate = maker.issue("localhost")});
  const auto transport = make_beast_transport();
  const auto unknown = failure_in(call(*transport, request_to(server.url("localhost"))));
  CHECK(unknown.kind == FailureClass::auth);
  CHECK(unknown.message.find("SSL_CERT_FILE") != std::string::npos);
}

TEST_CASE("transport: a request brings the certificates that its person trusts, for itself only") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  HttpServer server(always({send(reply("1"))}), {.certificate = maker.issue("localhost")});
  const auto transport = make_beast_transport();
  auto request = request_to(server.url("localhost"));
  const auto with = [](std::vector<std::string> environment) {
    return std::make_shared<const NetworkSettings>(network_settings(environment));
  };
  request.network = with({"SSL_CERT_FILE=" + authority.path()});
  CHECK(reply_of(call(*transport, request)).body == "1");
  // The connection is kept, and not lent to somebody who does not trust the server.
  request.network = with({});
  CHECK(failure_in(call(*transport, request)).kind == FailureClass::auth);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("transport: certificates that cannot be loaded are an error that names them, until they can") {
  const CertificateMaker maker;
  HttpServer server(always({send(reply("1"))}), {.certificate = maker.issue("localhost")});
  const auto transport = make_beast_transport();
  const auto failed_with = [&](const std::string& variable) {
    auto request = request_to(server.url("localhost"));
    request.network = std::make_shared<const NetworkSettings>(network_settings({variable}));
    const auto failed = failure_in(call(*transport, request));
    CHECK(failed.kind == FailureClass::io);
    CHECK(failed.message.find(variable.substr(variable.find('=') + 1)) != std::string::npos);
    CHECK(failed.message.find("SSL_CERT_FILE") != std::string::npos);
  };
  failed_with("SSL_CERT_FILE=/nonexistent/ca.pem");
  failed_with("SSL_CERT_DIR=/nonexistent");
  const TemporaryFile empty("");
  failed_with("SSL_CERT_FILE=" + empty.path());
  const TemporaryFile broken("-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n");
  failed_with("SSL_CERT_FILE=" + broken.path());
  failed_with("SSL_CERT_DIR=" + broken.path());
  std::ofstream(broken.path()) << maker.authority();
  auto request = request_to(server.url("localhost"));
  request.network = std::make_shared<const NetworkSettings>(network_settings({"SSL_CERT_FILE=" + broken.path()}));
  CHECK(reply_of(call(*transport, request)).body == "1");
}

TEST_CASE("transport: plain text on a TLS port, silence, and a missing CA file are failures") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  const auto transport = make_beast_transport({.ca_file = authority.path()});
  HttpServer plain(always({}));
  auto request = request_to("https://localhost:" + std::to_string(plain.port()));
  request.connect_timeout = Millis(1'500);
  const auto silent = failure_in(call(*transport, request));
  CHECK(silent.kind == FailureClass::timeout);
  CHECK(silent.message.find("making the TLS connection to localhost:") != std::string::npos);
  const auto without = make_beast_transport({.ca_file = "/nonexistent/ca.pem"});
  const auto missing = failure_in(call(*without, request));
  CHECK(missing.kind == FailureClass::io);
  CHECK(missing.message.find("/nonexistent/ca.pem") != std::string::npos);
}
