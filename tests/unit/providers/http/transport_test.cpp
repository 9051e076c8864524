// SPDX-License-Identifier: Apache-2.0
// The Beast transport against a server that misbehaves in one way a test.
#include "providers/http/transport.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <atomic>
#include <future>
#include <string>
#include <thread>

#include "tests/support/http_server.hpp"
#include "tests/support/transport_calls.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::testing;

TEST_CASE("transport: sends what it was given and returns status, fields and body") {
  HttpServer server(always({send(reply("{\"a\":1}", "200 OK", "X-Request-Id: r1\r\n"))}));
  const auto transport = make_beast_transport();
  auto request = request_to(server.url() + "/v1/x?y=1");
  request.headers = {{"content-type", "application/json"}};
  request.bearer = Secret("k1");
  request.body = "{\"b\":2}";
  const auto answer = reply_of(call(*transport, std::move(request)));
  CHECK(answer.status == 200);
  CHECK(answer.header("x-request-id") == "r1");
  CHECK(answer.header("absent").empty());
  CHECK(answer.body == "{\"a\":1}");
  const auto seen = server.requests().at(0);
  CHECK(seen.head.starts_with("POST /v1/x?y=1 HTTP/1.1\r\n"));
  CHECK(seen.field("host") == "127.0.0.1:" + std::to_string(server.port()));
  CHECK(seen.field("authorization") == "Bearer k1");
  CHECK(seen.body == "{\"b\":2}");
}

TEST_CASE("transport: chunks reach on_body while the reply still runs") {
  HttpServer server(always(
      {send(chunked_header()), send(chunk("data: 1\n\n")), hold(), send(chunk("data: 2\n\n")), send(chunk(""))}));
  const auto transport = make_beast_transport();
  std::promise<void> first;
  std::string streamed;
  std::promise<HttpOutcome> done;
  HttpCallbacks callbacks;
  callbacks.on_body = [&](std::string_view bytes) {
    if (streamed.empty()) first.set_value();
    streamed += bytes;
  };
  callbacks.done = [&](HttpOutcome outcome) { done.set_value(std::move(outcome)); };
  transport->send(request_to(server.url()), callbacks);
  first.get_future().get();  // The server is held: this piece came alone.
  server.release();
  const auto answer = reply_of(done.get_future().get());
  CHECK(streamed == "data: 1\n\ndata: 2\n\n");
  CHECK(answer.body.empty());
}

TEST_CASE("transport: bodies of errors are collected and cut, not streamed") {
  HttpServer server(always({send(reply(std::string(1 << 20, 'x'), "500 Internal Server Error"))}));
  const auto transport = make_beast_transport();
  const auto made = begin(*transport, request_to(server.url()), true);
  const auto answer = reply_of(made->outcome.get());
  CHECK(answer.status == 500);
  CHECK(answer.body.size() == 64 * 1024);
  CHECK(made->streamed.empty());
}

TEST_CASE("transport: keeps connections and uses them again") {
  HttpServer server(always({send(reply("1"))}));
  const auto transport = make_beast_transport();
  for (int i = 0; i < 20; ++i) CHECK(reply_of(call(*transport, request_to(server.url()))).body == "1");
  CHECK(server.connections() == 1);
}

TEST_CASE("transport: does not use a connection again that the server said it closes") {
  HttpServer server(always({send(reply("1", "200 OK", "Connection: close\r\n")), hillstar::testing::close()}));
  const auto transport = make_beast_transport();
  for (int i = 0; i < 3; ++i) CHECK(reply_of(call(*transport, request_to(server.url()))).body == "1");
  CHECK(server.connections() == 3);
}

TEST_CASE("transport: a kept connection that was closed meanwhile is replaced") {
  HttpServer server([](const SeenRequest& seen) -> std::vector<Step> {
    if (seen.number == 0) return {send(reply("ok")), hillstar::testing::close()};
    return {send(reply("ok"))};
  });
  const auto transport = make_beast_transport();
  CHECK(reply_of(call(*transport, request_to(server.url()))).body == "ok");
  server.await_ended(1);
  CHECK(reply_of(call(*transport, request_to(server.url()))).body == "ok");
  CHECK(server.connections() == 2);
  CHECK(server.requests().size() == 2);
}

TEST_CASE("transport: what has no effect is sent again when its kept connection dies, once, before the first byte") {
  const auto get = [](const HttpServer& server) {
    auto request = request_to(server.url());
    request.method = "GET";
    request.body.clear();
    return request;
  };
  const auto transport = make_beast_transport();
  for (const auto& end : {hillstar::testing::close(), reset()}) {
    HttpServer server([&](const SeenRequest& seen) -> std::vector<Step> {
      if (seen.number == 1) return {end};
      return {send(reply("ok"))};
    });
    CHECK(reply_of(call(*transport, get(server))).body == "ok");
    CHECK(reply_of(call(*transport, get(server))).body == "ok");
    CHECK(server.requests().size() == 3);
  }
  HttpServer twice([](const SeenRequest& seen) -> std::vector<Step> {
    if (seen.number > 0) return {hillstar::testing::close()};
    return {send(reply("ok"))};
  });
  reply_of(call(*transport, get(twice)));
  CHECK(failure_in(call(*transport, get(twice))).kind == FailureClass::network);
  CHECK(twice.requests().size() == 3);

  HttpServer begun([](const SeenRequest& seen) -> std::vector<Step> {
    if (seen.number > 0) return {send("HTTP/1.1 2"), hillstar::testing::close()};
    return {send(reply("ok"))};
  });
  reply_of(call(*transport, get(begun)));
  CHECK(failure_in(call(*transport, get(begun))).kind == FailureClass::network);
  CHECK(begun.requests().size() == 2);

  HttpServer fresh(always({hillstar::testing::close()}));
  CHECK(failure_in(call(*transport, get(fresh))).kind == FailureClass::network);
  CHECK(fresh.requests().size() == 1);
}

TEST_CASE("transport: a model call that a server has read is never sent twice") {
  const auto transport = make_beast_transport();
  for (const auto& end : {hillstar::testing::close(), reset()}) {
    HttpServer server([&](const SeenRequest& seen) -> std::vector<Step> {
      if (seen.number == 1) return {end};
      return {send(reply("ok"))};
    });
    reply_of(call(*transport, request_to(server.url())));
    CHECK(failure_in(call(*transport, request_to(server.url()))).kind == FailureClass::network);
    CHECK(server.requests().size() == 2);
  }
  // A server that closes while the next request is on its way: whatever the race, nothing is read twice.
  HttpServer hasty(always({send(reply("ok")), hillstar::testing::close()}));
  int answered = 0;
  for (int i = 0; i < 300; ++i) {
    auto request = request_to(hasty.url());
    request.body = std::to_string(i);
    const auto outcome = call(*transport, std::move(request));
    if (std::holds_alternative<HttpReply>(outcome))
      ++answered;
    else
      CHECK(std::get<Failure>(outcome).kind == FailureClass::network);
  }
  std::vector<int> seen(300);
  for (const auto& request : hasty.requests()) CHECK(++seen.at(std::stoul(request.body)) == 1);
  CHECK(answered > 0);
}

TEST_CASE("transport: a connection with leftovers is not used again") {
  HttpServer server(always({send(reply("1") + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")}));
  const auto transport = make_beast_transport();
  CHECK(reply_of(call(*transport, request_to(server.url()))).body == "1");
  CHECK(reply_of(call(*transport, request_to(server.url()))).body == "1");
  CHECK(server.connections() == 2);
}

TEST_CASE("transport: stall before the header runs into the first-byte limit") {
  const auto failed = fault({stall()}, [](HttpRequest& request) { request.first_byte_timeout = Millis(50); });
  CHECK(failed.kind == FailureClass::timeout);
  CHECK(failed.message.find("waiting for the reply") != std::string::npos);
}

TEST_CASE("transport: a header that drips is bounded by the first-byte limit too") {
  std::vector<Step> steps{send("HTTP/1.1 200 OK\r\n")};
  for (int i = 0; i < 1000; ++i) {
    steps.push_back(pause(Millis(20)));
    steps.push_back(send("X: y\r\n"));
  }
  CHECK(fault(steps, [](HttpRequest& request) { request.first_byte_timeout = Millis(100); }).kind ==
        FailureClass::timeout);
}

TEST_CASE("transport: stall within the body runs into the idle limit") {
  const auto failed = fault({send(chunked_header()), send(chunk("data: 1\n\n")), stall()},
                            [](HttpRequest& request) { request.idle_timeout = Millis(50); });
  CHECK(failed.kind == FailureClass::timeout);
  CHECK(failed.message.find("reading the reply") != std::string::npos);
}

TEST_CASE("transport: a slow drip that never stalls runs into the total limit") {
  std::vector<Step> steps{send(chunked_header())};
  for (int i = 0; i < 1000; ++i) {
    steps.push_back(send(chunk("x")));
    steps.push_back(pause(Millis(20)));
  }
  const auto failed = fault(steps, [](HttpRequest& request) { request.total_timeout = Millis(150); });
  CHECK(failed.kind == FailureClass::timeout);
  CHECK(failed.message.find("in all") != std::string::npos);
}

TEST_CASE("transport: a slow reply within its limits arrives whole") {
  std::vector<Step> steps{send(chunked_header())};
  for (int i = 0; i < 10; ++i) {
    steps.push_back(send(chunk("x")));
    steps.push_back(pause(Millis(5)));
  }
  steps.push_back(send(chunk("")));
  HttpServer server(always(steps));
  const auto transport = make_beast_transport();
  CHECK(reply_of(call(*transport, request_to(server.url()))).body == "xxxxxxxxxx");
}

TEST_CASE("transport: reset and half replies are network failures") {
  CHECK(fault({reset()}).kind == FailureClass::network);
  CHECK(fault({send(chunked_header()), send(chunk("abc")), reset()}).kind == FailureClass::network);
  CHECK(fault({send(chunked_header()), send(chunk("abc")), hillstar::testing::close()}).kind == FailureClass::network);
  CHECK(fault({send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), hillstar::testing::close()}).kind ==
        FailureClass::network);
}

TEST_CASE("transport: a body without a length ends with the connection") {
  HttpServer server(always({send("HTTP/1.1 200 OK\r\n\r\nwhole"), hillstar::testing::close()}));
  const auto transport = make_beast_transport();
  CHECK(reply_of(call(*transport, request_to(server.url()))).body == "whole");
}

TEST_CASE("transport: garbage is a malformed reply") {
  CHECK(fault({send("\x16\x03\x01 this is no HTTP\r\n\r\n")}).kind == FailureClass::malformed_reply);
  CHECK(fault({send("HTTP/1.1 9999 X\r\n\r\n")}).kind == FailureClass::malformed_reply);
  CHECK(fault({send("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")}).kind == FailureClass::malformed_reply);
  CHECK(fault({send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n")}).kind ==
        FailureClass::malformed_reply);
  CHECK(fault({send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")})
            .kind == FailureClass::malformed_reply);
  CHECK(fault({send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc")}).kind ==
        FailureClass::malformed_reply);
}

TEST_CASE("transport: bodies and headers have a largest size") {
  const auto small = [](HttpRequest& request) { request.body_bytes_max = 1000; };
  CHECK(fault({send(reply(std::string(1001, 'x')))}, small).kind == FailureClass::output_limit);
  CHECK(fault({send(chunked_header()), repeat(chunk(std::string(100, 'x')))}, small).kind ==
        FailureClass::output_limit);
  CHECK(fault({send("HTTP/1.1 200 OK\r\n\r\n"), repeat(std::string(100, 'x'))}, small).kind ==
        FailureClass::output_limit);
  CHECK(fault({send("HTTP/1.1 200 OK\r\n"), repeat("X-Long: " + std::string(1000, 'x') + "\r\n")}).kind ==
        FailureClass::output_limit);
  CHECK(fault({send("HTTP/1.1 200 OK\r\nX: "), repeat(std::string(1000, 'x'))}).kind == FailureClass::output_limit);

  HttpServer server(always({send(reply(std::string(1000, 'x')))}));
  const auto transport = make_beast_transport();
  auto request = request_to(server.url());
  small(request);
  CHECK(reply_of(call(*transport, request)).body.size() == 1000);
}

TEST_CASE("transport: too many header fields are refused") {
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 300; ++i) head += "X-" + std::to_string(i) + ": y\r\n";
  CHECK(fault({send(head + "Content-Length: 0\r\n\r\n")}).kind == FailureClass::malformed_reply);
}

TEST_CASE("transport: a few interim replies are skipped, a flood of them is refused") {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  HttpServer server(
      always({send(interim + "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), send(interim + reply("1"))}));
  const auto transport = make_beast_transport();
  const auto answer = reply_of(call(*transport, request_to(server.url())));
  CHECK(answer.status == 200);
  CHECK(answer.header("link").empty());
  CHECK(answer.body == "1");
  CHECK(fault({repeat(interim)}).kind == FailureClass::malformed_reply);
  CHECK(fault({send("HTTP/1.1 101 Switching Protocols\r\n\r\n"), stall()}).kind == FailureClass::malformed_reply);
}

TEST_CASE("transport: a server that answers before it has read all is heard") {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(listener, 1) == 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::promise<void> answered;
  std::thread server([&] {
    const int peer = accept(listener, nullptr, nullptr);
    const std::string early = reply("{\"error\":\"too large\"}", "413 Content Too Large", "Connection: close\r\n");
    CHECK(::send(peer, early.data(), early.size(), 0) == static_cast<ssize_t>(early.size()));
    shutdown(peer, SHUT_WR);
    std::string sink(1 << 16, ' ');
    while (recv(peer, sink.data(), sink.size(), 0) > 0) {
    }
    ::close(peer);
  });
  const auto transport = make_beast_transport();
  auto request = request_to("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  request.body.assign(1 << 20, 'x');
  CHECK(reply_of(call(*transport, std::move(request))).status == 413);
  server.join();
  ::close(listener);
}

TEST_CASE("transport: refused connections, unknown hosts and bad addresses are told apart") {
  unsigned short unused = 0;
  {
    const HttpServer gone(always({}));
    unused = gone.port();
  }
  const auto transport = make_beast_transport();
  const auto closed = failure_in(call(*transport, request_to("http://127.0.0.1:" + std::to_string(unused))));
  CHECK(closed.kind == FailureClass::network);
  CHECK(closed.message.find("refused") != std::string::npos);
  CHECK(failure_in(call(*transport, request_to("http://host.invalid/"))).kind == FailureClass::network);
  CHECK(failure_in(call(*transport, request_to("gopher://h/"))).kind == FailureClass::invalid_request);
  CHECK(failure_in(call(*transport, request_to("http://169.254.169.254/latest"))).kind ==
        FailureClass::invalid_request);
  CHECK(failure_in(call(*transport, request_to("http://0.0.0.0/"))).kind == FailureClass::invalid_request);
  auto request = request_to("http://127.0.0.1:1/");
  request.bearer = Secret("canary\r\nX: y");
  const auto smuggled = failure_in(call(*transport, request));
  CHECK(smuggled.kind == FailureClass::invalid_request);
  CHECK(smuggled.message.find("canary") == std::string::npos);
}

TEST_CASE("transport: cancellation closes the stream and is answered once") {
  HttpServer server(always({send(chunked_header()), send(chunk("data: 1\n\n")), stall()}));
  const auto transport = make_beast_transport();
  const auto made = begin(*transport, request_to(server.url()), true);
  server.await_requests(1);
  made->handle->cancel();
  made->handle->cancel();
  const auto failed = failure_in(made->outcome.get());
  CHECK(failed.kind == FailureClass::network);
  CHECK(failed.message.find("cancelled") != std::string::npos);
  server.await_ended(1);
  CHECK(made->answers == 1);
}

TEST_CASE("transport: cancelling what is over, or outlives the transport, does nothing") {
  HttpServer server(always({send(reply("1"))}));
  auto transport = make_beast_transport();
  const auto made = begin(*transport, request_to(server.url()));
  reply_of(made->outcome.get());
  made->handle->cancel();
  transport.reset();
  made->handle->cancel();
  CHECK(made->answers == 1);
}

TEST_CASE("transport: its end answers everything in flight, once") {
  HttpServer server(always({stall()}));
  auto transport = make_beast_transport();
  std::vector<std::shared_ptr<Call>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(begin(*transport, request_to(server.url())));
  server.await_requests(10);
  transport.reset();
  for (const auto& made : calls) {
    CHECK(failure_in(made->outcome.get()).kind == FailureClass::network);
    CHECK(made->answers == 1);
  }
}

TEST_CASE("transport: many requests from many threads are each answered once with their own reply") {
  HttpServer server([](const SeenRequest& seen) -> std::vector<Step> { return {send(reply(seen.body))}; });
  const auto transport = make_beast_transport({.ca_file = {}, .idle_connections_max = 8});
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        auto request = request_to(server.url());
        request.body = std::to_string(t * 1000 + i);
        const auto outcome = call(*transport, request);
        const auto* answer = std::get_if<HttpReply>(&outcome);
        if (answer == nullptr || answer->body != request.body) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(server.connections() < 100);
}
