// SPDX-License-Identifier: Apache-2.0
#include "providers/sse.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using hillstar::Errc;
using hillstar::Millis;
using hillstar::providers::SseEvent;
using hillstar::providers::SseParser;

namespace {

/// `event|id|data` of each event.
std::vector<std::string> names(const std::vector<SseEvent>& events) {
  std::vector<std::string> texts;
  for (const auto& event : events) texts.push_back(event.event + "|" + event.id + "|" + event.data);
  return texts;
}

std::vector<std::string> whole(std::string_view text) {
  SseParser parser;
  auto events = parser.feed(text);
  REQUIRE(events.has_value());
  return names(*events);
}

std::vector<std::string> in_pieces(std::string_view text, std::size_t size) {
  SseParser parser;
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < text.size(); at += size) {
    auto events = parser.feed(text.substr(at, size));
    REQUIRE(events.has_value());
    for (auto& name : names(*events)) texts.push_back(std::move(name));
  }
  return texts;
}

using Texts = std::vector<std::string>;

struct Case {
  const char* what;
  std::string stream;
  Texts events;
};

const std::vector<Case>& cases() {
  using namespace std::string_literals;
  static const std::vector<Case> all{
      {"line feeds", "data: {\"a\":1}\n\ndata: {\"a\":2}\n\n", {"||{\"a\":1}", "||{\"a\":2}"}},
      {"CR LF", "event: x\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", {"x||1", "||2"}},
      {"bare CR, also at the very end", "data: 1\r\rdata: 2\r\r", {"||1", "||2"}},
      {"mixed line ends", "data: 1\r\n\ndata: 2\n\r\n", {"||1", "||2"}},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "data: 1\n\n",
       {"||1"}},
      {"byte order mark later is part of a name",
       "data: 1\n\n\xEF\xBB\xBF"
       "data: 2\n\n",
       {"||1"}},
      {"comments", ": keep-alive\n\ndata: 1\n:\n\n: x\ndata: 2\n\n", {"||1", "||2"}},
      {"colons in the value", "data: a: b: c\n\n", {"||a: b: c"}},
      {"no space after the colon", "data:1\nevent:y\n\n", {"y||1"}},
      {"one leading space goes, the second stays", "data:  two\n\n", {"|| two"}},
      {"empty data is an event, an event without data is none", "data:\n\ndata: \n\nevent: only\n\n", {"||", "||"}},
      {"a name without data does not stick", "event: a\n\ndata: 1\n\n", {"||1"}},
      {"a type holds for one event", "event: a\ndata: 1\n\ndata: 2\n\n", {"a||1", "||2"}},
      {"ids with NUL are ignored", "id: a\0b\ndata: 1\n\n"s, {"||1"}},
      {"ids stay", "id: 7\ndata: 1\n\ndata: 2\n\n", {"|7|1", "|7|2"}},
      {"several data lines", "data: {\ndata: \"a\": 1\ndata: }\n\n", {"||{\n\"a\": 1\n}"}},
      {"a field without a colon", "data\n\nfoo\ndata: 1\n\n", {"||", "||1"}},
      {"pings",
       "event: ping\ndata: {\"type\":\"ping\"}\n\nevent: m\ndata: 1\n\n",
       {"ping||{\"type\":\"ping\"}", "m||1"}},
      {"the end mark is data", "data: {\"x\":1}\n\ndata: [DONE]\n\n", {"||{\"x\":1}", "||[DONE]"}},
      {"unterminated event", "data: 1\n\ndata: 2\n", {"||1"}},
      {"UTF-8 and the line separator U+2028",
       "data: w\xC3\xB6rld \xF0\x9F\x8C\x8D \xE2\x80\xA8 \xE6\x97\xA5\n\n",
       {"||w\xC3\xB6rld \xF0\x9F\x8C\x8D \xE2\x80\xA8 \xE6\x97\xA5"}},
      {"nothing", "", {}},
      {"blank lines", "\n\n\r\n\r\r", {}},
  };
  return all;
}

}  // namespace

TEST_CASE("sse: the edges of the format, whole and in every size of piece") {
  for (const auto& one : cases()) {
    CAPTURE(one.what);
    CHECK(whole(one.stream) == one.events);
    for (std::size_t size = 1; size < 8; ++size) CHECK(in_pieces(one.stream, size) == one.events);
  }
}

TEST_CASE("sse: retry is kept, and clamped") {
  SseParser parser;
  CHECK_FALSE(parser.retry());
  CHECK(parser.feed("retry: 50\n"));
  CHECK(parser.retry() == Millis(50));
  CHECK(parser.feed("retry: 5x\nretry: -3\nretry:\n"));
  CHECK(parser.retry() == Millis(50));
  CHECK(parser.feed("retry: 99999999999999999999999\n"));
  CHECK(parser.retry() == Millis(600'000));
}

TEST_CASE("sse: an event at the limit passes, one byte more is refused for good") {
  const std::string value(1000 - 6, 'x');
  SseParser fits(1000);
  auto events = fits.feed("data: " + value + "\n\n");
  REQUIRE(events.has_value());
  REQUIRE(events->size() == 1);
  CHECK(events->front().data == value);

  SseParser parser(1000);
  auto refused = parser.feed("data: " + value + "y");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::output_limit);
  CHECK_FALSE(parser.feed("\n\ndata: 1\n\n").has_value());
}

TEST_CASE("sse: many small lines cannot grow one event beyond the limit") {
  SseParser parser(1000);
  bool refused = false;
  for (int line = 0; line < 300 && !refused; ++line) refused = !parser.feed("data: 0123456789\n").has_value();
  CHECK(refused);
}

TEST_CASE("sse: a large event arrives whole") {
  const std::string value(70'000, 'x');
  CHECK(in_pieces("data: " + value + "\n\n", 1460) == Texts{"||" + value});
}

TEST_CASE("sse: random bytes never change the meaning of how they are cut") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  constexpr std::string_view alphabet = "\r\n: daterivn1\xEF\xBB\xBF";
  for (int round = 0; round < 2000; ++round) {
    std::string stream;
    for (int i = 0; i < 60; ++i)
      stream += dice() % 3 == 0 ? "data" : std::string(1, alphabet[dice() % alphabet.size()]);
    CAPTURE(stream);
    REQUIRE(in_pieces(stream, 1 + dice() % 5) == whole(stream));
  }
}
