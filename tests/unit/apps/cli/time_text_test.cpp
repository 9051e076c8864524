// SPDX-License-Identifier: Apache-2.0
// Times as people type them.
#include <doctest/doctest.h>

#include "apps/cli/list_commands.hpp"

using namespace hillstar;
using namespace hillstar::cli;

TEST_CASE("time_from_text: days, times and how long ago") {
  const auto now = *from_rfc3339("2026-11-22T10:20:30.123456Z");
  const auto read = [&](const std::string& text) {
    const auto time = time_from_text(text, now, "--since");
    return time ? to_rfc3339(*time) : to_string(time.error());
  };
  CHECK(read("today") == "2026-11-22T00:00:00.000000Z");
  CHECK(read("2026-02-28") == "2026-02-28T00:00:00.000000Z");
  CHECK(read("2026-02-28T01:02:03Z") == "2026-02-28T01:02:03.000000Z");
  CHECK(read("2026-02-28T01:02:03.25Z") == "2026-02-28T01:02:03.250000Z");
  CHECK(read("90s") == "2026-11-22T10:19:00.123456Z");
  CHECK(read("2h") == "2026-11-22T08:20:30.123456Z");
  CHECK(read("1w") == "2026-11-15T10:20:30.123456Z");
  for (const std::string wrong : {"", "soon", "5", "-5d", "5 d", "d", "5y", "2026-02-30", "2026-02-28T01:02Z",
                                  "2026-02-28T01:02:03.1234567Z", "99999999999999999999d", "9999999999w"})
    CHECK_MESSAGE(read(wrong).find("--since") != std::string::npos, wrong);
}

TEST_CASE("length_from_text: a number and a unit") {
  CHECK(*length_from_text("15m", "--older-than") == Millis(900'000));
  CHECK(*length_from_text("0s", "--older-than") == Millis(0));
  CHECK(!length_from_text("15", "--older-than"));
  CHECK(!length_from_text("2026-11-22", "--older-than"));
}
