// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/time_zone.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <memory>
#include <random>
#include <sstream>

using namespace hillstar;

namespace {

/// A file of version 2 without times, with one kind of time and this rule.
std::string file_with(const std::string& rule, int offset = 0) {
  const auto head = [](char types) {
    std::string text = "TZif2" + std::string(15, '\0') + std::string(24, '\0');
    text[20 + 19] = types;
    text[20 + 23] = 4;
    return text;
  };
  std::string kind(6, '\0');
  for (int i = 0; i < 4; ++i) kind[static_cast<std::size_t>(i)] = static_cast<char>(offset >> (24 - 8 * i));
  const std::string letters("ABC\0", 4);
  return head(1) + kind + letters + head(1) + kind + letters + "\n" + rule + "\n";
}

std::int32_t offset_at(const TimeZone& zone, std::int64_t second) { return zone.spans[zone.span_at(second)].offset; }

}  // namespace

TEST_CASE("time zone: UTC needs no database, and others come from it") {
  const auto utc = load_time_zone("UTC", "/nowhere");
  REQUIRE(utc);
  CHECK(utc->spans.size() == 1);
  const auto berlin = load_time_zone("Europe/Berlin");
  REQUIRE(berlin);
  CHECK(berlin->name == "Europe/Berlin");
  CHECK(offset_at(*berlin, 1'774'745'999) == 3600);  // 29 March 2026, 00:59:59 UTC.
  CHECK(offset_at(*berlin, 1'774'746'000) == 7200);
  CHECK_MESSAGE(offset_at(*berlin, 6'015'000'000) == 7200, "the rule holds after the table, in August 2160 too");
}

TEST_CASE("time zone: names that are none, or that lead elsewhere, are refused") {
  for (const auto* name : {"", "Europe/Berln", "../../etc/passwd", "/etc/localtime", "Europe", "right/UTC", "a b",
                           "tzdata.zi", "Europe/", "\xff", "leapseconds"}) {
    CAPTURE(name);
    const auto zone = load_time_zone(name);
    REQUIRE_FALSE(zone);
    CHECK(zone.error().code == Errc::stream_invalid);
  }
  CHECK_FALSE(load_time_zone(std::string(100, 'a')));
}

TEST_CASE("time zone: rules for the future in all their forms") {
  const auto of = [](const std::string& rule) {
    const auto zone = parse_time_zone("z", file_with(rule));
    CAPTURE(rule);
    REQUIRE(zone);
    return *zone;
  };
  CHECK(offset_at(of(""), 0) == 0);
  CHECK(offset_at(of("<+0545>-5:45"), 4'000'000'000) == 20'700);
  const auto berlin = of("CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK(offset_at(berlin, 1'774'745'999) == 3600);
  CHECK(offset_at(berlin, 1'774'746'000) == 7200);
  const auto south = of("NZST-12NZDT,M9.5.0,M4.1.0/3");
  CHECK(offset_at(south, 1'767'225'600) == 46'800);
  CHECK(offset_at(south, 1'782'864'000) == 43'200);
  const auto julian = of("AAA0BBB,J60/0,J61/0");  // The first of March, whether or not it is a leap year.
  CHECK(offset_at(julian, 1'772'323'200) == 3600);
  CHECK(offset_at(julian, 1'772'323'199) == 0);
  CHECK(offset_at(julian, 1'835'481'600) == 3600);
  const auto counted = of("AAA0BBB,59/0,60/0");
  CHECK(offset_at(counted, 1'772'323'200) == 3600);
  CHECK(offset_at(counted, 1'835'395'200) == 3600);
  CHECK(offset_at(of("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"), 1'774'746'000) == -3600);
}

TEST_CASE("time zone: damaged files are refused, wherever they are damaged") {
  for (const auto* rule :
       {"C", "CET", "CET-", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0x", "CET-999", "CET-1CEST,M3.5.0/999,M10.5.0", "<CET-1"}) {
    CAPTURE(rule);
    CHECK_FALSE(parse_time_zone("z", file_with(rule)));
  }
  const auto good = file_with("CET-1CEST,M3.5.0,M10.5.0/3");
  REQUIRE(parse_time_zone("z", good));
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(parse_time_zone("z", good.substr(0, size)));
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = good;
    for (auto changes = 1 + random() % 4; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    const auto zone = parse_time_zone("z", bytes);
    if (!zone) continue;
    for (std::size_t i = 2; i < zone->spans.size(); ++i) REQUIRE(zone->spans[i - 1].from < zone->spans[i].from);
  }
}

TEST_CASE("time zone: agrees with Python's zoneinfo, today and far away") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  const auto command =
      "/usr/bin/python3 -c 'import random,zoneinfo,datetime as d\nrandom.seed(" + std::to_string(seed) + R"()
others=("right","posix","Etc","localtime","Factory")
names=sorted(n for n in zoneinfo.available_timezones() if not n.startswith(others))
for n in random.sample(names,80):
  z=zoneinfo.ZoneInfo(n)
  for _ in range(40):
    t=random.randint(-1000000000,7000000000)
    print(n,t,int(d.datetime.fromtimestamp(t,z).utcoffset().total_seconds()))' 2>/dev/null)";
  const std::unique_ptr<FILE, int (*)(FILE*)> output(popen(command.c_str(), "r"), &pclose);
  REQUIRE(output);
  char line[256];
  int compared = 0;
  while (std::fgets(line, sizeof line, output.get()) != nullptr) {
    std::istringstream words(line);
    std::string name;
    std::int64_t second = 0;
    std::int32_t offset = 0;
    REQUIRE(static_cast<bool>(words >> name >> second >> offset));
    const auto zone = load_time_zone(name);
    CAPTURE(name);
    CAPTURE(second);
    REQUIRE(zone);
    REQUIRE(offset_at(*zone, second) == offset);
    ++compared;
  }
  if (compared == 0) MESSAGE("python3 has no time zones: not compared");
}
