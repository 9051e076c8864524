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

}  // namespace hillstar::cli
