// SPDX-License-Identifier: Apache-2.0
// Who gets in, and who does not.
#include <doctest/doctest.h>

#include <csignal>
#include <thread>

#include "runtime/platform/authority.hpp"
#include "runtime/platform/join.hpp"
#include "runtime/platform/private_folder.hpp"
#include "runtime/platform/signal_block.hpp"
#include "tests/unit/actors/wire/bench_parts.hpp"
#include "tests/unit/actors/wire/raw_peer.hpp"

namespace hillstar::actors::wire {
namespace {

/// Dials and says why it came to nothing.
Error refusal(const Credentials& credentials, std::uint16_t port, const std::string& name = "127.0.0.1") {
  End worker;
  worker.dial_to(credentials, port, Millis{10'000}, name);
  REQUIRE(worker.mail().wait_downs(1));
  CHECK(worker.mail().look([](Mail& mail) { return mail.ups().empty(); }));
  return worker.mail().down_at(0).reason;
}

}  // namespace

TEST_CASE("wire: only a worker's certificate of the same authority that holds opens the door") {
  Papers papers;
  Papers foreign;
  End host;
  host.listen(papers.host());
  REQUIRE(host.listener);
  const auto port = host.listener->port();
  const auto now = SystemClock().utc_now();
  const auto own = papers.worker("w1");

  SUBCASE("another authority") {
    auto rogue = foreign.worker("w1");
    rogue.authority = own.authority;
    rogue.revocation = own.revocation;
    refusal(rogue, port);
  }
  SUBCASE("expired") { refusal(papers.worker("old", UtcTime{now.micros - 2 * kDay.count() * 1000}), port); }
  SUBCASE("not yet valid") { refusal(papers.worker("new", now + kDay), port); }
  SUBCASE("a host's certificate shown by a worker") {
    CHECK(refusal(papers.host("other"), port).code == Errc::certificate_invalid);
    RawPeer raw(port, papers.host("other"));
    CHECK(raw.is_ended());
  }
  SUBCASE("revoked") {
    const auto revoked = papers.worker("bad");
    REQUIRE(papers.authority().revoke("bad"));
    host.listener.reset();
    host.listen(papers.host());
    refusal(revoked, host.listener->port());
  }
  SUBCASE("no certificate") {
    RawPeer raw(port, {});
    CHECK(raw.is_ended());
  }
  SUBCASE("TLS 1.2") {
    RawPeer raw(port, own, {"hillstar-frames", TLS1_2_VERSION});
    CHECK_FALSE(raw.connected());
  }
  SUBCASE("another protocol") {
    RawPeer raw(port, own, {"h2", TLS1_3_VERSION});
    CHECK_FALSE(raw.connected());
  }
  CHECK(host.mail().look([](Mail& mail) { return mail.ups().empty() && mail.downs().empty(); }));
}

TEST_CASE("wire: a worker talks only to a host of its authority, under the name it dialled") {
  Papers papers;
  Papers foreign;
  End host;
  const auto own = papers.worker("w1");
  SUBCASE("another name") {
    host.listen(papers.host("mill", {"mill.example.com"}));
    REQUIRE(host.listener);
    CHECK(refusal(own, host.listener->port()).code == Errc::certificate_invalid);
  }
  SUBCASE("another authority") {
    auto rogue = foreign.host();
    rogue.authority = own.authority;
    rogue.revocation = own.revocation;
    host.listen(rogue);
    REQUIRE(host.listener);
    refusal(own, host.listener->port());
  }
  SUBCASE("a worker's certificate cannot listen") {
    host.listen(papers.worker("sly"));
    CHECK_FALSE(host.listener);
  }
  SUBCASE("a revoked host") {
    const auto revoked = papers.host("gone");
    REQUIRE(papers.authority().revoke("gone"));
    host.listen(revoked);
    REQUIRE(host.listener);
    CHECK(refusal(own, host.listener->port()).code == Errc::certificate_invalid);
  }
}

TEST_CASE("wire: a certificate that is revoked meanwhile ends its connection, and no other") {
  Papers papers;
  End host;
  End good;
  End bad;
  host.listen(papers.host());
  REQUIRE(host.listener);
  good.dial_to(papers.worker("good"), host.listener->port());
  bad.dial_to(papers.worker("bad"), host.listener->port());
  REQUIRE(good.mail().wait_ups(1));
  REQUIRE(bad.mail().wait_ups(1));
  REQUIRE(host.mail().wait_ups(2));
  const auto before = std::chrono::steady_clock::now();
  REQUIRE(papers.authority().revoke("bad"));
  REQUIRE(host.mail().wait_downs(1));
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
  CHECK(host.mail().down_at(0).reason.code == Errc::certificate_invalid);
  REQUIRE(bad.mail().wait_downs(1));
  good.mail().up_at(0).sink.send(frame_of("{}"));
  CHECK(host.mail().wait_frames(1));
}

TEST_CASE("wire: who dawdles, talks plainly, or comes in crowds is turned away") {
  Papers papers;
  End host;
  std::atomic<int> lines{0};
  host.listen(papers.host(), [&](ListenOptions& options) {
    options.handshake_max = Millis{1'000};
    options.handshakes_max = 4;
    options.log = [&](const std::string&) { ++lines; };
  });
  REQUIRE(host.listener);
  const auto port = host.listener->port();
  const SignalBlock no_sigpipe(SIGPIPE);

  const auto silent = connect_plain(port);
  CHECK(is_closed(silent.get()));
  const auto plain = connect_plain(port);
  REQUIRE(::send(plain.get(), "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
  CHECK(is_closed(plain.get()));
  const auto slow = connect_plain(port);
  for (const char byte : {'\x16', '\x03', '\x01', '\x02'}) CHECK(::send(slow.get(), &byte, 1, MSG_NOSIGNAL) == 1);
  CHECK(is_closed(slow.get()));

  std::vector<Descriptor> crowd;
  for (int i = 0; i < 12; ++i) crowd.push_back(connect_plain(port));
  for (const auto& one : crowd) CHECK(is_closed(one.get()));
  CHECK(lines > 0);

  // A handshake of TLS, but no word of BASP.
  RawPeer mute(port, papers.worker("mute"));
  REQUIRE(mute.connected());
  CHECK(mute.is_ended());
}

TEST_CASE("wire: there are as many peers as may be, and room again once one has left") {
  Papers papers;
  End host;
  host.listen(papers.host(), [](ListenOptions& options) { options.connections_max = 1; });
  REQUIRE(host.listener);
  const auto port = host.listener->port();
  End worker;
  worker.dial_to(papers.worker("w1"), port);
  REQUIRE(worker.mail().wait_ups(1));
  REQUIRE(host.mail().wait_ups(1));
  refusal(papers.worker("w2"), port);
  worker.mail().up_at(0).sink.close();
  REQUIRE(host.mail().wait_downs(1));
  End next;
  next.dial_to(papers.worker("w3"), port);
  CHECK(next.mail().wait_ups(1));
}

TEST_CASE("wire: the key for claims follows from the host's own, and changes with it") {
  Papers papers;
  std::mutex lock;
  std::vector<std::string> told;
  const auto keep = [&](ListenOptions& options) {
    options.claim_key = [&](const Secret& key) {
      const std::lock_guard guard(lock);
      told.emplace_back(key.reveal());
    };
  };
  const auto count = [&] {
    const std::lock_guard guard(lock);
    return told.size();
  };
  const auto one = papers.host();
  const auto two = papers.host("two");
  for (const auto& credentials : {one, one, two}) {
    End host;
    host.listen(credentials, keep);
    REQUIRE(host.listener);
  }
  REQUIRE(count() == 3);
  CHECK(told[0].size() == 32);
  CHECK(told[0] == told[1]);
  CHECK(told[0] != told[2]);
  const auto folder = PrivateFolder::open(papers.at("."), false);
  REQUIRE(folder);
  const auto file = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
  CHECK(folder->read(file(one.key))->find(told[0]) == std::string::npos);
  // Its files are replaced while it listens.
  End host;
  host.listen(one, keep);
  REQUIRE(host.listener);
  REQUIRE(folder->write(file(one.key), *folder->read(file(two.key)), true));
  REQUIRE(folder->write(file(one.certificate), *folder->read(file(two.certificate)), false));
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (count() < 5 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  REQUIRE(count() == 5);
  CHECK(told[3] == told[0]);
  CHECK(told[4] == told[2]);
}

TEST_CASE("wire: a machine joins with its token, once, and is a worker then") {
  Papers papers;
  End host;
  host.listen(papers.host(), [&](ListenOptions& options) {
    options.enroll = [&](const std::string& request) { return papers.authority().redeem(request); };
  });
  REQUIRE(host.listener);
  const auto token = papers.authority().make_token("w1", Millis{600'000}, kDay * 5);
  REQUIRE(token);
  JoinOptions options{"127.0.0.1", host.listener->port(), token->text, papers.at("w1")};
  const auto joined = join(options);
  REQUIRE_MESSAGE(joined, to_string(joined.error()));
  CHECK(joined->name == "w1");
  const auto again = join(options);
  REQUIRE(again);
  CHECK(again->serial == joined->serial);
  options.folder = papers.at("thief");
  const auto stolen = join(options);
  REQUIRE_FALSE(stolen);
  CHECK(stolen.error().code == Errc::join_refused);
  CHECK(to_string(stolen.error()).find(token->text) == std::string::npos);

  Papers foreign;
  const auto other = foreign.authority().make_token("w1", Millis{600'000}, kDay * 5);
  REQUIRE(other);
  options.token = other->text;
  CHECK(join(options).error().code == Errc::join_refused);
  options.token = "hsj1.nonsense";
  CHECK(join(options).error().code == Errc::join_refused);

  End worker;
  worker.dial_to({papers.at("w1/worker.pem"), papers.at("w1/worker.key"), papers.at("w1/authority.pem"),
                  papers.at("w1/revoked.pem")},
                 host.listener->port());
  REQUIRE(worker.mail().wait_ups(1));
  REQUIRE(host.mail().wait_ups(1));
  CHECK(host.mail().up_at(0).peer.name == "w1");
  // Without a certificate there is nothing but joining.
  RawPeer raw(host.listener->port(), {});
  CHECK(raw.is_ended());
}

}  // namespace hillstar::actors::wire
