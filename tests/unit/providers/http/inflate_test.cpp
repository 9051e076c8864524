// SPDX-License-Identifier: Apache-2.0
// Compressed bodies, good and bad.
#include "providers/http/inflate.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <random>
#include <string>

#include "providers/http/reply_body.hpp"
#include "tests/support/compressed.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::testing;
using Verdict = Inflater::Verdict;
using Coding = Inflater::Coding;

namespace {

struct Inflated {
  Verdict verdict = Verdict::good;
  std::string text;
};

Inflated inflated(std::string_view bytes, Coding coding, std::size_t step, const InflateLimits& limits = {}) {
  Inflater inflater(coding, limits);
  Inflated result;
  for (std::size_t at = 0; at < bytes.size() && result.verdict == Verdict::good; at += step)
    result.verdict = inflater.feed(bytes.substr(at, step), [&](std::string_view piece) {
      result.text += piece;
      return true;
    });
  if (result.verdict == Verdict::good) result.verdict = inflater.finish();
  return result;
}

std::string noise(std::size_t size, std::mt19937_64& random) {
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

}  // namespace

TEST_CASE("inflate: gzip, zlib and bare deflate, whole and cut anywhere") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  const struct {
    Format format;
    Coding coding;
  } rows[] = {{Format::gzip, Coding::gzip}, {Format::zlib, Coding::deflate}, {Format::bare, Coding::deflate}};
  for (const auto& row : rows)
    for (const std::size_t step : {1U, 2U, 3U, 100U, 1U << 20U}) {
      CAPTURE(step);
      const auto result = inflated(compressed(text, row.format), row.coding, step);
      CHECK(result.verdict == Verdict::good);
      CHECK((result.text == text));
    }
  CHECK(inflated("", Coding::gzip, 1).verdict == Verdict::good);
  CHECK(inflated("", Coding::deflate, 1).verdict == Verdict::good);
  CHECK(inflated(compressed(""), Coding::gzip, 1).verdict == Verdict::good);
}

TEST_CASE("inflate: what a server flushed comes out at once") {
  Inflater inflater(Coding::gzip, {});
  std::string text;
  const std::vector<std::string> events = {"data: 1\n\n", "data: two\n\n", "data: [DONE]\n\n"};
  std::string expected;
  const auto pieces = compressed_pieces(events, Format::gzip);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    CHECK(inflater.feed(pieces[i], [&](std::string_view piece) { return text += piece, true; }) == Verdict::good);
    expected += events[i];
    CHECK(text == expected);
  }
  CHECK(inflater.finish() == Verdict::good);
}

TEST_CASE("inflate: members of gzip follow each other; nothing follows deflate") {
  const auto two = compressed("one ") + compressed("two");
  for (const std::size_t step : {1U, 1000U}) CHECK(inflated(two, Coding::gzip, step).text == "one two");
  CHECK(inflated(compressed("one") + "garbage", Coding::gzip, 1000).verdict == Verdict::malformed);
  CHECK(inflated(compressed("one", Format::zlib) + "x", Coding::deflate, 1000).verdict == Verdict::malformed);
}

TEST_CASE("inflate: every truncation is malformed") {
  for (const auto format : {Format::gzip, Format::zlib, Format::bare}) {
    const auto whole = compressed("some text, some text and some more of it", format);
    const auto coding = format == Format::gzip ? Coding::gzip : Coding::deflate;
    for (std::size_t size = 1; size < whole.size(); ++size) {
      CAPTURE(size);
      CHECK(inflated(whole.substr(0, size), coding, 7).verdict == Verdict::malformed);
    }
  }
}

TEST_CASE("inflate: damage is noticed, never more than the limit is made, and nothing breaks") {
  const auto* given = std::getenv("HILLSTAR_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  MESSAGE("HILLSTAR_SEED=" << seed);
  std::mt19937_64 random(seed);
  const std::string text = noise(300, random) + std::string(3000, 'a');
  const auto whole = compressed(text);
  for (int i = 0; i < 3000; ++i) {
    auto damaged = whole;
    damaged[10 + random() % (damaged.size() - 10)] ^= static_cast<char>(1U << (random() % 8));
    const auto result = inflated(damaged, Coding::gzip, 1 + random() % 50, {.bytes_max = 10'000});
    // gzip has a checksum; only the few bits that pad the last block mean nothing.
    if (result.verdict == Verdict::good) REQUIRE((result.text == text));
    REQUIRE(result.text.size() <= 10'000 + (16U << 10U));
    const auto junk = noise(1 + random() % 200, random);
    inflated(junk, random() % 2 == 0 ? Coding::gzip : Coding::deflate, 1 + random() % 50, {.bytes_max = 10'000});
  }
}

TEST_CASE("inflate: size and ratio are bounded, at the limit and beyond") {
  const std::string text(10'000, 'x');
  CHECK(inflated(compressed(text), Coding::gzip, 10, {.bytes_max = 10'000}).verdict == Verdict::good);
  CHECK(inflated(compressed(text), Coding::gzip, 10, {.bytes_max = 9'999}).verdict == Verdict::too_large);
  // 100 MB of zeros in 100 kB: noticed after the free part.
  const auto bomb =
      inflated(compressed(std::string(100U << 20U, '\0')), Coding::gzip, 1U << 20U, {.bytes_max = 1ULL << 40U});
  CHECK(bomb.verdict == Verdict::bomb);
  CHECK(bomb.text.size() < (4U << 20U));
}

TEST_CASE("inflate: a receiver that has enough ends it") {
  Inflater inflater(Coding::gzip, {});
  CHECK(inflater.feed(compressed("text"), [](std::string_view) { return false; }) == Verdict::refused);
}

TEST_CASE("reply body: codings that nobody asked for are refused, in errors they are passed over") {
  const auto receive = [](std::string_view) {};
  ReplyBody good("h", 100);
  CHECK(good.begin(200, "br", receive) == ReplyBody::Verdict::failed);
  CHECK(good.failure().kind == FailureClass::malformed_reply);
  CHECK(good.failure().message.find("'br'") != std::string::npos);
  ReplyBody twice("h", 100);
  CHECK(twice.begin(200, "gzip, gzip", receive) == ReplyBody::Verdict::failed);
  ReplyBody error("h", 100);
  CHECK(error.begin(500, "br", receive) == ReplyBody::Verdict::go_on);
  CHECK(error.take("???") == ReplyBody::Verdict::enough);
  CHECK(error.take_text().empty());
  for (const char* coding : {"", "identity", " Identity ", "GZIP", "x-gzip", "deflate"}) {
    ReplyBody body("h", 100);
    CHECK(body.begin(200, coding, receive) == ReplyBody::Verdict::go_on);
  }
}

TEST_CASE("reply body: a damaged error keeps what could be read") {
  const auto whole = compressed(R"({"error":"no such model"})");
  ReplyBody body("h", 1000);
  REQUIRE(body.begin(404, "gzip", {}) == ReplyBody::Verdict::go_on);
  CHECK(body.take(whole.substr(0, whole.size() - 4)) == ReplyBody::Verdict::go_on);
  CHECK(body.end() == ReplyBody::Verdict::enough);
  CHECK(body.take_text() == R"({"error":"no such model"})");
}

TEST_CASE("reply body: the largest size holds for what is sent and for what it becomes") {
  ReplyBody plain("h", 10);
  REQUIRE(plain.begin(200, "", {}) == ReplyBody::Verdict::go_on);
  CHECK(plain.take("1234567890") == ReplyBody::Verdict::go_on);
  CHECK(plain.take("1") == ReplyBody::Verdict::failed);
  CHECK(plain.failure().kind == FailureClass::output_limit);
  ReplyBody packed("h", 1000);
  REQUIRE(packed.begin(200, "gzip", {}) == ReplyBody::Verdict::go_on);
  CHECK(packed.take(compressed(std::string(1001, 'x'))) == ReplyBody::Verdict::failed);
  CHECK(packed.failure().kind == FailureClass::output_limit);
}
