// SPDX-License-Identifier: Apache-2.0
#include "apps/telemetry/delivery.hpp"

#include <doctest/doctest.h>

using namespace hillstar;
using namespace hillstar::telemetry;
using Kind = Verdict::Kind;

namespace {

Verdict answer(unsigned status, std::string body = "{}", std::string retry_after = "") {
  providers::HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  if (!retry_after.empty()) reply.headers.emplace_back("retry-after", std::move(retry_after));
  return verdict_of(reply);
}

}  // namespace

TEST_CASE("delivery: only what may pass by itself is tried again") {
  for (const unsigned status : {429U, 502U, 503U, 504U}) CHECK(answer(status).kind == Kind::again);
  for (const unsigned status : {301U, 400U, 401U, 404U, 413U, 500U, 501U}) CHECK(answer(status).kind == Kind::refused);
  for (const unsigned status : {200U, 202U, 204U}) CHECK(answer(status).kind == Kind::delivered);
  CHECK(verdict_of(Failure{FailureClass::network, "gone", {}}).kind == Kind::again);
  CHECK(verdict_of(Failure{FailureClass::timeout, "slow", {}}).kind == Kind::again);
  CHECK(verdict_of(Failure{FailureClass::auth, "certificate", {}}).kind == Kind::refused);
}

TEST_CASE("delivery: a collector may ask for time, within reason") {
  CHECK(answer(503, "{}", "7").wait == Millis(7'000));
  CHECK(answer(429, "{}", "86400").wait == Millis(300'000));
  CHECK(answer(429, "{}", "-1").wait == std::nullopt);
  CHECK(answer(429, "{}", "soon").wait == std::nullopt);
  CHECK(answer(400, "{}", "7").wait == std::nullopt);
}

TEST_CASE("delivery: what was not wanted of a delivery is counted, and not sent again") {
  const auto verdict = answer(200, R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too\nold"}})");
  CHECK(verdict.kind == Kind::delivered);
  CHECK(verdict.rejected == 3);
  CHECK(verdict.why == "too old");
  CHECK(answer(200, R"({"partialSuccess":{"rejectedDataPoints":2}})").rejected == 2);
  CHECK(answer(200, R"({"partialSuccess":{"rejectedSpans":-2}})").rejected == 0);
  CHECK(answer(200, "no json").rejected == 0);
}

TEST_CASE("delivery: the reason is one short line") {
  CHECK(answer(400, R"({"code":3,"message":"bad\u0000field"})").why == "HTTP 400: bad field");
  CHECK(answer(500, "<html>").why == "HTTP 500");
  CHECK(answer(400, R"({"message":")" + std::string(5'000, 'x') + "\"}").why.size() < 300);
}

TEST_CASE("delivery: pauses grow, have an end, and differ by chance") {
  CHECK(pause_after(1, 0) == Millis(500));
  CHECK(pause_after(1, 999'999) >= Millis(999));
  CHECK(pause_after(2, 0) == Millis(1'000));
  CHECK(pause_after(100, 999'999) <= Millis(30'000));
  CHECK(pause_after(100, 0) == Millis(15'000));
}
