// SPDX-License-Identifier: Apache-2.0
// What a stream may use up, over a real engine and its restarts.
#include <doctest/doctest.h>

#include "actors/trigger_service.hpp"
#include "runtime/stream/quota.hpp"
#include "tests/support/streams.hpp"

namespace hillstar::testing {
namespace {

TEST_CASE("stream: a quota of runs holds, also over restarts, and says when there is room") {
  persistence::MemoryStore store;
  auto entry = entry_of(4, 10);
  entry.quota = Quota{3, {}, {}, {}};
  for (int start = 0; start < 2; ++start) {
    Host host(store);
    host.with(ScriptedTool()).up();
    REQUIRE(declare(*host.engine, entry, PlanBuilder("a").plan()).has_value());
    for (int i = 0; start == 0 && i < 3; ++i) {
      const auto accepted = trigger(*host.engine, with_key("k" + std::to_string(i)));
      REQUIRE(accepted.has_value());
      CHECK(host.end_of(accepted->run) == "completed");
    }
    auto request = with_key("k3");
    const auto room = request.room_at = std::make_shared<std::optional<UtcTime>>();
    const auto refused = offer(*host.engine, std::move(request)).get();
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == Errc::rate_limited);
    REQUIRE(room->has_value());
    CHECK(**room > SystemClock().utc_now());
    CHECK(**room <= SystemClock().utc_now() + stream::kQuotaHour);
    // What was accepted before is no further run.
    const auto again = trigger(*host.engine, with_key("k1"));
    REQUIRE(again.has_value());
    CHECK(again->repeated);
    const auto status = status_of(*host.engine);
    REQUIRE(status.quota_used);
    CHECK(status.quota_used->runs_hour == 3);
    REQUIRE(status.refusals.size() == 1);
    CHECK(status.refusals[0].why.find("runs_per_hour") != std::string::npos);
    CHECK(status.refused == 1);
  }
  Host host(store);
  host.with(ScriptedTool()).up();
  entry.quota->runs_per_hour = 4;
  REQUIRE(declare(*host.engine, entry, PlanBuilder("a").plan()).has_value());
  CHECK(trigger(*host.engine).has_value());
  CHECK(trigger(*host.engine).error().code == Errc::rate_limited);
  entry.quota.reset();
  REQUIRE(declare(*host.engine, entry, PlanBuilder("a").plan()).has_value());
  CHECK(trigger(*host.engine).has_value());
}

TEST_CASE("stream: a quota of bytes counts the records that are there, also after a restart") {
  persistence::MemoryStore store;
  auto entry = entry_of(4, 10);
  entry.quota = Quota{{}, {}, {}, 1};
  std::uint64_t bytes = 0;
  for (int start = 0; start < 2; ++start) {
    Host host(store);
    host.with(ScriptedTool()).up();
    REQUIRE(declare(*host.engine, entry, PlanBuilder("a").plan()).has_value());
    // The stream is told of an end after everybody else.
    auto answer = trigger(*host.engine);
    for (; answer && start == 0; answer = trigger(*host.engine)) {
      CHECK(host.end_of(answer->run) == "completed");
      for (const auto& record : *store.read_records(answer->run, 1, 100)) bytes += record.line.size();
    }
    REQUIRE(!answer.has_value());
    CHECK(answer.error().code == Errc::rate_limited);
    if (start == 0) continue;
    CHECK(status_of(*host.engine).quota_used->stored_bytes == bytes);
    CHECK(host.engine->between_commits([] { return Result<bool>(false); }).has_value());
    CHECK(status_of(*host.engine).quota_used->stored_bytes == bytes);
  }
}

TEST_CASE("stream: a timer beyond its quota fires without a run, and that is recorded") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool()).up();
  auto entry = entry_of(4, 10);
  entry.trigger = TriggerKind::timer;
  entry.timer.emplace();
  entry.timer->every = Millis(50);
  entry.quota = Quota{1, {}, {}, {}};
  const auto declared = declare(*host.engine, entry, PlanBuilder("a").plan());
  REQUIRE(declared.has_value());
  Seen seen;
  REQUIRE(host.engine->follow(declared->history, 1, seen.callback()).has_value());
  auto service = TriggerService::start(*host.engine, nullptr, {});
  REQUIRE(service.has_value());
  CHECK(seen.wait([](const std::vector<FeedItem>& items) {
    int runs = 0;
    int skipped = 0;
    for (const auto& item : items) {
      const auto* event = std::get_if<FeedEvent>(&item);
      const auto* fired = event == nullptr ? nullptr : std::get_if<TimerFired>(&event->recorded.event);
      if (fired == nullptr) continue;
      if (fired->run) ++runs;
      if (fired->skipped && fired->skipped->find("runs_per_hour") != std::string::npos) ++skipped;
    }
    return runs == 1 && skipped >= 2;
  }));
}

TEST_CASE("stream: a chain that ended is counted") {
  persistence::MemoryStore store;
  Host host(store);
  host.with(ScriptedTool()).up();
  REQUIRE(declare(*host.engine, entry_of(1, 1), PlanBuilder("a").plan()).has_value());
  host.engine->end_chain("test/e", "too deep");
  host.engine->end_chain("no/such", "too deep");
  const auto status = status_of(*host.engine);
  CHECK(status.chains_ended == 1);
  REQUIRE(status.refusals.size() == 1);
  CHECK(status.refusals[0].why == "too deep");
}

}  // namespace
}  // namespace hillstar::testing
