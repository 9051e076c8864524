// SPDX-License-Identifier: Apache-2.0
// One scheduler that the test drives by hand: the order of everything is known.
#include "actors/event_log.hpp"

#include <doctest/doctest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include "persistence/memory_store.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"
#include "tests/support/forwarding_store.hpp"
#include "tests/support/plans.hpp"

using namespace hillstar;
using namespace hillstar::actors;
using namespace hillstar::testing;

namespace {

struct Config : caf::actor_system_config {
  Config() { set("scheduler.policy", caf::atom("testing")); }
};

/// Stands for a run actor: remembers what the log answered.
struct WriterState {
  std::vector<Appended> answers;
};
LogWriter::behavior_type writer(LogWriter::stateful_pointer<WriterState>, std::vector<Appended>* answers) {
  return {[answers](const Appended& answer) { answers->push_back(answer); }};
}

/// Counts commits.
class CountingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<std::vector<std::size_t>> commit(const std::vector<persistence::Append>& appends) override {
    sizes.push_back(appends.size());
    if (broken) return Error{Errc::store_write, "the disk is full"};
    return ForwardingStore::commit(appends);
  }

  std::vector<std::size_t> sizes;
  bool broken = false;
};

struct Desk {
  Desk() {
    log = system.spawn(event_log, EventLogParts{&store, [this](const Error&) { ++fatal; }, {}});
    run = system.spawn(writer, &answers);
  }
  ~Desk() {
    caf::anon_send_exit(log, caf::exit_reason::kill);
    caf::anon_send_exit(run, caf::exit_reason::kill);
    log = nullptr;
    run = nullptr;
    go();
  }
  void go() { dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler()).run(); }
  void append(const std::string& id, std::uint64_t expected = 0) {
    Told told(PlanBuilder("a").plan());
    told.start();
    AppendEvents message;
    message.append.run = RunId(id);
    message.append.expected_version = expected;
    message.append.records.push_back(
        persistence::encode(message.append.run, expected + 1, kStart, told.facts.front(), persistence::Hash{}));
    message.append.summary = run::summarize(told.state, message.append.run);
    message.append.summary.version = expected + 1;
    message.writer = run;
    caf::anon_send(log, std::move(message));
  }

  persistence::MemoryStore memory;
  CountingStore store{memory};
  int fatal = 0;
  std::vector<Appended> answers;
  Config config;
  caf::actor_system system{config};
  EventLog log;
  LogWriter run;
};

}  // namespace

TEST_CASE("event log: what waits in its mailbox shares one commit, and each append is answered") {
  Desk desk;
  for (const char* id : {"01JAAAAAAAAAAAAAAAAAAAAAA1", "01JAAAAAAAAAAAAAAAAAAAAAA2", "01JAAAAAAAAAAAAAAAAAAAAAA3"})
    desk.append(id);
  desk.go();
  CHECK(desk.store.sizes == std::vector<std::size_t>{3});
  REQUIRE(desk.answers.size() == 3);
  for (const auto& answer : desk.answers) {
    CHECK(answer.version == 1);
    CHECK_FALSE(answer.conflict);
  }
}

TEST_CASE("event log: an append behind another writer's is refused, and only that one") {
  Desk desk;
  desk.append("01JAAAAAAAAAAAAAAAAAAAAAA1");
  desk.append("01JAAAAAAAAAAAAAAAAAAAAAA2", 7);
  desk.go();
  REQUIRE(desk.answers.size() == 2);
  CHECK_FALSE(desk.answers[0].conflict);
  CHECK(desk.answers[1].conflict);
  CHECK(desk.fatal == 0);
}

TEST_CASE("event log: after a failed commit it answers nobody and writes nothing") {
  Desk desk;
  desk.store.broken = true;
  desk.append("01JAAAAAAAAAAAAAAAAAAAAAA1");
  desk.go();
  desk.store.broken = false;
  desk.append("01JAAAAAAAAAAAAAAAAAAAAAA2");
  desk.go();
  CHECK(desk.fatal == 1);
  CHECK(desk.answers.empty());
  CHECK(desk.store.sizes.size() == 1);
}
