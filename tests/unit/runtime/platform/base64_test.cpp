// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/base64.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace hillstar;
using namespace std::string_view_literals;

TEST_CASE("base64: bytes of every remainder") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\0\xff\xfe"sv) == "AP/+");
}

TEST_CASE("base64: for addresses it has neither padding nor signs of their own meaning") {
  CHECK(base64url("").empty());
  CHECK(base64url("f") == "Zg");
  CHECK(base64url("fo") == "Zm8");
  CHECK(base64url("foo") == "Zm9v");
  CHECK(base64url("\0\xff\xfe\xfb\xf0"sv) == "AP_--_A");
}
