// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/orders.hpp"

#include <doctest/doctest.h>

#include "actors/call_record.hpp"
#include "actors/remote/blob_port.hpp"
#include "runtime/policy/rules.hpp"

namespace hillstar::actors {
namespace {

const std::string kHash(64, 'a');

Attempt attempt() {
  Attempt made;
  workflow::PlanNode node;
  node.id = NodeId("far");
  node.tool = "script_run";
  node.input = Json::string("{{ near.output }}");
  node.placement.emplace().labels = {{"gpu", ""}};
  made.node = std::make_shared<const workflow::PlanNode>(std::move(node));
  auto run = std::make_shared<tools::RunContext>();
  run->run = "01BX5ZZKBKACTAV9WEVGEMMVRZ";
  run->workflow = "flow";
  run->workspace = "/host/only";
  run->environment = {"SECRET=of the host"};
  run->priority = 42;
  run->air_gapped = true;
  made.run = run;
  made.command.ref = {3, 7, 2};
  made.command.bindings.push_back({"near", Value{{{"/output", 70'000, false, kHash}}, Json::from_canonical("{}")}});
  made.command.item = Value{{}, Json::string("one")};
  made.command.ends_by = UtcTime{90'000'000};
  return made;
}

Result<Attempt> there(const remote::Order& order) {
  tools::RunContext context;
  context.workspace = "/worker";
  return attempt_of(order, UtcTime{1'000'000'000}, std::move(context));
}

TEST_CASE("orders: an attempt is the same on the other machine, but for what belongs to a machine") {
  const auto sent = attempt();
  const auto order = json::read<remote::Order>(*json::parse(json::to_text(order_of(sent, UtcTime{60'000'000}, {}))));
  REQUIRE(order.has_value());
  const auto made = there(*order);
  REQUIRE(made.has_value());
  CHECK(key_of(*made) == "01BX5ZZKBKACTAV9WEVGEMMVRZ/far[7]/2");
  CHECK(key_of(*made) == key_of(sent));
  CHECK(made->command.ref == sent.command.ref);
  CHECK(made->command.bindings.front().result == sent.command.bindings.front().result);
  CHECK(made->command.item == sent.command.item);
  CHECK(made->command.ends_by->micros == 1'030'000'000);  // what is left of it, by the clock there
  CHECK(made->run->workspace == "/worker");
  CHECK(made->run->environment.empty());
  CHECK(made->run->priority == 42);
  CHECK(made->run->air_gapped);
  CHECK_FALSE(made->node->placement.has_value());  // here is where it is made
  REQUIRE(blobs_of(*order).size() == 1);
  CHECK(blobs_of(*order).front().sha256 == kHash);
}

TEST_CASE("orders: what is no hash names no blob") {
  auto order = order_of(attempt(), UtcTime{}, {});
  order.bindings.front().result.blobs.front().sha256 = "../../etc/passwd";
  CHECK(there(order).error().code == Errc::host_protocol);
}

TEST_CASE("orders: what a model call leaves is named by its end, and may be as large as what is read back") {
  remote::Report report;
  report.ending = remote::Ending::failed;
  const std::string other(64, 'b');
  report.detail = Json::from_canonical(R"({"reply_sha256":")" + other + R"(","request_sha256":")" + kHash + R"("})");
  const auto named = blobs_of(report);
  REQUIRE(named.size() == 2);
  CHECK(named.front().sha256 == kHash);
  CHECK(named.back().sha256 == other);
  for (const auto& blob : named) CHECK(blob.bytes == kCallRecordBytesMax);
  CHECK(kCallRecordBytesMax <= kBlobBytesMax);
}

TEST_CASE("orders: each end crosses, and says who made it") {
  const AttemptRef ref{3, 7, 2};
  const MadeBy by{"w", kHash, {}};
  const auto across = [&](const NodeOutcome& outcome) {
    return outcome_of(*json::read<remote::Report>(*json::parse(json::to_text(report_of(outcome)))), ref, by);
  };
  const auto succeeded = across(AttemptSucceeded{ref, Value{{}, Json::string("x")}, {true, false}, {}, {}});
  REQUIRE(succeeded.has_value());
  CHECK(std::get<AttemptSucceeded>(*succeeded).tests == std::vector<bool>{true, false});
  CHECK(std::get<AttemptSucceeded>(*succeeded).made_by == by);
  const auto failed = across(AttemptFailed{ref, Failure{FailureClass::exit_code, "7", {}}, {}, {}});
  REQUIRE(failed.has_value());
  CHECK(std::get<AttemptFailed>(*failed).failure.kind == FailureClass::exit_code);
  CHECK(std::get<AttemptFailed>(*failed).ref == ref);
  CHECK(std::get<AttemptCancelled>(*across(AttemptCancelled{ref, true})).unsent);
  CHECK(std::get<AttemptLost>(*across(AttemptLost{ref})).made_by == by);
}

TEST_CASE("orders: a report that no honest worker sends is an error") {
  remote::Report report;
  report.ending = remote::Ending::succeeded;
  CHECK(outcome_of(report, {}, {}).error().code == Errc::host_protocol);
  report.ending = remote::Ending::failed;
  CHECK(outcome_of(report, {}, {}).error().code == Errc::host_protocol);
  report.ending = remote::Ending::succeeded;
  report.result = Value{};
  report.usage.emplace().cost = MicroUsd{-1};
  CHECK(outcome_of(report, {}, {}).error().code == Errc::host_protocol);
  report.usage.reset();
  report.result = Value{{{"/x", 1, false, "short"}}, Json::from_canonical("{}")};
  CHECK(outcome_of(report, {}, {}).error().code == Errc::host_protocol);
}

TEST_CASE("rules of two machines: only what both allow") {
  policy::Rules loose;
  loose.sandbox.allow_none = true;
  loose.air_gap.allow_script_network = true;
  loose.air_gap.endpoints = {"a:1", "b:1"};
  policy::Rules strict;
  strict.air_gap.always = true;
  strict.air_gap.endpoints = {"b:1", "c:1"};
  strict.redact = {"email"};
  const auto both = policy::strictest(loose, strict);
  CHECK_FALSE(both.sandbox.allow_none);
  CHECK_FALSE(both.air_gap.allow_script_network);
  CHECK(both.air_gap.always);
  CHECK(*both.air_gap.endpoints == std::vector<std::string>{"b:1"});
  CHECK(both.redact == std::vector<std::string>{"email"});
}

}  // namespace
}  // namespace hillstar::actors
