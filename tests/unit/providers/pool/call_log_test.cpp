// SPDX-License-Identifier: Apache-2.0
#include "providers/pool/call_log.hpp"

#include <doctest/doctest.h>

using namespace hillstar;
using namespace hillstar::providers;

namespace {

constexpr std::int64_t kHour = 3'600'000'000;

UtcTime hour(std::int64_t count) { return {1'795'348'800'000'000 + count * kHour}; }
NodeScheduled scheduled(const char* node) { return {NodeId(node), {}, 1}; }

}  // namespace

TEST_CASE("call_log: a reply counts what was used, a call that was cut off what was reserved") {
  NodeCompleted completed;
  completed.node = NodeId("a");
  completed.usage = Usage{30, 12, {}, {}, MicroUsd{700}};
  completed.detail = Json::from_canonical(R"({"backend":"x"})");
  NodeCompleted uncounted = completed;
  uncounted.usage = Usage{};
  NodeAttemptFailed cut;
  cut.node = NodeId("b");
  cut.failure.kind = FailureClass::timeout;
  cut.detail = Json::from_canonical(R"({"backend":"x","cost_reserved":900,"tokens_reserved":500})");
  NodeAttemptFailed turned_away = cut;
  turned_away.failure.kind = FailureClass::rate_limited;
  NodeAttemptFailed unsent = cut;
  unsent.detail.reset();
  CallLog log;
  add_calls({{1, hour(0), completed},
             {2, hour(1), uncounted},
             {3, hour(2), cut},
             {4, hour(3), turned_away},
             {5, hour(4), unsent}},
            hour(5), log);
  CHECK(log.unknown.empty());
  REQUIRE(log.calls.size() == 1);
  const auto& calls = log.calls.at("x");
  REQUIRE(calls.size() == 4);
  CHECK(calls[0].ended == hour(0));
  CHECK(calls[0].tokens == 42U);
  CHECK(calls[0].cost == MicroUsd{700});
  CHECK(calls[1].tokens == std::nullopt);
  CHECK(calls[2].tokens == 500U);
  CHECK(calls[2].cost == MicroUsd{900});
  CHECK(calls[3].tokens == 0U);
  CHECK(calls[3].cost == std::nullopt);
}

TEST_CASE("call_log: a reply that could not be used has been paid for") {
  NodeAttemptFailed unfit;
  unfit.node = NodeId("a");
  unfit.failure.kind = FailureClass::schema_mismatch;
  unfit.usage = Usage{30, 12, {}, {}, MicroUsd{700}};
  unfit.detail = Json::from_canonical(R"({"backend":"x"})");
  CallLog log;
  add_calls({{1, hour(0), unfit}}, hour(1), log);
  REQUIRE(log.calls.at("x").size() == 1);
  CHECK(log.calls.at("x")[0].tokens == 42U);
  CHECK(log.calls.at("x")[0].cost == MicroUsd{700});
}

TEST_CASE("call_log: ends that nobody saw are unknown, and so is what was left open") {
  CallLog log;
  NodeAttemptLost lost{NodeId("lost"), {}, 1};
  NodeCancelled cancelled{NodeId("cancelled"), 3U, 1};
  add_calls({{1, hour(0), scheduled("old")},
             {2, hour(9), scheduled("lost")},
             {3, hour(9), scheduled("cancelled")},
             {4, {hour(10).micros - kHour / 2}, scheduled("open")},
             {5, hour(11), scheduled("own")},
             {6, hour(11), lost},
             {7, hour(11), cancelled}},
            hour(10), log);
  CHECK(log.calls.empty());
  REQUIRE(log.unknown.size() == 3);
  CHECK(log.unknown[0].node.str() == "lost");
  CHECK(log.unknown[0].call.ended == hour(11));
  CHECK(log.unknown[1].node.str() == "cancelled");
  CHECK(log.unknown[2].node.str() == "open");
  CHECK(log.unknown[2].call.ended == std::nullopt);
}

TEST_CASE("call_log: details that make no sense are taken for unknown amounts") {
  NodeAttemptFailed cut;
  cut.node = NodeId("b");
  cut.failure.kind = FailureClass::network;
  CallLog log;
  for (const char* detail :
       {R"({"backend":"x","tokens_reserved":-5})", R"({"backend":"x","tokens_reserved":"5"})", R"({"backend":"x"})"}) {
    cut.detail = Json::from_canonical(detail);
    add_calls({{1, hour(0), cut}}, hour(1), log);
  }
  for (const char* detail : {R"({"backend":7})", "[]", "null"}) {
    cut.detail = Json::from_canonical(detail);
    add_calls({{1, hour(0), cut}}, hour(1), log);
  }
  REQUIRE(log.calls.size() == 1);
  REQUIRE(log.calls.at("x").size() == 3);
  for (const auto& call : log.calls.at("x")) CHECK(call.tokens == std::nullopt);
}

TEST_CASE("call_log: an attempt with a reservation counts for its backend, whatever became of it") {
  const auto reserved = [](const char* node) {
    auto event = scheduled(node);
    event.call = Reservation{"p", "m", "x", 0, 500, MicroUsd{900}};
    return event;
  };
  CallLog log;
  add_calls({{1, hour(0), reserved("lost")},
             {2, hour(1), NodeAttemptLost{NodeId("lost"), {}, 1}},
             {3, hour(1), reserved("stopped")},
             {4, hour(2), NodeCancelled{NodeId("stopped"), {}, 1, false}},
             {5, hour(2), reserved("unsent")},
             {6, hour(3), NodeCancelled{NodeId("unsent"), {}, 1, true}},
             {7, hour(4), reserved("open")}},
            {hour(4).micros + 1}, log);
  CHECK(log.unknown.empty());
  REQUIRE(log.calls.size() == 1);
  const auto& calls = log.calls.at("x");
  REQUIRE(calls.size() == 3);
  for (const auto& call : calls) {
    CHECK(call.tokens == 500U);
    CHECK(call.cost == MicroUsd{900});
  }
  CHECK(calls[0].ended == hour(1));
  CHECK(calls[2].ended == std::nullopt);
}
