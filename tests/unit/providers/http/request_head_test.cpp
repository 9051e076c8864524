// SPDX-License-Identifier: Apache-2.0
#include "providers/http/request_head.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace hillstar;
using namespace hillstar::providers;

TEST_CASE("request head: has every line HTTP wants") {
  HttpRequest request;
  request.headers = {{"content-type", "application/json"}};
  request.bearer = Secret("k1");
  request.body = "{}";
  const auto head = request_head(request, *parse_url("http://127.0.0.1:8080/v1/x?y=1"));
  REQUIRE(head.has_value());
  CHECK(head->reveal() ==
        "POST /v1/x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\ncontent-type: application/json\r\n"
        "Accept-Encoding: gzip\r\nContent-Length: 2\r\nAuthorization: Bearer k1\r\n\r\n");
  request = {};
  request.method = "GET";
  CHECK(request_head(request, *parse_url("https://h/"))->reveal() ==
        "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
  request.headers = {{"Accept-encoding", "identity"}};
  CHECK(request_head(request, *parse_url("https://h/"))->reveal() ==
        "GET / HTTP/1.1\r\nHost: h\r\nAccept-encoding: identity\r\n\r\n");
}

TEST_CASE("request head: a proxy that reads it gets the whole address and its own password") {
  HttpRequest request;
  request.method = "GET";
  Proxy proxy;
  proxy.host = "p";
  proxy.authorization = Secret("Basic eDp5");
  CHECK(request_head(request, *parse_url("http://h:81/v1?x=1"), &proxy)->reveal() ==
        "GET http://h:81/v1?x=1 HTTP/1.1\r\nHost: h:81\r\nProxy-Authorization: Basic eDp5\r\n"
        "Accept-Encoding: gzip\r\n\r\n");
}

TEST_CASE("request head: line ends cannot be smuggled in, and the refusal does not show the key") {
  const auto url = *parse_url("http://h/");
  const auto refused = [&](const HttpRequest& request) {
    const auto head = request_head(request, url);
    REQUIRE_FALSE(head.has_value());
    CHECK(head.error().code == Errc::provider_config);
    CHECK(to_string(head.error()).find("canary") == std::string::npos);
  };
  HttpRequest request;
  request.bearer = Secret("canary\r\nX: y");
  refused(request);
  request.bearer = Secret("canary\xC3\xA4");
  refused(request);
  request = {};
  request.headers = {{"x", "a\nb"}};
  refused(request);
  request.headers = {{"x y", "a"}};
  refused(request);
  request.headers = {{"", "a"}};
  refused(request);
  request = {};
  request.method = "GET /\r\n";
  refused(request);
}
