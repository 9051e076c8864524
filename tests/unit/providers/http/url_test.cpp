// SPDX-License-Identifier: Apache-2.0
#include "providers/http/url.hpp"

#include <doctest/doctest.h>

#include <string>

using hillstar::Errc;
using hillstar::providers::api_url;
using hillstar::providers::parse_url;

TEST_CASE("url: parts, defaults and case") {
  const auto plain = parse_url("HTTP://LocalHost");
  REQUIRE(plain.has_value());
  CHECK_FALSE(plain->tls);
  CHECK(plain->host == "localhost");
  CHECK(plain->port == 80);
  CHECK(plain->target == "/");
  CHECK(plain->authority() == "localhost");
  CHECK(plain->origin() == "http://localhost:80");

  const auto full = parse_url("https://api.example.org:8443/v1/chat?x=1:2@3");
  REQUIRE(full.has_value());
  CHECK(full->tls);
  CHECK(full->port == 8443);
  CHECK(full->target == "/v1/chat?x=1:2@3");
  CHECK(full->authority() == "api.example.org:8443");
  CHECK(parse_url("https://h?q=1")->target == "/?q=1");
  CHECK(parse_url("https://h:443/")->authority() == "h");
}

TEST_CASE("url: IPv6 hosts keep their brackets on the wire only") {
  const auto url = parse_url("http://[::1]:8080/v1");
  REQUIRE(url.has_value());
  CHECK(url->host == "::1");
  CHECK(url->port == 8080);
  CHECK(url->authority() == "[::1]:8080");
  CHECK(parse_url("https://[2001:DB8::1]")->authority() == "[2001:db8::1]");
}

TEST_CASE("url: odd addresses are refused") {
  for (const std::string text : {"",
                                 "h",
                                 "http:",
                                 "http://",
                                 "http:///path",
                                 "ftp://h",
                                 "file:///etc/passwd",
                                 "http://user:pw@h/",
                                 "http://h#f",
                                 "http://h:0",
                                 "http://h:65536",
                                 "http://h:x",
                                 "http://h:",
                                 "http://h:80x",
                                 "http://h:-1",
                                 "http://h ost",
                                 "http://h\r\nX: y",
                                 "http://h/\x01",
                                 "http://h\xC3\xB6st/",
                                 "http://[::1",
                                 "http://[]",
                                 "http://[h]",
                                 "http://[::1]x",
                                 "http://h,g/",
                                 "http://%68/",
                                 "javascript://h"}) {
    CAPTURE(text);
    const auto url = parse_url(text);
    REQUIRE_FALSE(url.has_value());
    CHECK(url.error().code == Errc::provider_config);
  }
  CHECK_FALSE(parse_url("http://" + std::string(254, 'a')).has_value());
  CHECK(parse_url("http://" + std::string(253, 'a')).has_value());
  CHECK_FALSE(parse_url("http://h/" + std::string(8192, 'a')).has_value());
}

TEST_CASE("url: a refusal shows no user name and no query") {
  const auto message = parse_url("http://user:canary@h/?canary=1").error().message;
  CHECK(message.find("canary") == std::string::npos);
}

TEST_CASE("url: a bare base gets /v1, another path stays") {
  const auto chat = [](std::string_view base) { return *api_url(base, "/chat/completions"); };
  CHECK(chat("http://h:1") == "http://h:1/v1/chat/completions");
  CHECK(chat("http://h:1///") == "http://h:1/v1/chat/completions");
  CHECK(chat("https://api.openai.com/v1/") == "https://api.openai.com/v1/chat/completions");
  CHECK(chat("http://h/api/openai") == "http://h/api/openai/chat/completions");
  CHECK_FALSE(api_url("http://h/?a=1", "/x").has_value());
  CHECK_FALSE(api_url("h", "/x").has_value());
}

TEST_CASE("url: where a redirect leads is told without its secrets") {
  const auto from = *parse_url("https://h.example/v1");
  const struct {
    const char* location;
    const char* shown;
  } rows[] = {{"", "nowhere"},
              {"/v2?key=1#x", "/v2"},
              {"v2", "v2"},
              {"?key=1", "/"},
              {"https://h.example/v2?key=1", "/v2"},
              {"https://H.example:443/v2", "/v2"},
              {"https://h.example", "/"},
              {"http://h.example/v2", "http://h.example"},
              {"https://h.example:8443/v2", "https://h.example:8443"},
              {"https://other.example/secret?x", "https://other.example"},
              {"https://user:pass@other.example/", "https://other.example"},
              {"https://user:pa/ss@other.example/", "https://user:pa"},
              {"//other.example/secret", "https://other.example"},
              {"//other.example\\secret", "https://other.example"},
              {"file:///etc/passwd", "file://"},
              {"/x\r\ny\x7F", "/x??y?"}};
  for (const auto& row : rows) {
    CAPTURE(row.location);
    CHECK(redirect_target(from, row.location) == row.shown);
  }
  CHECK(redirect_target(from, "https://" + std::string(5000, 'x')).size() == 200);
}
