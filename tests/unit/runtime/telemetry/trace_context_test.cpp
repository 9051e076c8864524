// SPDX-License-Identifier: Apache-2.0
#include "runtime/telemetry/trace_context.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace hillstar;
using namespace hillstar::telemetry;

namespace {

const RunId kRun("01K0000000000000000000RUN1");
const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";

}  // namespace

TEST_CASE("trace context: a traceparent is read and written as it was") {
  const auto header = "00-" + kTrace + "-" + kSpan + "-01";
  const auto context = read_traceparent(header);
  REQUIRE(context);
  CHECK(*context == TraceContext{kTrace, kSpan, true});
  CHECK(to_traceparent(*context) == header);
  CHECK_FALSE(read_traceparent("00-" + kTrace + "-" + kSpan + "-00")->sampled);
  CHECK(read_traceparent("00-" + kTrace + "-" + kSpan + "-03")->sampled);
}

TEST_CASE("trace context: versions to come are read by the parts that are known") {
  CHECK(read_traceparent("cc-" + kTrace + "-" + kSpan + "-01"));
  CHECK(read_traceparent("cc-" + kTrace + "-" + kSpan + "-01-what-is-more"));
  CHECK_FALSE(read_traceparent("cc-" + kTrace + "-" + kSpan + "-01.what"));
  CHECK_FALSE(read_traceparent("00-" + kTrace + "-" + kSpan + "-01-what-is-more"));
}

TEST_CASE("trace context: what is no traceparent is none") {
  const std::string zeros32(32, '0');
  const std::string zeros16(16, '0');
  for (const auto& bad : std::vector<std::string>{
           "", "00", "ff-" + kTrace + "-" + kSpan + "-01", "00-" + zeros32 + "-" + kSpan + "-01",
           "00-" + kTrace + "-" + zeros16 + "-01", "00-" + kTrace + "-" + kSpan + "-0x", "00-" + kTrace + "-" + kSpan,
           "0G-" + kTrace + "-" + kSpan + "-01", "00_" + kTrace + "-" + kSpan + "-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01", " 00-" + kTrace + "-" + kSpan + "-01",
           "cc-" + kTrace + "-" + kSpan + "-01-" + std::string(1'000, 'x')}) {
    CAPTURE(bad);
    CHECK_FALSE(read_traceparent(bad));
  }
}

TEST_CASE("trace context: a run that nobody traced begins a trace, and one that was asked for goes on in its own") {
  const auto alone = run_trace(kRun, std::nullopt);
  CHECK(read_traceparent(to_traceparent(alone.self)) == alone.self);
  CHECK(alone.parent_span_id.empty());
  CHECK(alone == run_trace(kRun, std::string("no traceparent")));
  const auto asked = run_trace(kRun, "00-" + kTrace + "-" + kSpan + "-01");
  CHECK(asked.self.trace_id == kTrace);
  CHECK(asked.self.span_id == alone.self.span_id);
  CHECK(asked.parent_span_id == kSpan);
}

TEST_CASE("trace context: ids follow from the place, and differ from place to place") {
  CHECK(attempt_span_id(kRun, NodeId("a"), std::nullopt, 1) == attempt_span_id(kRun, NodeId("a"), std::nullopt, 1));
  std::set<std::string> ids;
  std::size_t made = 0;
  for (const auto* run : {"01K0000000000000000000RUN1", "01K0000000000000000000RUN2"})
    for (int node = 0; node < 50; ++node)
      for (std::uint32_t item = 0; item < 20; ++item)
        for (std::uint32_t attempt = 1; attempt <= 5; ++attempt, ++made)
          ids.insert(attempt_span_id(RunId(run), NodeId("n" + std::to_string(node)),
                                     item == 0 ? std::nullopt : std::optional(item - 1), attempt));
  ids.insert(map_span_id(kRun, NodeId("n1")));
  ids.insert(wait_span_id(kRun, NodeId("n1"), std::nullopt, 1));
  ids.insert(run_trace(kRun, std::nullopt).self.span_id);
  CHECK(ids.size() == made + 3);
  // Where one part ends and the next begins is part of it.
  CHECK(attempt_span_id(RunId("ab"), NodeId("c"), std::nullopt, 1) !=
        attempt_span_id(RunId("a"), NodeId("bc"), std::nullopt, 1));
}

TEST_CASE("trace context: what an attempt hands on names the attempt, in the run's trace") {
  const auto run = run_trace(kRun, "00-" + kTrace + "-" + kSpan + "-00");
  const auto header = traceparent_of(to_traceparent(run.self), kRun, NodeId("a"), 3, 2);
  CHECK(header == "00-" + kTrace + "-" + attempt_span_id(kRun, NodeId("a"), 3, 2) + "-00");
  CHECK(traceparent_of("", kRun, NodeId("a"), std::nullopt, 1).empty());
  CHECK(traceparent_of("garbage", kRun, NodeId("a"), std::nullopt, 1).empty());
}

TEST_CASE("trace context: samplers keep what they are told to") {
  const auto parent = std::optional(std::string("00-" + kTrace + "-" + kSpan + "-00"));
  CHECK_FALSE(run_trace(kRun, parent).self.sampled);
  CHECK(run_trace(kRun, parent, {1.0, false}).self.sampled);
  CHECK(run_trace(kRun, std::nullopt, {1.0, true}).self.sampled);
  CHECK_FALSE(run_trace(kRun, std::nullopt, {0.0, true}).self.sampled);
  CHECK(run_trace(kRun, "00-" + kTrace + "-" + kSpan + "-01", {0.0, true}).self.sampled);
  std::size_t kept = 0;
  constexpr int kRuns = 20'000;
  for (int i = 0; i < kRuns; ++i)
    if (run_trace(RunId("01K000000000000000000" + std::to_string(10'000 + i)), std::nullopt, {0.25, true}).self.sampled)
      ++kept;
  CHECK(kept > kRuns * 23 / 100);
  CHECK(kept < kRuns * 27 / 100);
}
