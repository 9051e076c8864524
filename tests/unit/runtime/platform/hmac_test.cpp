// SPDX-License-Identifier: Apache-2.0
// HMAC itself: webhook_test.cpp.
#include "runtime/platform/hmac.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace hillstar {
namespace {

std::string hex_of(const Secret& key) {
  Sha256 bytes{};
  REQUIRE(key.reveal().size() == bytes.size());
  std::copy(key.reveal().begin(), key.reveal().end(), bytes.begin());
  return to_hex(bytes);
}

std::string count_up(unsigned char from, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(from + i);
  return text;
}

}  // namespace

TEST_CASE("hkdf: agrees with the test cases of RFC 5869, as far as they go") {
  const std::string secret(22, '\x0b');
  CHECK(hex_of(hkdf_sha256(secret, count_up(0, 13), count_up(0xF0, 10))) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  CHECK(hex_of(hkdf_sha256(secret, {}, {})) == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST_CASE("same_secret: looks at all of both") {
  CHECK(same_secret("abc", "abc"));
  CHECK(same_secret({}, {}));
  for (const auto* other : {"", "ab", "abcd", "abd", "Abc"}) CHECK_FALSE(same_secret("abc", other));
}

}  // namespace hillstar
