// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <boost/json/value.hpp>

#include "tests/unit/actors/wire/bench_parts.hpp"

namespace hillstar::actors::wire {
namespace {

std::string numbered(std::size_t i) { return "{\"n\":" + std::to_string(i) + "}"; }

}  // namespace

TEST_CASE("wire: frames go both ways, in order, and each side knows the other") {
  Joined joined;
  auto& host = joined.host;
  auto& worker = joined.worker;
  const auto to_host = worker.mail().up_at(0);
  const auto to_worker = host.mail().up_at(0);
  CHECK(to_worker.peer.name == "w1");
  CHECK(to_host.peer.name == "mill");
  CHECK(to_worker.peer.fingerprint.size() == 64);
  CHECK(to_worker.peer.not_after.micros > 0);
  constexpr std::size_t kFrames = 500;
  for (std::size_t i = 0; i < kFrames; ++i) {
    to_host.sink.send(frame_of(numbered(i)));
    to_worker.sink.send(frame_of(numbered(i), FrameKind::attempt));
  }
  REQUIRE(host.mail().wait_frames(kFrames));
  REQUIRE(worker.mail().wait_frames(kFrames));
  for (std::size_t i = 0; i < kFrames; ++i) {
    REQUIRE(host.mail().frame_at(i).frame.json == numbered(i));
    REQUIRE(worker.mail().frame_at(i).frame.json == numbered(i));
    REQUIRE(worker.mail().frame_at(i).frame.kind == FrameKind::attempt);
  }
  // The last words of a host arrive before the end.
  to_worker.sink.send(frame_of("{\"why\":\"enough\"}", FrameKind::refused));
  to_worker.sink.close();
  REQUIRE(worker.mail().wait_downs(1));
  REQUIRE(host.mail().wait_downs(1));
  CHECK(worker.mail().frame_at(kFrames).frame.kind == FrameKind::refused);
  CHECK(worker.mail().down_at(0).peer == to_host.peer.id);
  CHECK(host.mail().down_at(0).peer == to_worker.peer.id);
}

TEST_CASE("wire: the largest frames pass, those beyond end the connection") {
  Joined joined;
  auto& host = joined.host;
  auto& worker = joined.worker;
  const auto way = worker.mail().up_at(0).sink;
  const std::string json = "{\"x\":\"" + std::string(kFrameJsonMax - 8, 'x') + "\"}";
  REQUIRE(json.size() == kFrameJsonMax);
  way.send(frame_of(json));
  way.send(frame_of("{}", FrameKind::blob_chunk, std::string(kFrameBytesMax, '\0')));
  way.send(frame_of(json, FrameKind::blob_chunk, std::string(kFrameBytesMax, '\xff')));
  REQUIRE(host.mail().wait_frames(3));
  CHECK(host.mail().frame_at(0).frame.json == json);
  CHECK(host.mail().frame_at(0).said == nullptr);
  CHECK(host.mail().frame_at(1).said->is_object());
  CHECK(host.mail().frame_at(1).frame.bytes == std::string(kFrameBytesMax, '\0'));
  CHECK(host.mail().frame_at(2).frame.bytes == std::string(kFrameBytesMax, '\xff'));
  way.send(frame_of(json + " "));
  REQUIRE(host.mail().wait_downs(1));
  CHECK(host.mail().down_at(0).reason.code == Errc::host_protocol);
}

TEST_CASE("wire: a frame that is no object, or has bytes where none belong, ends its connection and no other") {
  const std::vector<Frame> bad = {frame_of(""),
                                  frame_of("[]"),
                                  frame_of("{"),
                                  frame_of("{\"a\":\"\xff\"}"),
                                  frame_of("{}", FrameKind::beat, "x"),
                                  frame_of("{}", static_cast<FrameKind>(99))};
  Papers papers;
  End host;
  End good;
  host.listen(papers.host());
  REQUIRE(host.listener);
  good.dial_to(papers.worker("good"), host.listener->port());
  REQUIRE(good.mail().wait_ups(1));
  const auto credentials = papers.worker("bad");
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    End worker;
    worker.dial_to(credentials, host.listener->port());
    REQUIRE(worker.mail().wait_ups(1));
    REQUIRE(host.mail().wait_ups(i + 2));
    worker.mail().up_at(0).sink.send(bad[i]);
    REQUIRE(host.mail().wait_downs(i + 1));
    CHECK(host.mail().down_at(i).reason.code == Errc::host_protocol);
    REQUIRE(worker.mail().wait_downs(1));
  }
  good.mail().up_at(0).sink.send(frame_of("{}"));
  CHECK(host.mail().wait_frames(1));
  CHECK(good.mail().look([](Mail& mail) { return mail.downs().empty(); }));
}

TEST_CASE("wire: 10,000 frames on each of 4 connections, both ways at once") {
  constexpr std::size_t kFrames = 10'000;
  constexpr std::size_t kPeers = 4;
  Papers papers;
  End host(true);
  host.listen(papers.host());
  REQUIRE(host.listener);
  std::vector<std::unique_ptr<End>> ends;
  for (std::size_t i = 0; i < kPeers; ++i) {
    ends.push_back(std::make_unique<End>());
    ends.back()->dial_to(papers.worker("w" + std::to_string(i)), host.listener->port());
  }
  for (auto& end : ends) REQUIRE(end->mail().wait_ups(1));
  for (std::size_t n = 0; n < kFrames; ++n) {
    for (auto& end : ends) end->mail().up_at(0).sink.send(frame_of(numbered(n)));
  }
  for (auto& end : ends) {
    REQUIRE(end->mail().wait_frames(kFrames));
    const bool ordered = end->mail().look([&](Mail& mail) {
      for (std::size_t n = 0; n < kFrames; ++n) {
        if (mail.frames()[n].frame.json != numbered(n)) return false;
      }
      return true;
    });
    CHECK(ordered);
  }
  CHECK(host.mail().look([](Mail& mail) { return mail.frames().size(); }) == kFrames * kPeers);
}

TEST_CASE("wire: systems end quickly with connections open, half open, or never opened") {
  Papers papers;
  const auto of_host = papers.host();
  const auto of_worker = papers.worker("w1");
  for (int round = 0; round < 10; ++round) {
    CAPTURE(round);
    End host;
    host.listen(of_host);
    REQUIRE(host.listener);
    End worker;
    worker.dial_to(of_worker, host.listener->port());
    if (round % 3 == 0) {
      REQUIRE(worker.mail().wait_ups(1));
      worker.mail().up_at(0).sink.send(frame_of("{}"));
    }
    // Both are destroyed as they are, the worker first in even rounds.
    if (round % 2 == 0) host.listener.reset();
  }
}

}  // namespace hillstar::actors::wire
