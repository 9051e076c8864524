// SPDX-License-Identifier: Apache-2.0
#include "apps/http/response_text.hpp"

#include <doctest/doctest.h>

namespace hillstar::http {

TEST_CASE("response text: a head says what follows") {
  Response response;
  response.body = "{}";
  response.headers = {{"location", "/v1/runs/x"}};
  CHECK(head_text(response, {true, false, false, 0}) ==
        "HTTP/1.1 200 OK\r\n"
        "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        "content-type: application/json\r\n"
        "content-length: 2\r\n"
        "location: /v1/runs/x\r\n"
        "cache-control: no-store\r\n"
        "x-content-type-options: nosniff\r\n\r\n");
}

TEST_CASE("response text: answers without a body have no length, streams neither") {
  Response response;
  response.status = 204;
  CHECK(head_text(response, {true, false, false, 0}).find("\r\ncontent-") == std::string::npos);
  response.status = 200;
  const auto stream = head_text(response, {false, false, true, 0});
  CHECK(stream.find("transfer-encoding: chunked\r\n") != std::string::npos);
  CHECK(stream.find("content-length") == std::string::npos);
  CHECK(stream.find("connection: close\r\n") != std::string::npos);
  CHECK(head_text(response, {false, true, true, 0}).find("chunked") == std::string::npos);
  CHECK(head_text(response, {true, true, false, 0}).find("connection: keep-alive") != std::string::npos);
}

TEST_CASE("response text: no value makes a field of its own") {
  Response response;
  response.headers = {
      {"x-a", "1\r\nset-cookie: b"}, {"x b", "1"}, {"", "1"}, {"x-c", "a\tb"}, {"cache-control", "private"}};
  const auto head = head_text(response, {true, false, false, 0});
  CHECK(head.find("set-cookie") == std::string::npos);
  CHECK(head.find("x b") == std::string::npos);
  CHECK(head.find("x-c: a\tb\r\n") != std::string::npos);
  CHECK(head.find("no-store") == std::string::npos);
}

TEST_CASE("response text: dates as in mail") {
  CHECK(http_date(1'795'363'200) == "Sun, 22 Nov 2026 16:00:00 GMT");
  CHECK(http_date(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST_CASE("response text: an event ends in a blank line, whatever is in it") {
  CHECK(event_text("7", "record", "{}") == "id: 7\nevent: record\ndata: {}\n\n");
  CHECK(event_text("", "", "") == "data: \n\n");
  CHECK(event_text("7\nx", "a\r\nb", "one\n\ntwo\r") == "id: 7x\nevent: ab\ndata: one\ndata: \ndata: two\n\n");
}

TEST_CASE("response text: a message is JSON") {
  CHECK(message_text("7", "record", "{\"a\":1}") == R"({"data":"{\"a\":1}","event":"record","id":"7"})");
  CHECK(message_text("", "", "a\xFF") == "{\"data\":\"a\xEF\xBF\xBD\"}");
}

TEST_CASE("response text: chunks") {
  CHECK(chunk_text("") == "");
  CHECK(chunk_text(std::string(17, 'a')) == "11\r\n" + std::string(17, 'a') + "\r\n");
}

}  // namespace hillstar::http
