// SPDX-License-Identifier: Apache-2.0
// Ends, stalls and cancellation at every stage of a request; what happens to kept connections.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "providers/http/transport.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/transport_calls.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::testing;

namespace {

/// A listener that never accepts. `full`: its queue is full too, and who connects waits for ever.
class DeafListener {
 public:
  explicit DeafListener(bool full) : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener_, full ? 0 : 8) == 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    for (int i = 0; full && i < 8; ++i) {
      fillers_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)connect(fillers_.back(), reinterpret_cast<sockaddr*>(&address), size);
    }
  }
  ~DeafListener() {
    for (const int fd : fillers_) ::close(fd);
    ::close(listener_);
  }
  DeafListener(const DeafListener&) = delete;
  DeafListener& operator=(const DeafListener&) = delete;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  int listener_;
  int port_ = 0;
  std::vector<int> fillers_;
};

}  // namespace

TEST_CASE("transport: a connection that does not come about runs into the connect limit, or can be cancelled") {
  const DeafListener listener(true);
  const auto transport = make_beast_transport();
  auto request = request_to(listener.url());
  request.connect_timeout = Millis(100);
  const auto failed = failure_in(call(*transport, request));
  CHECK(failed.kind == FailureClass::timeout);
  CHECK(failed.message.find("last connecting to 127.0.0.1:") != std::string::npos);
  const auto made = begin(*transport, request_to(listener.url()));
  made->handle->cancel();
  CHECK(failure_in(made->outcome.get()).message.find("cancelled") != std::string::npos);
}

TEST_CASE("transport: a server that does not read runs into the first-byte limit while the request is sent") {
  const DeafListener listener(false);
  const auto transport = make_beast_transport();
  auto request = request_to(listener.url());
  request.body.assign(32U << 20U, 'x');  // more than the buffers between the two take
  request.first_byte_timeout = Millis(100);
  const auto failed = failure_in(call(*transport, request));
  CHECK(failed.kind == FailureClass::timeout);
  CHECK(failed.message.find("last sending the request") != std::string::npos);
  const auto made = begin(*transport, request);
  made->handle->cancel();
  CHECK(failure_in(made->outcome.get()).message.find("cancelled") != std::string::npos);
}

TEST_CASE("transport: every stage can end in a close or a reset, and says where") {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const struct {
    const char* what;
    std::vector<Step> before;
    const char* where;
  } rows[] = {
      {"before the reply", {}, "before the reply"},
      {"within the status line", {send("HTTP/1.")}, "within the reply"},
      {"within the header", {send(head + "Content-Type: te")}, "within the reply"},
      {"after the header", {send(head + "Content-Length: 10\r\n\r\n")}, "within the reply"},
      {"within the body", {send(head + "Content-Length: 10\r\n\r\n12345")}, "within the reply"},
      {"within a chunk's size", {send(chunked_header() + "1")}, "within the reply"},
      {"within a chunk", {send(chunked_header() + "a\r\n12345")}, "within the reply"},
      {"after a chunk", {send(chunked_header() + "5\r\n12345\r\n")}, "within the reply"},
      {"before the last line", {send(chunked_header() + "5\r\n12345\r\n0\r\n")}, "within the reply"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    auto steps = row.before;
    steps.push_back(hillstar::testing::close());
    const auto closed = fault(steps);
    CHECK(closed.kind == FailureClass::network);
    CHECK(closed.message.find(row.where) != std::string::npos);
    steps.back() = reset();
    // What was sent may be lost with a reset: where it happened is not certain then.
    CHECK(fault(steps).kind == FailureClass::network);
    steps.back() = stall();
    const auto stalled =
        fault(steps, [](HttpRequest& request) { request.first_byte_timeout = request.idle_timeout = Millis(60); });
    CHECK(stalled.kind == FailureClass::timeout);
  }
}

TEST_CASE("transport: each stage can be cancelled, and the server sees the end of the connection at once") {
  const std::vector<std::vector<Step>> stages = {{stall()},
                                                 {send("HTTP/1.1 2"), stall()},
                                                 {send(chunked_header()), stall()},
                                                 {send(chunked_header()), send(chunk("data: 1\n\n")), stall()},
                                                 {send(chunked_header()), repeat(chunk("data: 1\n\n"))}};
  for (const auto& steps : stages) {
    HttpServer server(always(steps));
    const auto transport = make_beast_transport();
    const auto made = begin(*transport, request_to(server.url()), true);
    server.await_requests(1);
    made->handle->cancel();
    CHECK(failure_in(made->outcome.get()).message.find("cancelled") != std::string::npos);
    server.await_ended(1);
    CHECK(made->answers == 1);
  }
}

TEST_CASE("transport: connections that nobody uses are closed when they are old, without another request") {
  HttpServer server(always({send(reply("1"))}));
  TransportOptions options;
  options.idle_connection_age = Millis(30);
  const auto transport = make_beast_transport(options);
  reply_of(call(*transport, request_to(server.url())));
  server.await_ended(1);
  CHECK(reply_of(call(*transport, request_to(server.url()))).body == "1");
  CHECK(server.connections() == 2);
}

TEST_CASE("transport: no more connections are kept than the limits allow, for a host and in all") {
  const auto kept = [](const TransportOptions& options, std::size_t servers, std::size_t calls) {
    std::vector<std::unique_ptr<HttpServer>> hosts;
    for (std::size_t i = 0; i < servers; ++i)
      hosts.push_back(std::make_unique<HttpServer>(always({hold(), send(reply("1"))})));
    const auto transport = make_beast_transport(options);
    std::vector<std::shared_ptr<Call>> made;
    for (const auto& host : hosts)
      for (std::size_t i = 0; i < calls; ++i) made.push_back(begin(*transport, request_to(host->url())));
    for (const auto& host : hosts) host->await_requests(calls);
    for (const auto& host : hosts) host->release();
    for (const auto& one : made) reply_of(one->outcome.get());
    // Another round, one after the other: what was kept is used again.
    std::size_t fresh = 0;
    made.clear();
    for (const auto& host : hosts)
      for (std::size_t i = 0; i < calls; ++i) reply_of(call(*transport, request_to(host->url())));
    for (const auto& host : hosts) fresh += host->connections();
    return fresh;
  };
  TransportOptions one;
  one.idle_connections_max = 1;
  CHECK(kept(one, 1, 5) == 5);  // the one that is kept serves all that follow
  TransportOptions none;
  none.idle_connections_max = 0;
  CHECK(kept(none, 1, 3) == 6);
  TransportOptions none_in_all;
  none_in_all.idle_connections_in_all_max = 0;
  CHECK(kept(none_in_all, 2, 2) == 8);
  TransportOptions one_in_all;
  one_in_all.idle_connections_in_all_max = 1;
  CHECK(kept(one_in_all, 2, 3) == 9);  // one host has its one back, the other has none
}
