// SPDX-License-Identifier: Apache-2.0
#include "providers/rate_limits.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "providers/dates.hpp"

using namespace hillstar;
using namespace hillstar::providers;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

RateHints hints(Headers headers) {
  HttpReply reply;
  reply.status = 200;
  reply.headers = std::move(headers);
  return rate_hints(reply);
}

std::optional<Millis> reset(const std::string& text, const std::string& date = "Sun, 22 Nov 2026 06:00:00 GMT") {
  return hints({{"date", date}, {"anthropic-ratelimit-requests-reset", text}}).requests.reset;
}

}  // namespace

TEST_CASE("rate limits: OpenAI's counts and durations") {
  const auto found = hints({{"x-ratelimit-limit-requests", "10000"},
                            {"x-ratelimit-remaining-requests", "0"},
                            {"x-ratelimit-reset-requests", "1m2.5s"},
                            {"x-ratelimit-limit-tokens", "2000000"},
                            {"x-ratelimit-remaining-tokens", "1999950"},
                            {"x-ratelimit-reset-tokens", "6ms"},
                            {"retry-after-ms", "120"}});
  CHECK(found.requests == RateWindow{10'000, 0, Millis(62'500)});
  CHECK(found.tokens == RateWindow{2'000'000, 1'999'950, Millis(6)});
  CHECK(found.retry_after == Millis(120));
  CHECK(hints({}).empty());
  CHECK_FALSE(found.empty());
}

TEST_CASE("rate limits: Mistral's counts by the minute") {
  const auto found = hints({{"x-ratelimit-limit-req-minute", "60"},
                            {"x-ratelimit-remaining-req-minute", "59"},
                            {"x-ratelimit-limit-tokens-minute", "500000"},
                            {"x-ratelimit-remaining-tokens-minute", "499990"}});
  CHECK(found.requests == RateWindow{60, 59, std::nullopt});
  CHECK(found.tokens == RateWindow{500'000, 499'990, std::nullopt});
}

TEST_CASE("rate limits: Anthropic's points in time count from the reply's date") {
  const auto found = hints({{"date", "Sun, 22 Nov 2026 06:41:20 GMT"},
                            {"anthropic-ratelimit-requests-limit", "50"},
                            {"anthropic-ratelimit-requests-remaining", "49"},
                            {"anthropic-ratelimit-requests-reset", "2026-11-22T06:41:21Z"},
                            {"anthropic-ratelimit-input-tokens-limit", "1000"},
                            {"anthropic-ratelimit-input-tokens-remaining", "900"},
                            {"anthropic-ratelimit-input-tokens-reset", "2026-11-22T06:41:30Z"},
                            {"anthropic-ratelimit-output-tokens-limit", "1000"},
                            {"anthropic-ratelimit-output-tokens-remaining", "10"},
                            {"anthropic-ratelimit-output-tokens-reset", "2026-11-22T07:41:20.250+01:00"},
                            {"retry-after", "2"}});
  CHECK(found.requests == RateWindow{50, 49, Millis(1'000)});
  CHECK(found.tokens == RateWindow{1'000, 10, Millis(250)});
  CHECK(found.retry_after == Millis(2'000));
  CHECK(reset("2026-11-22T05:59:00Z") == Millis(0));
  CHECK_FALSE(reset("2026-11-22T06:00:05Z", "").has_value());
  CHECK_FALSE(reset("2026-11-22T06:00:05Z", "yesterday").has_value());
  CHECK_FALSE(reset("2026-11-23T06:00:01Z").has_value());
  CHECK(reset("2026-11-23T06:00:00Z") == kDurationMax);
}

TEST_CASE("rate limits: routers' bare numbers are seconds, or a point in time") {
  const auto of = [](const char* text) {
    return hints(
               {{"date", "Sun, 22 Nov 2026 06:00:00 GMT"}, {"x-ratelimit-remaining", "1"}, {"x-ratelimit-reset", text}})
        .requests.reset;
  };
  CHECK(of("30") == Millis(30'000));
  CHECK(of("0.5") == Millis(500));
  CHECK(of("1795327230") == Millis(30'000));
  CHECK(of("1795327230500") == Millis(30'500));
  CHECK_FALSE(of("99999999999999999").has_value());
  CHECK(hints({{"ratelimit-limit", "5"}}).requests.limit == 5U);
}

TEST_CASE("rate limits: what is malformed is absent, and the rest is kept") {
  for (const char* text : {"", " ", "-1", "1.5", "1e3", "ten", "5x", "0x10", "18446744073709551616", "1 2"}) {
    CAPTURE(text);
    const auto found = hints({{"x-ratelimit-limit-requests", text}, {"x-ratelimit-remaining-requests", " 7 "}});
    CHECK(found.requests == RateWindow{std::nullopt, 7, std::nullopt});
  }
  for (const char* text : {"",
                           "s",
                           "1x",
                           "ms",
                           "-1s",
                           "1s-2s",
                           "1m 2s",
                           "1..5s",
                           "nan",
                           "inf",
                           "1e9s",
                           "25h",
                           "1s2",
                           "0s5",
                           "2026-11-22",
                           "2026-11-22T06:00:01",
                           "2026-02-30T06:00:01Z",
                           "2026-11-22T24:00:01Z",
                           "2026-11-22T06:00:01.Z",
                           "2026-11-22T06:00:01+1:00",
                           "2026-11-22T06:00:01Zx",
                           "1969-12-31T23:59:59Z",
                           "2026-13-01T06:00:00Z",
                           "+026-11-22T06:00:01Z"}) {
    CAPTURE(text);
    CHECK_FALSE(reset(text).has_value());
  }
}

TEST_CASE("rate limits: durations") {
  CHECK(duration("6ms") == Millis(6));
  CHECK(duration("1s") == Millis(1'000));
  CHECK(duration("6m0s") == Millis(360'000));
  CHECK(duration("1h2m3.25s") == Millis(3'723'250));
  CHECK(duration("120us") == Millis(1));
  CHECK(duration("0s") == Millis(0));
  CHECK(duration("24h") == kDurationMax);
  CHECK(duration("1d") == kDurationMax);
  CHECK_FALSE(duration("24h1ms").has_value());
  CHECK_FALSE(duration(std::string(65, '1')).has_value());
}

TEST_CASE("rate limits: any bytes are survived") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  constexpr std::string_view kLetters = "0123456789.:-+TZmsh \xC2\xB5";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto length = dice() % 30; length > 0; --length) text += kLetters[dice() % kLetters.size()];
    if (const auto wait = reset(text)) CHECK(*wait <= kDurationMax);
    http_date(text);
  }
}
