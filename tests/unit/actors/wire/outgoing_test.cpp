// SPDX-License-Identifier: Apache-2.0
#include "actors/wire/outgoing.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <caf/callback.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/io/basp/instance.hpp>
#include <caf/message.hpp>
#include <string>
#include <thread>
#include <vector>

#include "messages/json.hpp"
#include "tests/unit/actors/wire/bench_parts.hpp"

namespace hillstar::actors::wire {
namespace {

constexpr std::uint64_t kActor = 0x0102030405060708;

std::vector<char> as_caf_writes(caf::actor_system& system, const Frame& frame) {
  std::vector<char> all;
  auto message = caf::make_message(frame);
  std::vector<caf::strong_actor_ptr> stages;
  auto writer = caf::make_callback([&](caf::serializer& sink) { return sink(stages, message); });
  caf::io::basp::header header{caf::io::basp::message_type::direct_message, 0, 0,
                               caf::make_message_id().integer_value(),      0, kActor};
  caf::io::basp::instance::write(system.dummy_execution_unit(), all, header, &writer);
  return all;
}

Frame said_by(std::size_t thread, std::size_t number) {
  auto json = R"({"thread":)" + std::to_string(thread) + R"(,"number":)" + std::to_string(number) + "}";
  // Some are large enough to be written at once, and to fill the socket.
  if (number % 97 != 0) return frame_of(std::move(json), FrameKind::progress);
  return frame_of(std::move(json), FrameKind::blob_chunk, std::string(kFrameBytesMax, static_cast<char>(thread)));
}

}  // namespace

TEST_CASE("wire: a frame is written byte for byte as CAF writes it") {
  End end;
  for (const std::size_t json : {0U, 2U, 127U, 128U, 16'383U, 16'384U, 1'048'576U})
    for (const std::size_t bytes : {0U, 1U, 127U, 128U, 16'384U, 262'144U}) {
      CAPTURE(json);
      CAPTURE(bytes);
      const auto frame = frame_of(std::string(json, 'j'), FrameKind::blob_chunk, std::string(bytes, '\xfe'));
      std::vector<char> written{'x'};
      append_frame(written, kActor, frame);
      const auto expected = as_caf_writes(end.system(), frame);
      REQUIRE(written.size() == expected.size() + 1);
      CHECK(std::equal(expected.begin(), expected.end(), written.begin() + 1));
      CHECK(header_of(written.data() + 1).payload == payload_of(frame));
    }
}

TEST_CASE("wire: what is said before the opening has left leaves after it") {
  End end;
  Outgoing outgoing(std::make_shared<Backlog>());
  outgoing.add(kActor, frame_of("{}"));
  CHECK(outgoing.is_empty());
  std::vector<char> nothing;
  outgoing.add(nothing, false);
  CHECK(outgoing.is_empty());
  auto opening = as_caf_writes(end.system(), frame_of("{}"));
  outgoing.add(opening, false);
  CHECK(opening.empty());
  CHECK_FALSE(outgoing.is_empty());
}

TEST_CASE("wire: what is said after the end is not kept") {
  Outgoing outgoing(std::make_shared<Backlog>());
  std::vector<char> nothing;
  outgoing.add(nothing, true);
  outgoing.add(kActor, frame_of("{}"));
  CHECK_FALSE(outgoing.is_empty());
  outgoing.end();
  CHECK(outgoing.is_empty());
  outgoing.add(kActor, frame_of("{}"));
  CHECK(outgoing.is_empty());
}

TEST_CASE("wire: frames of many threads arrive whole, those of each in order") {
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kFrames = 1'000;
  Joined joined;
  auto& host = joined.host;
  auto& worker = joined.worker;
  const auto way = worker.mail().up_at(0).sink;
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&way, thread] {
      for (std::size_t number = 0; number < kFrames; ++number) way.send(said_by(thread, number));
    });
  for (auto& thread : threads) thread.join();
  REQUIRE(host.mail().wait_frames(kThreads * kFrames));
  std::vector<std::size_t> next(kThreads, 0);
  for (std::size_t i = 0; i < kThreads * kFrames; ++i) {
    const auto frame = host.mail().frame_at(i).frame;
    const auto tree = json::parse(frame.json);
    REQUIRE(tree.has_value());
    const auto thread = tree->at("thread").to_number<std::size_t>();
    REQUIRE(tree->at("number").to_number<std::size_t>() == next.at(thread)++);
    if (!frame.bytes.empty()) CHECK(frame.bytes == std::string(kFrameBytesMax, static_cast<char>(thread)));
  }
  CHECK(way.backlog() == 0);
}

}  // namespace hillstar::actors::wire
