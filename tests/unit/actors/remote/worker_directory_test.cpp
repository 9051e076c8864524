// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/worker_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/actors/remote/directory_bench.hpp"

namespace hillstar::actors {
namespace {

using namespace directory_bench;

std::string key(const std::string& node) { return std::string(kRun) + "/" + node + "/1"; }

}  // namespace

TEST_CASE("worker directory: an attempt goes to a worker, and its end to the node, once") {
  Bench bench;
  Guest a(bench, "a");
  a.hello();
  const auto words = a.welcomed();
  CHECK(words.beat == Millis{2'000});
  CHECK(words.grace == Millis{8'000});
  bench.place("far");
  CHECK(a.given() == key("far"));
  a.succeeded(key("far"), "made");
  a.succeeded(key("far"), "said again");
  const auto outcome = bench.answers.next<AttemptSucceeded>();
  CHECK(outcome.result.json == Json::string("made"));
  REQUIRE(outcome.made_by.has_value());
  CHECK(outcome.made_by->worker == "a");
  CHECK(a.left() == 0);  // not before it is durable
  caf::anon_send(bench.directory, AttemptKept{key("far")});
  CHECK(a.hear<remote::EndsKept>(FrameKind::ends_kept).keys == std::vector{key("far")});
  a.succeeded(key("far"), "late");
  a.forgets(key("far"));
  bench.rows();
  CHECK(bench.answers.left() == 0);
}

TEST_CASE("worker directory: ends that are durable are confirmed together, to an older worker one by one") {
  Bench bench;
  Guest a(bench, "a");
  a.hello("s", {}, 3);
  a.welcomed();
  for (const auto* node : {"far", "other"}) {
    bench.place(node);
    CHECK(a.given() == key(node));
    a.succeeded(key(node), "made");
    bench.answers.next<AttemptSucceeded>();
    caf::anon_send(bench.directory, AttemptKept{key(node)});
  }
  std::vector<std::string> kept;
  while (kept.size() < 2) {  // a slow test may have been told of the first before the second was there
    const auto told = a.hear<remote::EndsKept>(FrameKind::ends_kept).keys;
    REQUIRE_FALSE(told.empty());
    kept.insert(kept.end(), told.begin(), told.end());
  }
  CHECK(kept == std::vector{key("far"), key("other")});
  a.down();

  Bench older;
  Guest b(older, "b");
  b.hello("s", {}, 3, 2);
  b.welcomed();
  older.place("far");
  b.given();
  b.succeeded(key("far"), "made");
  older.answers.next<AttemptSucceeded>();
  caf::anon_send(older.directory, AttemptKept{key("far")});
  const auto named = b.hear<remote::AttemptNamed>(FrameKind::outcome_kept);
  CHECK(named.key == key("far"));
  CHECK_FALSE(named.fenced);
}

TEST_CASE("worker directory: a long end is read, a wrong one fails its attempt, one of none ends the connection") {
  Bench bench;
  Guest a(bench, "a");
  a.hello();
  a.welcomed();
  bench.place("far");
  CHECK(a.given() == key("far"));
  const std::string text(2 * wire::kTreeJsonMax, 'x');
  a.succeeded(key("far"), text);
  CHECK(bench.answers.next<AttemptSucceeded>().result.json == Json::string(text));
  bench.place("other");
  CHECK(a.given() == key("other"));
  a.says(FrameKind::outcome, R"({"key":")" + key("other") + R"(","report":{"ending":"won"}})");
  const auto failed = bench.answers.next<AttemptFailed>();
  CHECK(failed.failure.message.find("/report/ending") != std::string::npos);
  a.says(FrameKind::outcome, R"({"key":["far"]})");
  CHECK(a.is_closed());
}

TEST_CASE("worker directory: an end that another worker tells is not wanted") {
  Bench bench;
  Guest a(bench, "a");
  a.hello();
  a.welcomed();
  bench.place("far");
  a.given();
  Guest b(bench, "b");
  b.hello("t", {key("far"), key("other")});
  b.welcomed();
  b.forgets(key("far"));
  b.shows({{key("far"), claim_of(kClaimKey, key("far"), {"b", "t"})}});  // even so
  b.forgets(key("other"));
  b.succeeded(key("far"), "stolen");
  while (b.left() > 2) b.hear<remote::AttemptNamed>(FrameKind::cancel);
  bench.rows();
  CHECK(bench.answers.left() == 0);
  a.succeeded(key("far"), "made");
  CHECK(bench.answers.next<AttemptSucceeded>().made_by->worker == "a");
}

TEST_CASE("worker directory: a connection that comes back in time loses nothing") {
  Bench bench;
  Guest a(bench, "a");
  a.hello();
  a.welcomed();
  bench.place("one");
  bench.place("two");
  a.given();
  a.given();
  a.down();
  bench.tick(kReconnectTime);
  CHECK_FALSE(bench.rows().at(0).connected);
  Guest again(bench, "a");
  again.hello("s", {key("one")});
  again.welcomed();
  CHECK(again.given() == key("two"));  // it never arrived
  CHECK(bench.rows().at(0).used == 2);
  again.succeeded(key("one"), "made");
  bench.answers.next<AttemptSucceeded>();
  CHECK(bench.rows().at(0).used == 1);
}

TEST_CASE("worker directory: a worker that stays away, is silent or was started anew has lost what it made") {
  const auto lost = [](auto happen) {
    Bench bench;
    Guest a(bench, "a");
    a.hello();
    a.welcomed();
    bench.place("far");
    a.given();
    happen(bench, a);
    const auto outcome = bench.answers.template next<AttemptLost>();
    CHECK(outcome.made_by->worker == "a");
    CHECK(outcome.made_by->fingerprint == "a");
    a.succeeded(key("far"), "late");
    bench.rows();
    CHECK(bench.answers.left() == 0);
  };
  lost([](Bench& bench, Guest& a) {
    a.down();
    bench.rows();
    bench.tick(kReconnectTime + Millis{1});
  });
  lost([](Bench& bench, Guest& a) {
    bench.tick(Millis{9'000});
    a.say(FrameKind::beat, remote::Beat{1, 0, 0, 0, 0});
    CHECK(a.hear<remote::Beat>(FrameKind::beat_seen).number == 1);
    bench.tick(Millis{10'000});
    CHECK(bench.rows().size() == 1);
    bench.tick(Millis{1});
    CHECK(a.is_closed());
  });
  lost([](Bench& bench, Guest& a) {
    Guest anew(bench, "a");
    anew.hello("t");
    CHECK(a.is_closed());
    anew.welcomed();
  });
}

TEST_CASE("worker directory: what is withdrawn is stopped, or was never begun, or goes on for the next host") {
  Bench bench;
  bench.place("waits");
  caf::anon_send(bench.directory, WithdrawPlaced{key("waits"), Halt::cancel});
  CHECK(bench.answers.next<AttemptCancelled>().unsent);
  Guest a(bench, "a");
  a.hello();
  a.welcomed();
  bench.place("stops");
  bench.place("stays");
  a.given();
  a.given();
  caf::anon_send(bench.directory, WithdrawPlaced{key("stops"), Halt::cancel});
  CHECK(a.hear<remote::AttemptNamed>(FrameKind::cancel).key == key("stops"));
  caf::anon_send(bench.directory, WithdrawPlaced{key("stays"), Halt::leave});
  bench.answers.next<AttemptCancelled>();
  bench.rows();
  CHECK(a.left() == 0);
}

TEST_CASE("worker directory: what nobody can make waits with a reason, as long as it may") {
  Bench bench;
  bench.place("far", false, Millis{5'000});
  bench.tick(kPlaceToldAfter);
  CHECK(bench.answers.reason().find("no worker") != std::string::npos);
  bench.tick(Millis{5'000});
  CHECK(bench.answers.next<AttemptFailed>().failure.kind == FailureClass::queue_timeout);
  Bench alone(false);
  alone.place("far");
  CHECK(alone.answers.next<AttemptFailed>().failure.message.find("takes no workers") != std::string::npos);
}

TEST_CASE("worker directory: nothing goes to one that drains or is cordoned") {
  Bench bench;
  Guest a(bench, "a");
  a.hello();
  a.welcomed();
  const auto tell = [&](WorkerChange change, const std::string& name) {
    auto reply = Reply<bool>::create();
    auto told = reply.future();
    caf::anon_send(bench.directory, TellWorker{name, change, std::exchange(reply, {})});
    return told.get().has_value();
  };
  CHECK(tell(WorkerChange::cordon, "a"));
  CHECK_FALSE(tell(WorkerChange::cordon, "nobody"));
  bench.place("far");
  bench.rows();
  CHECK(a.left() == 0);
  CHECK(tell(WorkerChange::uncordon, "a"));
  CHECK(a.given() == key("far"));
  a.say(FrameKind::drain, remote::Line{});
  bench.place("next");
  CHECK(bench.rows().at(0).draining);
  CHECK(a.left() == 0);
}

TEST_CASE("worker directory: who says nothing, or too much, is sent away") {
  Bench bench;
  Guest silent(bench, "silent");
  bench.rows();
  bench.tick(kHelloTime);
  CHECK(silent.is_closed());
  std::vector<std::unique_ptr<Guest>> many;
  for (std::size_t i = 0; i <= kStrangersMax; ++i) many.push_back(std::make_unique<Guest>(bench, "many"));
  CHECK(many.back()->is_closed());
  CHECK(many.front()->left() == 0);
  Guest twin(bench, "a", "one");
  twin.hello();
  twin.welcomed();
  Guest other(bench, "a", "two");
  other.hello("another process");
  CHECK(other.hear<remote::Refused>(FrameKind::refused).reason.find("another certificate") != std::string::npos);
  twin.say(FrameKind::welcome, remote::Welcome{});
  CHECK(twin.is_closed());
  bench.tick(kReconnectTime);
  bench.tick(Millis{1});
  CHECK(bench.rows().empty());
  CHECK(bench.log().find("did not say hello in time") != std::string::npos);
}

TEST_CASE("worker directory: a worker is the reason of few lines") {
  Bench bench;
  Guest a(bench, "a");
  a.hello();
  a.welcomed();
  for (int i = 0; i < 1'000; ++i) a.say(FrameKind::log, remote::Line{"x\ny"});
  const auto log = bench.log();
  CHECK(static_cast<std::size_t>(std::count(log.begin(), log.end(), '\n')) <= kLinesMax);
  CHECK(log.find("x?y") != std::string::npos);
  bench.tick(kLinesWindow);
  CHECK(bench.log().find("worker a: and 981 lines more") != std::string::npos);
}

}  // namespace hillstar::actors
