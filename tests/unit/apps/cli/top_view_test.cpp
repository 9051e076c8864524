// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/top_view.hpp"

#include <doctest/doctest.h>

#include "apps/cli/stream_view.hpp"
#include "apps/cli/text.hpp"

using namespace hillstar;
using namespace hillstar::cli;

namespace {

const Json kTop = Json::from_canonical(
    R"({"at":"2026-11-22T12:00:00.000000Z","backends":[{"backend":"openai at https://api.openai.com","calls":12,)"
    R"("cost":1500000,"failed":1,"in_flight":3,"waiting":40}],"host":4711,"live":[{"cost":0,"nodes":4,"nodes_done":1,)"
    R"("nodes_running":2,"run":"01M80R6TSPERXSRYM0KKVH838Z","started_at":"2026-11-22T11:59:00.000000Z",)"
    R"("status":"running","workflow":"a_workflow_with_a_name_that_is_longer_than_the_table"}],)"
    R"("runs":{"queued":7,"running":1},"streams":[{"entry":{"trigger":"timer"},"held":false,)"
    R"("next":["2026-11-23T02:30:00.000000Z"],"queued":7,"refused":3,"running":1,"stream":"lab/nightly"},)"
    R"({"entry":{"trigger":"api"},"held":true,"queued":0,"refused":0,"running":0,"stream":"lab/hand"}],)"
    R"("today":{"all":true,"cost":1500000,"ended":30,"started":38}})");
const Json kBefore = Json::from_canonical(
    R"({"at":"2026-11-22T11:59:00.000000Z","today":{"all":true,"cost":0,"ended":10,"started":20}})");

std::string all(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

}  // namespace

TEST_CASE("top: what goes on, in lines that fit") {
  for (const std::size_t width : {200U, 79U, 72U, 71U, 39U, 20U, 5U}) {
    CAPTURE(width);
    const auto lines = top_lines(kTop, kBefore, {.columns = width});
    for (const auto& line : lines) CHECK(columns(line) <= width);
    if (width >= 39) CHECK(all(lines).find("running") != std::string::npos);
    if (width >= 39) CHECK(all(lines).find("lab/nightly") != std::string::npos);
  }
  const auto wide = all(top_lines(kTop, kBefore, {.columns = 200}));
  for (const auto* words :
       {"process 4711 hosts the store", "7 queued, 1 running; today 38 runs, $1.5000; 20 end a minute",
        "01M80R6TSPERXSRYM0KKVH838Z", "1/4", "02:30:00Z", "held", "openai at https://api.open", "40"})
    CHECK_MESSAGE(wide.find(words) != std::string::npos, (std::string(words) + " in " + wide));
  CHECK(wide.find('\x1b') == std::string::npos);
}

TEST_CASE("top: a small terminal is told how much is hidden; colours are asked for") {
  const auto small = top_lines(kTop, Json(), {.columns = 79, .rows = 4});
  REQUIRE(small.size() == 4);
  CHECK(small.back().find("more lines") != std::string::npos);
  CHECK(all(top_lines(kTop, Json(), {.columns = 79, .rows = {}, .color = true})).find('\x1b') != std::string::npos);
}

TEST_CASE("top: whatever a host answers, something is shown") {
  for (const auto* text :
       {"null", "[]", "{}", R"({"live":3,"runs":[],"streams":{},"today":"x","at":7})",
        R"({"live":[null,{"run":7}],"streams":[7,{"next":[null]}],"backends":[{}],"runs":{"a":null}})"})
    CHECK(!top_lines(Json::from_canonical(text), kBefore, {.columns = 79}).empty());
}

TEST_CASE("stream view: the next firings of a timer, and none where there is none") {
  StreamStatus status;
  status.declared.stream = "lab/nightly";
  const UtcTime now{1'700'000'000'000'000};
  CHECK(next_firings(status, now).empty());
  auto& timer = status.declared.entry.timer.emplace();
  timer.every = Millis(3'600'000);
  status.declared_at = UtcTime{now.micros - 60'000'000};
  const auto firings = next_firings(status, now);
  REQUIRE(firings.size() == kFiringsShown);
  CHECK(firings[0] == *status.declared_at + Millis(3'600'000));
  CHECK(firings[1] == *status.declared_at + Millis(7'200'000));
  timer.every.reset();
  timer.cron = "0 3 30 2 *";
  CHECK(next_firings(status, now).empty());
  timer.cron = "0 3 * * *";
  timer.time_zone = "No/Where";
  CHECK(next_firings(status, now).empty());
  timer.time_zone.reset();
  CHECK(next_firings(status, now).size() == kFiringsShown);
  status.removed = true;
  CHECK(next_firings(status, now).empty());
}
