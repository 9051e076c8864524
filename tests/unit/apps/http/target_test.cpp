// SPDX-License-Identifier: Apache-2.0
#include "apps/http/target.hpp"

#include <doctest/doctest.h>

#include <random>

#include "messages/json.hpp"

namespace hillstar::http {

TEST_CASE("target: path and query are decoded in their parts") {
  const auto target = read_target("/v1/streams/a%2Fb/runs?limit=5&name=x+y%26z&flag&&empty=");
  REQUIRE(target);
  CHECK(target->segments == std::vector<std::string>{"v1", "streams", "a/b", "runs"});
  CHECK(target->path == "/v1/streams/a/b/runs");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(target->query == Pairs{{"limit", "5"}, {"name", "x y&z"}, {"flag", ""}, {"empty", ""}});
}

TEST_CASE("target: the root has no parts, a slash at the end makes an empty one") {
  CHECK(read_target("/")->segments.empty());
  CHECK(read_target("/")->path == "/");
  CHECK(read_target("/?a=1")->query.size() == 1);
  CHECK(read_target("/a/")->segments == std::vector<std::string>{"a", ""});
  CHECK(read_target("//")->segments == std::vector<std::string>{"", ""});
}

TEST_CASE("target: plus is a space in the query only") {
  CHECK(read_target("/a+b")->path == "/a+b");
  CHECK(read_target("/%E2%82%AC")->path == "/\xE2\x82\xAC");
}

TEST_CASE("target: what is no address is refused") {
  for (const char* text : {"",       "*",    "v1",      "http://x/", "/a b", "/a#b",    "/%",       "/%4",
                           "/%4g",   "/%zz", "/%00",    "/%0a",      "/%7f", "/%C3%28", "/%c0%ae",  "/\xE2\x82\xAC",
                           "/a\x01", "/..",  "/a/../b", "/%2e%2e/b", "/.",   "/a?x=%",  "/a?%00=1", "/a?x=%ff"}) {
    CAPTURE(text);
    const auto target = read_target(text);
    REQUIRE_FALSE(target);
    CHECK(target.error().code == Errc::usage);
  }
}

TEST_CASE("target: length and number of parts have an end") {
  CHECK(read_target("/" + std::string(kTargetBytesMax - 1, 'a')));
  CHECK_FALSE(read_target("/" + std::string(kTargetBytesMax, 'a')));
  std::string path;
  for (std::size_t i = 0; i < kSegmentsMax; ++i) path += "/a";
  CHECK(read_target(path));
  CHECK_FALSE(read_target(path + "/a"));
  std::string query = "/?";
  for (std::size_t i = 0; i < kQueryPairsMax; ++i) query += "a&";
  CHECK(read_target(query));
  CHECK_FALSE(read_target(query + "a"));
}

TEST_CASE("target: any bytes are read or refused, and what was read is UTF-8 without control characters") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  const std::string alphabet = "/%?&=+.a0fF2eC3\x01\xC3 #";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = "/";
    for (auto n = dice() % 24; n > 0; --n) text += alphabet[dice() % alphabet.size()];
    const auto target = read_target(text);
    if (!target) continue;
    CHECK(json::is_utf8(target->path));
    for (const auto& segment : target->segments) {
      CHECK(segment != "..");
      for (const char c : segment) CHECK(static_cast<unsigned char>(c) >= 0x20);
    }
  }
}

}  // namespace hillstar::http
