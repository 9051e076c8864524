// SPDX-License-Identifier: Apache-2.0
// Compressed, large and odd bodies over the wire, and redirects.
#include <doctest/doctest.h>

#include <string>

#include "providers/http/transport.hpp"
#include "tests/support/compressed.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/transport_calls.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::testing;

namespace {

constexpr const char* kGzip = "Content-Encoding: gzip\r\n";

std::string gzip_stream_header() {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
         "Transfer-Encoding: chunked\r\n\r\n";
}

}  // namespace

TEST_CASE("transport: compressed replies are asked for and read, streamed or not") {
  const std::string text(5000, 'x');
  const struct {
    const char* coding;
    Format format;
  } rows[] = {{"gzip", Format::gzip}, {"deflate", Format::zlib}, {"deflate", Format::bare}};
  for (const auto& row : rows) {
    HttpServer server(always({send(
        reply(compressed(text, row.format), "200 OK", "Content-Encoding: " + std::string(row.coding) + "\r\n"))}));
    const auto transport = make_beast_transport();
    CHECK((reply_of(call(*transport, request_to(server.url()))).body == text));
    const auto made = begin(*transport, request_to(server.url()), true);
    CHECK(reply_of(made->outcome.get()).body.empty());
    CHECK((made->streamed == text));
    CHECK(server.connections() == 1);
    CHECK(server.requests().at(0).field("accept-encoding") == "gzip");
  }
}

TEST_CASE("transport: events of a compressed stream arrive while it still runs") {
  const auto pieces = compressed_pieces({"data: 1\n\n", "data: 2\n\n"}, Format::gzip);
  HttpServer server(
      always({send(gzip_stream_header()), send(chunk(pieces[0])), hold(), send(chunk(pieces[1])), send(chunk(""))}));
  const auto transport = make_beast_transport();
  std::promise<void> first;
  std::promise<HttpOutcome> done;
  std::string streamed;
  HttpCallbacks callbacks;
  callbacks.on_body = [&](std::string_view bytes) {
    streamed += bytes;
    if (streamed == "data: 1\n\n") first.set_value();
  };
  callbacks.done = [&](HttpOutcome outcome) { done.set_value(std::move(outcome)); };
  transport->send(request_to(server.url()), callbacks);
  first.get_future().get();
  server.release();
  reply_of(done.get_future().get());
  CHECK(streamed == "data: 1\n\ndata: 2\n\n");
}

TEST_CASE("transport: compressed bodies that are cut, damaged or bombs are failures") {
  const auto whole = compressed(std::string(5000, 'x'));
  CHECK(fault({send(reply(whole.substr(0, whole.size() - 1), "200 OK", kGzip))}).kind == FailureClass::malformed_reply);
  auto damaged = whole;
  damaged[damaged.size() - 6] ^= 1;
  CHECK(fault({send(reply(damaged, "200 OK", kGzip))}).kind == FailureClass::malformed_reply);
  CHECK(fault({send(reply("plain", "200 OK", kGzip))}).kind == FailureClass::malformed_reply);
  CHECK(fault({send(reply("plain", "200 OK", "Content-Encoding: br\r\n"))}).kind == FailureClass::malformed_reply);
  const auto bomb = compressed(std::string(30U << 20U, '\0'));
  CHECK(fault({send(reply(bomb, "200 OK", kGzip))}).kind == FailureClass::output_limit);
  CHECK(fault({send(gzip_stream_header()), send(chunk(bomb)), stall()}).kind == FailureClass::output_limit);
  CHECK(fault({send(reply(whole, "200 OK", kGzip))}, [](HttpRequest& request) {
          request.body_bytes_max = 4999;
        }).kind == FailureClass::output_limit);
}

TEST_CASE("transport: a compressed body without a length ends with the connection; cut short it is damaged") {
  const auto whole = compressed("{\"a\":1}");
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
  HttpServer server(always({send(head + whole), hillstar::testing::close()}));
  const auto transport = make_beast_transport();
  CHECK(reply_of(call(*transport, request_to(server.url()))).body == "{\"a\":1}");
  CHECK(fault({send(head + whole.substr(0, 12)), hillstar::testing::close()}).kind == FailureClass::malformed_reply);
}

TEST_CASE("transport: HTML of an error, invalid UTF-8 and empty bodies are handed on as they are") {
  const auto transport = make_beast_transport();
  HttpServer html(always({send(reply(compressed("<html>502</html>"), "502 Bad Gateway", kGzip))}));
  const auto answer = reply_of(call(*transport, request_to(html.url())));
  CHECK(answer.status == 502);
  CHECK(answer.body == "<html>502</html>");
  HttpServer bytes(always({send(reply("\xFF\xFE{\0"))}));
  CHECK(reply_of(call(*transport, request_to(bytes.url()))).body == "\xFF\xFE{");
  HttpServer empty(always({send(reply("", "200 OK", kGzip))}));
  CHECK(reply_of(call(*transport, request_to(empty.url()))).body.empty());
}

TEST_CASE("transport: a reply of 100 MB is cut at the limit, announced or not") {
  const std::string piece(1U << 20U, 'x');
  const auto small = [](HttpRequest& request) { request.body_bytes_max = 8U << 20U; };
  CHECK(fault({send("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"), repeat(piece)}, small).kind ==
        FailureClass::output_limit);
  CHECK(fault({send(chunked_header()), repeat(chunk(piece))}, small).kind == FailureClass::output_limit);
}

TEST_CASE("transport: redirects are refused, and the target is named without its secrets") {
  HttpServer trap(always({send(reply("stolen"))}));
  const auto refused = [&](const std::string& location) {
    const auto failed = fault({send(reply("", "307 Temporary Redirect", "Location: " + location + "\r\n"))});
    CHECK(failed.kind == FailureClass::invalid_request);
    CHECK(failed.message.find("redirects are not followed") != std::string::npos);
    CHECK(failed.message.find("canary") == std::string::npos);
    return failed.message;
  };
  CHECK(refused(trap.url() + "/x?key=canary").find(" to " + trap.url() + ";") != std::string::npos);
  CHECK(refused("https://canary:canary@evil.example/canary?canary#canary").find(" to https://evil.example;") !=
        std::string::npos);
  CHECK(refused("//evil.example/canary").find(" to http://evil.example;") != std::string::npos);
  CHECK(refused("/v1/?canary").find(" to /v1/;") != std::string::npos);
  CHECK(trap.requests().empty());
}
