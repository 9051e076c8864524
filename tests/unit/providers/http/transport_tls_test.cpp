// SPDX-License-Identifier: Apache-2.0
// Whom the transport trusts.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "providers/http/transport.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/transport_calls.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::testing;

namespace {

/// A file that lives for one test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    const int fd = mkstemp(path_.data());
    REQUIRE(fd >= 0);
    ::close(fd);
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/hillstar-test-XXXXXX";
};

}  // namespace

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

TEST_CASE("transport: certificates that prove nothing are refused before a byte of the request is sent") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  const struct {
    const char* what;
    Certificate certificate;
  } rows[] = {{"wrong host", maker.issue("other.example")},
              {"expired", maker.issue("localhost", true)},
              {"self-signed", maker.self_signed("localhost")},
              {"wrong address", maker.issue("127.0.0.2")}};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    HttpServer server(always({send(reply("secret"))}), {.certificate = row.certificate});
    const auto transport = make_beast_transport({.ca_file = authority.path()});
    const auto failed = failure_in(call(*transport, request_to(server.url("localhost"))));
    CHECK(failed.kind == FailureClass::auth);
    CHECK(failed.message.find("certificate") != std::string::npos);
    CHECK(server.requests().empty());
  }
  // A certificate of an authority that is not in the system store.
  HttpServer server(always({send(reply("secret"))}), {.certificate = maker.issue("localhost")});
  const auto transport = make_beast_transport();
  CHECK(failure_in(call(*transport, request_to(server.url("localhost")))).kind == FailureClass::auth);
}

TEST_CASE("transport: old TLS, plain text on a TLS port and a missing CA file are failures") {
  const CertificateMaker maker;
  const TemporaryFile authority(maker.authority());
  const auto transport = make_beast_transport({.ca_file = authority.path()});
  HttpServer old(always({send(reply("1"))}), {.certificate = maker.issue("localhost"), .tls_version_max = 0x0302});
  CHECK(failure_in(call(*transport, request_to(old.url("localhost")))).kind == FailureClass::network);
  HttpServer plain(always({send(reply("1"))}));
  auto request = request_to("https://localhost:" + std::to_string(plain.port()));
  request.connect_timeout = Millis(300);
  const auto failed = failure_in(call(*transport, request));
  CHECK((failed.kind == FailureClass::network || failed.kind == FailureClass::timeout));
  const auto without = make_beast_transport({.ca_file = "/nonexistent/ca.pem"});
  const auto missing = failure_in(call(*without, request_to(old.url("localhost"))));
  CHECK(missing.kind == FailureClass::io);
  CHECK(missing.message.find("/nonexistent/ca.pem") != std::string::npos);
}
