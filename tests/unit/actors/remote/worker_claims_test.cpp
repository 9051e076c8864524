// SPDX-License-Identifier: Apache-2.0
// What workers say that they make, to a host that was started anew.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/actors/remote/directory_bench.hpp"

namespace hillstar::actors {
namespace {

using namespace directory_bench;

std::string key(const std::string& node) { return std::string(kRun) + "/" + node + "/1"; }

/// What a host before this one gave to that worker.
std::string claim(const std::string& node, const std::string& worker = "a", const std::string& session = "s") {
  return claim_of(kClaimKey, key(node), {worker, session});
}

}  // namespace

TEST_CASE("worker claims: an attempt comes with one, which holds for its worker and its process") {
  Bench bench;
  Guest a(bench, "a");
  a.hello();
  a.welcomed();
  bench.place("far");
  CHECK(a.sent().claim == claim("far"));

  Bench other;
  Guest old(other, "old");
  old.hello("s", {}, 2, kProtocolClaims - 1U);
  CHECK(old.welcomed().protocol == kProtocolClaims - 1U);
  other.place("far");
  CHECK_FALSE(old.sent().claim.has_value());  // it would not read it
}

TEST_CASE("worker claims: after a restart an attempt is found at the worker that shows one, or is lost in time") {
  Bench bench;
  Guest a(bench, "a");
  a.hello("s", {key("before"), key("after"), key("nobody's")});  // before anybody asks
  a.welcomed();
  a.shows({{key("before"), claim("before")}}, false);
  a.shows({{key("after"), claim("after")}, {key("nobody's"), claim("nobody's")}});
  bench.place("before", true);
  bench.place("gone", true);
  a.succeeded(key("before"), "made");
  CHECK(bench.answers.next<AttemptSucceeded>().made_by->worker == "a");
  bench.place("after", true);
  a.succeeded(key("after"), "made");
  bench.answers.next<AttemptSucceeded>();
  bench.tick(Millis{9'999});
  bench.rows();
  CHECK(bench.answers.left() == 0);
  bench.tick(Millis{1});
  CHECK_FALSE(bench.answers.next<AttemptLost>().made_by.has_value());
  a.forgets(key("nobody's"));
}

TEST_CASE("worker claims: a renewed certificate of the worker shows what the one before was given") {
  Bench bench;
  bench.place("far", true);
  Guest a(bench, "a", "another fingerprint");
  a.hello("s", {key("far")});
  a.welcomed();
  a.shows({{key("far"), claim("far")}});
  a.succeeded(key("far"), "made");
  CHECK(bench.answers.next<AttemptSucceeded>().made_by->fingerprint == "another fingerprint");
}

TEST_CASE("worker claims: who shows none that holds gets nothing, and the rightful worker still does") {
  const std::vector<std::map<std::string, std::string>> lies{
      {},
      {{key("far"), ""}},
      {{key("far"), "nonsense"}},
      {{key("far"), claim("far", "a", "s")}},                                              // another's
      {{key("far"), claim("far", "b", "an earlier process")}},                             // of one that has died
      {{key("far"), claim("other", "b", "t")}},                                            // for another attempt
      {{key("far"), claim_of(Secret("another host's"), key("far"), {"b", "t"})}},          // of another host
      {{key("other"), claim("other", "b", "t")}, {"no/such/1", claim("far", "b", "t")}}};  // not named in its hello
  for (const bool is_asked : {true, false}) {
    for (const auto& lie : lies) {
      Bench bench;
      if (is_asked) bench.place("far", true);
      Guest b(bench, "b");
      b.hello("t", {key("far")});
      b.welcomed();
      b.shows(lie);
      b.forgets(key("far"));
      if (!is_asked) bench.place("far", true);
      b.succeeded(key("far"), "stolen");
      b.forgets(key("far"));
      CHECK(bench.log().find("worker b names 1 attempts") != std::string::npos);
      for (const auto& [named, shown] : lie)
        if (shown.size() > 20) CHECK(bench.log().find(shown) == std::string::npos);
      Guest a(bench, "a");
      a.hello("s", {key("far")});
      a.welcomed();
      a.shows({{key("far"), claim("far")}});
      a.succeeded(key("far"), "made");
      CHECK(bench.answers.next<AttemptSucceeded>().made_by->worker == "a");
    }
  }
}

TEST_CASE("worker claims: who says nothing of them, or is too old to, has nothing") {
  Bench bench;
  bench.place("far", true);
  bench.place("near", true);
  Guest old(bench, "old");
  old.hello("s", {key("far")}, 2, kProtocolClaims - 1U);
  old.welcomed();
  old.forgets(key("far"));
  CHECK(bench.log().find("too old") != std::string::npos);
  Guest mute(bench, "mute");
  mute.hello("s", {key("near"), key("far")});
  mute.welcomed();
  mute.succeeded(key("near"), "without a word");
  mute.forgets(key("near"));
  bench.tick(Millis{10'000});
  bench.answers.next<AttemptLost>();
  bench.answers.next<AttemptLost>();
  mute.forgets(key("far"));
  CHECK(bench.answers.left() == 0);
}

TEST_CASE("worker claims: they come to nothing once the time for them is over, and cost a bounded number of lines") {
  Bench bench;
  bench.place("far", true);
  bench.rows();
  bench.tick(Millis{10'000});
  bench.answers.next<AttemptLost>();
  Guest a(bench, "a");
  a.hello("s", {key("far")});
  a.welcomed();
  a.forgets(key("far"));
  a.shows({{key("far"), claim("far")}});
  bench.rows();
  CHECK(a.left() == 0);
  CHECK(bench.answers.left() == 0);

  Bench noisy;
  for (int i = 0; i < 100; ++i) {
    Guest b(noisy, "b");
    b.hello("t", {key("far\n" + std::to_string(i))});
    b.welcomed();
    b.shows({});
  }
  const auto log = noisy.log();
  CHECK(static_cast<std::size_t>(std::count(log.begin(), log.end(), '\n')) <= kLinesMax);
  CHECK(log.find("far?") != std::string::npos);
  Guest junk(noisy, "junk");
  junk.hello();
  junk.welcomed();
  junk.say(FrameKind::claims, remote::Line{"x"});
  CHECK(junk.is_closed());
}

}  // namespace hillstar::actors
