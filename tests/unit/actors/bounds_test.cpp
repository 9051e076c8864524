// SPDX-License-Identifier: Apache-2.0
// What an engine takes at most: at the bound, and one beyond. One scheduler that the test drives by hand.
#include <doctest/doctest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <future>

#include "actors/feed.hpp"
#include "actors/job.hpp"
#include "actors/provider_directory.hpp"
#include "actors/tool_slots.hpp"
#include "persistence/memory_store.hpp"
#include "tests/support/scripted_tool.hpp"
#include "tests/support/scripted_transport.hpp"

using namespace hillstar;
using namespace hillstar::actors;
using namespace hillstar::testing;

namespace {

struct Config : caf::actor_system_config {
  Config() { set("scheduler.policy", caf::atom("testing")); }
};

/// What an attempt was answered, in a word: its failure's class, or `ok`.
struct Answers {
  std::vector<std::string> words;
  std::string last_message;
  void add(const Failure& failure) {
    words.push_back(failure.kind == FailureClass::overloaded ? "overloaded" : "other failure");
    last_message = failure.message;
  }
};

/// Stands for the nodes.
NodeActor::behavior_type node(NodeActor::pointer, Answers* answers) {
  return {[](const Attempt&) {},
          [](const CancelNode&) {},
          [](const EndNow&) {},
          [answers](const JobDone& done) {
            if (const auto* failed = std::get_if<AttemptFailed>(&done.outcome))
              answers->add(failed->failure);
            else
              answers->words.emplace_back("ok");
          },
          [answers](const ModelDone& done) {
            if (const auto* failed = std::get_if<Failure>(&done.answer))
              answers->add(*failed);
            else
              answers->words.emplace_back("ok");
          },
          [](const StateDone&) {},
          [](const HoldNode&) {},
          [](const ChildAnswered&) {},
          [](const PlaceMissing&) {}};
}

/// Stands for the event log.
EventLog::behavior_type deaf_log(EventLog::pointer, int) {
  return {[](const AppendEvents&) {}, [](const FlushBatch&) {}, [](const WatchRun&) {},  [](const UnwatchRun&) {},
          [](const WatchLog&) {},     [](const UnwatchLog&) {}, [](const Housework&) {}, [](DoHousework) {}};
}

struct World {
  void go() { dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler()).run(); }
  template <class Actor>
  void end(Actor& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::kill);
    actor = nullptr;
    go();
  }

  Answers answers;
  Config config;
  caf::actor_system system{config};
  NodeActor nodes = system.spawn(node, &answers);
};

}  // namespace

TEST_CASE("bounds: one job more than the queue holds is refused with the number") {
  World world;
  constexpr std::size_t kMax = 3;
  auto slots = world.system.spawn(
      tool_slots, ToolSlotsParts{.script_slots = 1, .own_threads = false, .alive = {}, .queue_max = kMax});
  std::vector<JobPtr> jobs;
  for (std::uint32_t i = 0; i < kMax + 2; ++i) {
    jobs.push_back(std::make_shared<Job>(
        Job::Parts{AttemptRef{.node = i, .item = {}, .attempt = 1},
                   world.nodes,
                   [i](tools::CancelFlag&) -> NodeOutcome {
                     return AttemptSucceeded{AttemptRef{.node = i, .item = {}, .attempt = 1}, {}, {}, {}, {}};
                   },
                   true,
                   {}}));
    caf::anon_send(slots, RunJob{jobs.back()});
  }
  world.go();
  // One ran at once, as many as the queue holds after it, and the last one was told first.
  REQUIRE(world.answers.words.size() == kMax + 2);
  CHECK(std::count(world.answers.words.begin(), world.answers.words.end(), "ok") == kMax + 1);
  CHECK(std::count(world.answers.words.begin(), world.answers.words.end(), "overloaded") == 1);
  CHECK(world.answers.last_message == "3 jobs wait for a slot already");
  jobs.clear();
  world.end(slots);
  world.end(world.nodes);
}

TEST_CASE("bounds: calls to one backend more than an engine knows are refused, the known ones go on") {
  World world;
  auto transport = std::make_shared<ScriptedTransport>([](const providers::HttpRequest&) { return std::string(); });
  DirectoryParts parts;
  parts.pool.transport = transport;
  auto directory = world.system.spawn(provider_directory, std::move(parts));
  const auto call = [&](std::size_t backend) {
    ModelCall::Parts what;
    what.ref = AttemptRef{.node = 0, .item = {}, .attempt = 1};
    what.node = world.nodes;
    what.backend.name = "backend " + std::to_string(backend);
    what.backend.adapter = "openai_compatible";
    what.backend.base_url = "http://127.0.0.1:9/v1";
    what.request.model = "m";
    caf::anon_send(directory, CallModel{std::make_shared<ModelCall>(std::move(what))});
  };
  for (std::size_t i = 0; i < kBackendsMax; ++i) call(i);
  world.go();
  CHECK(world.answers.words.empty());
  CHECK(transport->requests().size() == kBackendsMax);
  call(kBackendsMax);
  world.go();
  REQUIRE(world.answers.words == std::vector<std::string>{"overloaded"});
  CHECK(world.answers.last_message == "1000 different backends are in use already");
  call(0);
  world.go();
  CHECK(world.answers.words.size() == 1);
  CHECK(transport->requests().size() == kBackendsMax + 1);
  world.end(directory);
  world.end(world.nodes);
}

TEST_CASE("bounds: one follower too many is refused, and gets in when another leaves") {
  World world;
  persistence::MemoryStore store;
  auto log = world.system.spawn(deaf_log, 0);
  FeedParts parts;
  parts.store = &store;
  parts.event_log = log;
  parts.gate = std::make_shared<FeedGate>();
  parts.own_threads = false;
  auto feed = world.system.spawn(feed_actor, std::move(parts));
  const RunId run("01JAAAAAAAAAAAAAAAAAAAAAA1");
  const auto follow = [&](std::uint64_t ticket) {
    auto reply = Reply<std::uint64_t>::create();
    auto answer = reply.future();
    caf::anon_send(feed, Follow{ticket, run, 1, [](const FeedItem&) {}, std::exchange(reply, {})});
    world.go();
    return answer.get();
  };
  for (std::uint64_t i = 1; i <= kFollowersMax; ++i) REQUIRE(follow(i).has_value());
  const auto refused = follow(kFollowersMax + 1);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == Errc::run_state);
  CHECK(refused.error().message == "the engine has 256 followers already");
  auto left = Reply<bool>::create();
  caf::anon_send(feed, Unfollow{7, std::exchange(left, {})});
  world.go();
  CHECK(follow(kFollowersMax + 2).has_value());
  world.end(feed);
  world.end(log);
  world.end(world.nodes);
}
