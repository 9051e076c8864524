// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/host_rights.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "messages/json_codec.hpp"
#include "runtime/platform/descriptor.hpp"

using namespace hillstar;
using namespace hillstar::cli;

namespace {

const uid_t kOwner = geteuid();
const uid_t kOther = geteuid() + 1;

Call tell(WordKind kind) {
  TellCall said;
  said.run = RunId("01ARYZ6S41TSV4RRFFQ69G5FAV");
  said.word.kind = kind;
  return {1, "tell", Json::from_canonical(json::to_text(said))};
}

bool may(const Call& call, uid_t peer, bool shut_in) { return may_call(call, peer, shut_in).has_value(); }

constexpr WordKind kAllWords[] = {WordKind::cancel, WordKind::pause, WordKind::resume, WordKind::answer,
                                  WordKind::settle};

}  // namespace

TEST_CASE("host rights: the owner may everything") {
  for (const auto kind : kAllWords) CHECK(may(tell(kind), kOwner, false));
  for (const char* method : {"start", "environment", "other"}) CHECK(may({1, method, {}}, kOwner, false));
}

TEST_CASE("host rights: others may answer") {
  for (const auto kind : kAllWords) CHECK(may(tell(kind), kOther, false) == (kind == WordKind::answer));
  for (const char* method : {"start", "environment", "tell"}) CHECK_FALSE(may({1, method, {}}, kOther, false));
}

TEST_CASE("host rights: a script may stop runs, whoever it is of") {
  for (const auto kind : kAllWords) {
    const bool stops = kind == WordKind::cancel || kind == WordKind::pause;
    CHECK(may(tell(kind), kOwner, true) == stops);
    CHECK_FALSE(may(tell(kind), kOther, true));
  }
  for (const char* method : {"start", "environment", "tell", "other"}) CHECK_FALSE(may({1, method, {}}, kOwner, true));
  const auto refused = may_call({1, "start", {}}, kOwner, true);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::sandbox_refused);
  CHECK(refused.error().hint.find("--ephemeral") != std::string::npos);
}

TEST_CASE("host rights: who is let in may ask what the host has in hand") {
  for (const auto peer : {kOwner, kOther})
    for (const bool shut_in : {false, true}) CHECK(may({1, "live", {}}, peer, shut_in));
}

TEST_CASE("host rights: a process like ourselves is not shut in") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const Descriptor one(ends[0]);
  const Descriptor other(ends[1]);
  CHECK_FALSE(is_shut_in_peer(one.get()));
  CHECK(is_shut_in_peer(-1));  // nobody is there, so nothing can be said for them
}

TEST_CASE("host rights: streams and the store are looked at by the owner and its scripts, and changed by people") {
  const auto question = [](Topic topic) {
    return Call{1, "ask", Json::from_canonical(json::to_text(Question{topic, "w/e", {}, {}}))};
  };
  for (const auto topic : {Topic::streams, Topic::declare, Topic::trigger, Topic::hold, Topic::release, Topic::remove,
                           Topic::collect, Topic::top}) {
    const bool looks = topic == Topic::streams || topic == Topic::top;
    CHECK(may(question(topic), kOwner, false));
    CHECK(may(question(topic), kOwner, true) == looks);
    CHECK_FALSE(may(question(topic), kOther, false));
    CHECK_FALSE(may(question(topic), kOther, true));
  }
}
