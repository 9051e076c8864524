// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/cron.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <sstream>
#include <string>

using namespace hillstar;
using namespace hillstar::workflow;

namespace {

std::int64_t utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  const auto days = std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day));
  return days.time_since_epoch().count() * 86'400LL + hour * 3600 + minute * 60 + second;
}

Cron cron(std::string_view text) {
  const auto parsed = parse_cron(text);
  CAPTURE(std::string(text));
  REQUIRE_MESSAGE(parsed, parsed.error().message);
  return *parsed;
}

std::int64_t next(std::string_view text, std::int64_t after, const TimeZone& zone = {}) {
  const auto found = next_firing(cron(text), zone, after);
  return found ? *found : -1;
}

/// Berlin in 2026: an hour ahead, two from 29 March 01:00 to 25 October 01:00 UTC.
TimeZone berlin() { return {"Europe/Berlin", {{0, 3600}, {utc(2026, 3, 29, 1), 7200}, {utc(2026, 10, 25, 1), 3600}}}; }

std::string problem(std::string_view text) {
  const auto parsed = parse_cron(text);
  if (parsed) return {};
  CHECK(parsed.error().code == Errc::stream_invalid);
  return parsed.error().message + " | " + parsed.error().hint;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("cron: fields, names, ranges, steps and lists") {
  const auto start = utc(2026, 11, 22, 10, 7, 30);  // A Sunday.
  CHECK(next("* * * * *", start) == utc(2026, 11, 22, 10, 8));
  CHECK(next("*/15 * * * *", start) == utc(2026, 11, 22, 10, 15));
  CHECK(next("30 2 * * 1-5", start) == utc(2026, 11, 23, 2, 30));
  CHECK(next("0 0 1 jan *", start) == utc(2027, 1, 1));
  CHECK(next("0 12 * * SUN", start) == utc(2026, 11, 22, 12));
  CHECK(next("0 12 * * 7", start) == utc(2026, 11, 22, 12));
  CHECK(next("0 9 * * fri-sun", start) == utc(2026, 11, 27, 9));
  CHECK(next("5/20 10 * * *", start) == utc(2026, 11, 22, 10, 25));
  CHECK(next("8-10,50 10 * * *", utc(2026, 11, 22, 10, 10)) == utc(2026, 11, 22, 10, 50));
  CHECK(next("15 7 10 22 11 *", utc(2026, 1, 1)) == utc(2026, 11, 22, 10, 7, 15));
  CHECK(next("*/10 * * * * *", start) == utc(2026, 11, 22, 10, 7, 40));
  CHECK(next("0 0 L * *", start) == utc(2026, 11, 30));
  CHECK(next("0 0 L 2 *", start) == utc(2027, 2, 28));
  CHECK(next("0 0 L,15 2 ?", utc(2028, 2, 20)) == utc(2028, 2, 29));
  CHECK(next("@daily", start) == utc(2026, 11, 23));
  CHECK(next("@Yearly", start) == utc(2027, 1, 1));
  CHECK(next("  @hourly ", start) == utc(2026, 11, 22, 11));
  CHECK(next("0 0 1 1 *", utc(1969, 12, 31, 23, 59, 59)) == 0);
}

TEST_CASE("cron: either day counts if both are given, both if one begins with a star") {
  CHECK(next("0 0 13 * 5", utc(2026, 11, 22)) == utc(2026, 11, 27));
  CHECK(next("0 0 24 * 5", utc(2026, 11, 22)) == utc(2026, 11, 24));
  CHECK(next("0 0 */2 * 1", utc(2026, 11, 22)) == utc(2026, 11, 23));
  CHECK(next("0 0 */2 * 2", utc(2026, 11, 22)) == utc(2026, 12, 1));
}

TEST_CASE("cron: leap days, the longest waits, and dates that never come") {
  CHECK(next("0 0 29 2 *", utc(2026, 1, 1)) == utc(2028, 2, 29));
  CHECK(next("0 0 29 2 *", utc(2096, 3, 1)) == utc(2104, 2, 29));
  CHECK(next("0 0 29 2 */7", utc(2032, 3, 1)) == utc(2060, 2, 29));
  CHECK(next("0 0 31 2 1", utc(2026, 11, 22)) == utc(2027, 2, 1));
  CHECK(has(problem("0 0 30 2 *"), "no year has a day"));
  CHECK(has(problem("0 0 31 4,6,9,11 *"), "no year has a day"));
  CHECK(next_firing(cron("* * * * *"), {}, utc(9999, 12, 31, 23, 59, 30)) == std::nullopt);
}

TEST_CASE("cron: what is malformed is refused, with the field and the mend") {
  CHECK(has(problem(""), "this one 0"));
  CHECK(has(problem("* * * *"), "this one 4"));
  CHECK(has(problem("* * * * * * * * * *"), "8 or more"));
  CHECK(has(problem("60 * * * *"), "minute: '60'"));
  CHECK(has(problem("* 24 * * *"), "hour: '24'"));
  CHECK(has(problem("* * 0 * *"), "day of the month: '0'"));
  CHECK(has(problem("* * * foo *"), "JAN to DEC"));
  CHECK(has(problem("* * * * 8"), "SUN to SAT"));
  CHECK(has(problem("*/0 * * * *"), "no step from 1 to 59"));
  CHECK(has(problem("*/90 * * * *"), "write 'every'"));
  CHECK(has(problem("20-10 * * * *"), "goes backwards"));
  CHECK(has(problem("0 0 * * 5#2"), "not supported"));
  CHECK(has(problem("0 0 15W * *"), "not supported"));
  CHECK(has(problem("@reboot"), "at_start"));
  CHECK(has(problem("@sometimes"), "@daily"));
  for (const auto* bad : {"a", "1,,2 * * * *", ", * * * *", "- * * * *", "1- * * * *", "/ * * * *", "*/ * * * *",
                          "-1 * * * *", "? * * * *", "1.5 * * * *", "\xff * * * *", "99999999999 * * * *"}) {
    CAPTURE(bad);
    CHECK_FALSE(problem(bad).empty());
  }
  CHECK_FALSE(problem(std::string(kCronBytesMax + 1, '1')).empty());
}

TEST_CASE("cron: a fixed time that does not come fires after the gap, one that comes twice fires once") {
  const auto zone = berlin();
  CHECK(next("30 2 * * *", utc(2026, 3, 28, 12), zone) == utc(2026, 3, 29, 1));
  CHECK(next("30 2 * * *", utc(2026, 3, 29, 1), zone) == utc(2026, 3, 30, 0, 30));
  CHECK(next("0,30 2,3 * * *", utc(2026, 3, 29, 1), zone) == utc(2026, 3, 29, 1, 30));
  CHECK(next("30 2 * * *", utc(2026, 10, 24, 12), zone) == utc(2026, 10, 25, 0, 30));
  CHECK(next("30 2 * * *", utc(2026, 10, 25, 0, 30), zone) == utc(2026, 10, 26, 1, 30));
  CHECK(next("30 2 * * *", utc(2026, 10, 25, 1, 10), zone) == utc(2026, 10, 26, 1, 30));
  CHECK(next("0 3 * * *", utc(2026, 10, 25, 0), zone) == utc(2026, 10, 25, 2));
}

TEST_CASE("cron: hours that begin with a star follow the time that passes") {
  const auto zone = berlin();
  CHECK(next("30 * * * *", utc(2026, 3, 29, 0, 30), zone) == utc(2026, 3, 29, 1, 30));
  CHECK(next("30 * * * *", utc(2026, 10, 25, 0, 30), zone) == utc(2026, 10, 25, 1, 30));
  CHECK(next("30 */2 * * *", utc(2026, 3, 28, 23, 30), zone) == utc(2026, 3, 29, 2, 30));
}

TEST_CASE("cron: the search and a walk through every minute agree, wherever clocks are changed") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto one_of = [&](std::initializer_list<const char*> texts) {
    return std::string(texts.begin()[random() % texts.size()]);
  };
  for (int round = 0; round < 300; ++round) {
    const auto base = utc(2026, 3, 28) + static_cast<std::int64_t>(random() % 7) * 86'400;
    TimeZone zone{"z", {{0, 3600 * static_cast<int>(random() % 20) - 36'000}}};
    for (int change = 1; change <= 2; ++change) {
      const auto shift = 1800 * (1 + static_cast<int>(random() % 4)) * (random() % 2 == 0 ? 1 : -1);
      zone.spans.push_back(
          {base + change * 86'400 + static_cast<int>(random() % 48) * 1800, zone.spans.back().offset + shift});
    }
    const auto text = one_of({"0", "*/20", "30", "5,35", "*"}) + " " +
                      one_of({"*", "*/2", "2", "0-3", "1,2,3", "0", "23"}) + " " + one_of({"*", "29", "*/2"}) + " * " +
                      one_of({"*", "0", "1-5"});
    const auto expression = cron(text);
    TimeZone local_clock;
    auto expected_after = base;
    for (auto minute = base + 60; minute < base + 4 * 86'400; minute += 60) {
      const auto span = zone.span_at(minute);
      const auto local = minute + zone.spans[span].offset;
      const auto fits = [&](std::int64_t second) { return next_firing(expression, local_clock, second - 1) == second; };
      bool fires = fits(local);
      if (span > 0 && !expression.any_hour) {
        const auto unchanged = zone.spans[span].from + zone.spans[span - 1].offset;
        if (local < unchanged) fires = false;
        if (minute == zone.spans[span].from)
          for (auto skipped = unchanged; skipped < local; skipped += 60) fires = fires || fits(skipped);
      }
      if (!fires) continue;
      CAPTURE(text);
      REQUIRE(next_firing(expression, zone, expected_after) == minute);
      expected_after = minute;
    }
  }
}

/// Prints expressions, a time, and the next three that croniter finds. Argument: the seed. Nothing if it is absent.
constexpr const char* kOracle = R"(
import random, sys, time
try:
    from croniter import croniter
except ImportError:
    sys.exit(0)
random.seed(int(sys.argv[1]))
def field(least, most, names=()):
    def value():
        v = random.randint(least, most)
        return v, (names[v - least] if names and random.random() < 0.3 else str(v))
    def element():
        kind = random.randrange(4)
        a, text = value()
        if kind == 0: return text
        b, other = value()
        if a > b: a, b, text, other = b, a, other, text
        if kind == 1 and a < b: return text + "-" + other
        if kind == 2 and a < b: return "%d-%d/%d" % (a, b, random.randint(1, b - a))
        return text
    if random.random() < 0.35: return "*"
    return ",".join(element() for _ in range(random.randint(1, 3)))
months = "jan feb mar apr may jun jul aug sep oct nov dec".split()
days = "sun mon tue wed thu fri sat".split()
for _ in range(4000):
    minute = random.choice([field(0, 59), "*/%d" % random.randint(1, 59)])
    text = " ".join([minute, field(0, 23), field(1, 31), field(1, 12, months), field(0, 6, days)])
    start = random.randint(0, 2500000000)
    try:
        # It takes a list of all days for a star.
        if any(e == ["*"] and f != "*" for e, f in zip(croniter.expand(text)[0], text.split())): continue
        it = croniter(text, start, ret_type=float, max_years_between_matches=20)
        times = [start] + [int(it.get_next()) for _ in range(3)]
        # From a day of February it steps over the first of March if the list names days that February lacks.
        if any(time.gmtime(t).tm_mon == 2 for t in times[:-1]): continue
        print(text, "|", *times)
    except Exception:
        pass
)";

TEST_CASE("cron: thousands of expressions fire when croniter says") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  const std::string program = kOracle;
  char file[] = "/tmp/hillstar_cron_XXXXXX";
  const int descriptor = mkstemp(file);
  REQUIRE(descriptor >= 0);
  REQUIRE(write(descriptor, program.data(), program.size()) == static_cast<ssize_t>(program.size()));
  close(descriptor);
  const auto command = std::string("TZ=UTC /usr/bin/python3 ") + file + " " + std::to_string(seed) + " 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> output(popen(command.c_str(), "r"), &pclose);
  REQUIRE(output);
  char line[1024];
  int compared = 0;
  while (std::fgets(line, sizeof line, output.get()) != nullptr) {
    const std::string text(line);
    const auto bar = text.find(" | ");
    REQUIRE(bar != std::string::npos);
    std::istringstream numbers(text.substr(bar + 3));
    std::int64_t at = 0;
    numbers >> at;
    const auto expression = cron(text.substr(0, bar));
    for (std::int64_t expected = 0; numbers >> expected; at = expected) {
      CAPTURE(text);
      REQUIRE(next_firing(expression, {}, at) == expected);
    }
    ++compared;
  }
  std::remove(file);
  if (compared == 0)
    MESSAGE("python3-croniter is not installed: not compared");
  else
    CHECK(compared > 2000);
}
