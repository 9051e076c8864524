// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/output.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "tests/unit/runtime/tools/tool_bench.hpp"

using namespace hillstar;
using namespace hillstar::tools;
using namespace hillstar::testing;

namespace {

struct Collected {
  Gathered gathered;
  std::string bytes;  ///< Inline text or the blob's content.
};

/// Feeds `input` in pieces of `piece` bytes.
Collected collect(const std::string& input, std::size_t piece) {
  std::map<std::string, std::string> blobs;
  OutputCollector collector([&] { return std::make_unique<MemorySink>(blobs); });
  for (std::size_t at = 0; at < input.size(); at += piece) REQUIRE(collector.append(input.substr(at, piece)));
  auto gathered = collector.finish();
  REQUIRE(gathered);
  Collected collected{*gathered, gathered->text};
  if (gathered->blob) collected.bytes = blobs.at(gathered->blob->sha256);
  if (gathered->blob) CHECK(gathered->blob->bytes == collected.bytes.size());
  return collected;
}

}  // namespace

TEST_CASE("output: 64 KiB stay inline, one byte more is a blob") {
  const auto at_limit = collect(std::string(kInlineBytesMax, 'x'), 1000);
  CHECK_FALSE(at_limit.gathered.blob);
  CHECK(at_limit.bytes.size() == kInlineBytesMax);
  const auto over = collect(std::string(kInlineBytesMax + 1, 'x'), 1000);
  REQUIRE(over.gathered.blob);
  CHECK_FALSE(over.gathered.blob->binary);
  CHECK(over.bytes == std::string(kInlineBytesMax + 1, 'x'));
}

TEST_CASE("output: line ends of text are translated, wherever the pieces are cut") {
  for (std::size_t piece = 1; piece < 8; ++piece) CHECK(collect("a\r\nb\rc\n\r\r\n", piece).bytes == "a\nb\nc\n\n\n");
  std::string big;
  std::string expected;
  for (int i = 0; i < 30'000; ++i) {
    big += "line\r\n\xC3\xA4\r";
    expected += "line\n\xC3\xA4\n";
  }
  for (const std::size_t piece : {7U, 4096U, 65536U}) {
    const auto collected = collect(std::string(70'000, 'y') + big, piece);
    REQUIRE(collected.gathered.blob);
    CHECK_FALSE(collected.gathered.blob->binary);
    CHECK(collected.bytes == std::string(70'000, 'y') + expected);
  }
}

TEST_CASE("output: bytes that are no text stay as they are, however late that shows") {
  const std::string late =
      std::string(70'000, 'y') + "\r\n" + std::string(200'000, 'z') + "\r\xFF\r\n" + std::string(70'000, 'a');
  for (const std::size_t piece : {1000U, 65536U, 1000000U}) {
    const auto collected = collect(late, piece);
    REQUIRE(collected.gathered.blob);
    CHECK(collected.gathered.blob->binary);
    CHECK(collected.bytes == late);
  }
  for (const std::string bytes : {"\xFF\xFE", "a\r\n\x80", "cut \xE2\x82"}) {
    const auto collected = collect(bytes, 1);
    REQUIRE(collected.gathered.blob);
    CHECK(collected.gathered.blob->binary);
    CHECK(collected.bytes == bytes);
  }
}

TEST_CASE("utf-8 check: agrees with the whole-text check for every cut") {
  std::mt19937 random(20260101);
  INFO("seed 20260101");
  const std::string parts[] = {"a",    "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                               "\x80", "\xC3",     "\xED\xA0\x80", "\xF5"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const auto valid_only = random() % 2 == 0;
    for (std::size_t i = random() % 6; i > 0; --i) text += parts[random() % (valid_only ? 4 : 8)];
    Utf8Check check;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + random() % 5;
      check.append(std::string_view(text).substr(at, size));
      at += size;
    }
    REQUIRE(check.is_whole_text() == json::is_utf8(text));
  }
}

TEST_CASE("output tail: keeps the end, trimmed, and says what is missing") {
  OutputTail tail;
  tail.append("  \n error: x\r\n\xFF \n");
  CHECK(tail.text() == "error: x\n\xEF\xBF\xBD");
  OutputTail empty;
  empty.append(" \n");
  CHECK(empty.text().empty());
  OutputTail big;
  for (int i = 0; i < 1000; ++i) big.append(std::string(1000, static_cast<char>('a' + i % 26)));
  CHECK(big.text().size() < kErrorBytesMax + 100);
  CHECK(big.text().substr(0, 43) == "[the first 983616 bytes are left out]\nvvvvv");
}
