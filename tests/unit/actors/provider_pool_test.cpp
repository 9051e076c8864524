// SPDX-License-Identifier: Apache-2.0
#include "actors/provider_pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "tests/support/engine_host.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

const char* const kReply =
    "data: {\"id\":\"r1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n"
    "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n"
    "data: [DONE]\n\n";

/// Two backends: `sick` is down while `down` says so, and `slow` never answers.
class Backends final : public providers::Transport {
 public:
  std::shared_ptr<providers::Cancellation> send(providers::HttpRequest request,
                                                providers::HttpCallbacks callbacks) override {
    auto handle = std::make_shared<Handle>();
    handle->done = callbacks.done;
    if (request.url.find("slow") != std::string::npos) {
      slow_sent.open();
      return handle;
    }
    if (request.url.find("sick") != std::string::npos) {
      ++sick_calls;
      if (down) {
        handle->end(Failure{FailureClass::network, "nobody answers", std::nullopt});
        return handle;
      }
    }
    callbacks.on_body(kReply);
    providers::HttpReply reply;
    reply.status = 200;
    reply.headers = {{"content-type", "text/event-stream"}};
    handle->end(std::move(reply));
    return handle;
  }

  std::atomic<bool> down{true};
  std::atomic<int> sick_calls{0};
  Gate slow_sent;

 private:
  struct Handle final : providers::Cancellation {
    void cancel() override { end(Failure{FailureClass::network, "cancelled", std::nullopt}); }
    void end(providers::HttpOutcome outcome) {
      if (auto answer = std::exchange(done, nullptr)) answer(std::move(outcome));
    }
    std::function<void(providers::HttpOutcome)> done;
  };
};

std::shared_ptr<const workflow::Plan> call_to(const std::string& provider, std::optional<Millis> queue_timeout = {}) {
  PlanBuilder builder("a");
  builder['a'].tool = "model_call";
  builder['a'].provider = provider;
  builder['a'].model = "m";
  builder['a'].input = Json::string("hi");
  builder['a'].queue_timeout = queue_timeout;
  auto plan = *builder.plan();
  plan.model_config = Json::from_canonical(
      R"({"custom_providers":{"slow":{"endpoint":"http://slow:9","model_name":"m","type":"custom"},)"
      R"("sick":{"endpoint":"http://sick:9","model_name":"m","type":"custom"},)"
      R"("well":{"endpoint":"http://well:9","model_name":"m","type":"custom"}}})");
  return std::make_shared<const workflow::Plan>(std::move(plan));
}

struct PoolHost : Host {
  explicit PoolHost(persistence::EventStore& store_, providers::PoolLimits limits) : Host(store_) {
    options.transport = backends;
    options.pool_limits = [limits](const std::string&) { return limits; };
    with(ScriptedTool());
  }
  std::optional<NodeAttemptFailed> failure_of(const RunId& run) const {
    const auto history = store.read(run);
    REQUIRE(history);
    for (const auto& recorded : *history)
      if (const auto* failed = std::get_if<NodeAttemptFailed>(&recorded.event)) return *failed;
    return std::nullopt;
  }
  std::shared_ptr<Backends> backends = std::make_shared<Backends>();
};

}  // namespace

TEST_CASE("provider_pool: a backend that is down is asked no more, and the others go on") {
  persistence::MemoryStore store;
  providers::PoolLimits limits;
  limits.breaker = {3, Millis(3'600'000), Millis(3'600'000), Millis(3'600'000)};
  PoolHost host(store, limits);
  host.up();
  for (int i = 0; i < 3; ++i) CHECK(host.run(call_to("sick")) == "failed");
  const auto waits = host.start(call_to("sick"));
  CHECK(host.run(call_to("well")) == "completed");
  CHECK(host.run(call_to("sick", Millis(1))) == "failed");
  CHECK(host.backends->sick_calls == 3);
  REQUIRE(host.tell(waits, CancelAsked{"ann", "enough"}));
  CHECK(host.end_of(waits) == "cancelled");
}

TEST_CASE("provider_pool: a probe finds out that a backend is back, and what waited goes on") {
  persistence::MemoryStore store;
  providers::PoolLimits limits;
  limits.breaker = {2, Millis(1), Millis(1), Millis(1)};
  PoolHost host(store, limits);
  host.up();
  for (int i = 0; i < 4; ++i) CHECK(host.run(call_to("sick")) == "failed");
  host.backends->down = false;
  std::vector<RunId> runs;
  for (int i = 0; i < 5; ++i) runs.push_back(host.start(call_to("sick")));
  for (const auto& run : runs) CHECK(host.end_of(run) == "completed");
}

TEST_CASE("provider_pool: a full line is refused in words") {
  persistence::MemoryStore store;
  PoolHost host(store, {.concurrency = 1, .queue_max = 0});
  host.up();
  const auto first = host.start(call_to("slow"));
  REQUIRE(host.backends->slow_sent.wait());
  const auto second = host.start(call_to("slow"));
  CHECK(host.end_of(second) == "failed");
  const auto failed = host.failure_of(second);
  REQUIRE(failed);
  CHECK(failed->failure.kind == FailureClass::overloaded);
  CHECK(failed->failure.message.find("0 calls wait for") == 0);
  CHECK_FALSE(failed->detail);  // it was not sent
  REQUIRE(host.tell(first, CancelAsked{"ann", "enough"}));
  CHECK(host.end_of(first) == "cancelled");
}

TEST_CASE("provider_pool: a failed call that was sent says to whom and what was reserved for it") {
  persistence::MemoryStore store;
  PoolHost host(store, {});
  host.up();
  const auto run = host.start(call_to("sick"));
  CHECK(host.end_of(run) == "failed");
  const auto failed = host.failure_of(run);
  REQUIRE(failed);
  REQUIRE(failed->detail);
  CHECK(failed->detail->text().find("http://sick:9") != std::string::npos);
  CHECK(failed->detail->text().find("\"tokens_reserved\":") != std::string::npos);
}

TEST_CASE("provider_pool: the minute's requests are remembered by the next process") {
  persistence::MemoryStore store;
  for (const bool first : {true, false}) {
    PoolHost host(store, {.rpm = 1});
    host.up();
    const auto run = host.start(call_to("well", Millis(50)));
    CHECK(host.end_of(run) == (first ? "completed" : "failed"));
    if (first) continue;
    const auto failed = host.failure_of(run);
    REQUIRE(failed);
    CHECK(failed->failure.kind == FailureClass::queue_timeout);
  }
}

TEST_CASE("provider_pool: the day's money is remembered by the next process, and its end is told") {
  persistence::MemoryStore store;
  PoolHost spends(store, {.usd_per_day = MicroUsd{560'000}});
  // A thousandth of a dollar for a token of input: three of them cost 0.003, and the call, with its
  // default system prompt, may be up to 516.
  auto priced = std::make_shared<policy::Registry>(policy::shipped_registry());
  policy::ModelEntry model;
  model.id = "m";
  model.prices = policy::ModelPrices{1'000'000'000, 0, {}, {}};
  policy::ProviderEntry paid;
  paid.name = "paid";
  paid.kind = policy::ProviderKind::local;
  paid.adapter = "openai_compatible";
  paid.base_url = "http://well:9";
  paid.models = {model};
  priced->providers.push_back(paid);
  spends.options.registry = priced;
  spends.up();
  CHECK(spends.run(call_to("paid")) == "completed");
  spends.engine.reset();
  PoolHost next(store, {.usd_per_day = MicroUsd{518'000}});
  next.options.registry = priced;
  next.up();
  const auto run = next.start(call_to("paid"));
  CHECK(next.end_of(run) == "failed");
  const auto failed = next.failure_of(run);
  REQUIRE(failed);
  CHECK(failed->failure.message.find("0.003 spent") != std::string::npos);
}
