// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/span.hpp"

#include <doctest/doctest.h>

namespace hillstar::cli {

TEST_CASE("span: a number and its unit") {
  CHECK(*span_of("500ms") == Millis(500));
  CHECK(*span_of("30s") == Millis(30'000));
  CHECK(*span_of("15m") == Millis(900'000));
  CHECK(*span_of("12h") == Millis(43'200'000));
  CHECK(*span_of("90d") == Millis(7'776'000'000));
  CHECK(*span_of("0s") == Millis(0));
  CHECK(span_of("36525d").has_value());
}

TEST_CASE("span: everything else is refused") {
  for (const char* text :
       {"", "s", "5", "-1s", "+1s", "1.5h", "1 s", "1S", "1w", "s1", "36526d", "99999999999999999999s"}) {
    CAPTURE(text);
    CHECK_FALSE(span_of(text));
  }
}

TEST_CASE("bytes: a number with a unit is one of powers of 1024, and all else is refused with the option's name") {
  CHECK(bytes_of("0", "--cache").value() == 0);
  CHECK(bytes_of("1000", "--cache").value() == 1000);
  CHECK(bytes_of("500K", "--cache").value() == 512'000);
  CHECK(bytes_of("8G", "--cache").value() == 8ULL << 30U);
  CHECK(bytes_of("16777215T", "--cache").value() == 16777215ULL << 40U);
  for (const auto* text : {"", "G", "-1", "1.5G", "8g", "8GB", "8 G", "16777216T", "99999999999999999999"})
    CHECK(bytes_of(text, "--cache").error().message.starts_with("--cache: '"));
}

}  // namespace hillstar::cli
