// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/blob_port.hpp"

#include <doctest/doctest.h>

#include <caf/send.hpp>
#include <future>

#include "persistence/memory_store.hpp"
#include "runtime/platform/hash.hpp"
#include "tests/unit/actors/remote/far_side.hpp"
#include "tests/unit/actors/wire/bench_parts.hpp"

namespace hillstar::actors {
namespace {

/// A port with its store, and the other machine.
struct Bench {
  explicit Bench(Millis stall = kBlobStall)
      : system(config), port(system.spawn(blob_port, BlobPortParts{&store, {}, stall})) {
    up();
  }
  ~Bench() {
    caf::anon_send_exit(port, caf::exit_reason::user_shutdown);
    port = nullptr;
  }
  void up() { caf::anon_send(port, PortUp{far.sink()}); }
  void down() { caf::anon_send(port, PortDown{}); }
  std::future<Result<bool>> fetch(std::vector<BlobRef> blobs) {
    auto told = std::make_shared<std::promise<Result<bool>>>();
    caf::anon_send(port, FetchBlobs{std::move(blobs), [told](const Result<bool>& here) { told->set_value(here); }});
    return told->get_future();
  }
  void chunk(const std::string& sha256, std::uint64_t from, std::string bytes, bool last) {
    caf::anon_send(
        port,
        BlobFrame{frame_of(FrameKind::blob_chunk, remote::BlobPiece{sha256, from, last, {}}, std::move(bytes)), {}});
  }
  void want(const std::string& sha256, std::uint64_t from, std::uint64_t upto) {
    caf::anon_send(port, BlobFrame{frame_of(FrameKind::blob_want, remote::BlobWant{sha256, from, upto}), {}});
  }
  remote::BlobWant wanted() {
    const auto frame = far.next();
    CHECK(frame.kind == FrameKind::blob_want);
    return body_of<remote::BlobWant>(frame).value_or(remote::BlobWant{});
  }
  remote::BlobPiece piece(FrameKind kind, std::string* bytes = nullptr) {
    auto frame = far.next();
    CHECK(frame.kind == kind);
    if (bytes != nullptr) *bytes += frame.bytes;
    return body_of<remote::BlobPiece>(frame).value_or(remote::BlobPiece{});
  }

  wire::WireConfig config;
  caf::actor_system system;
  persistence::MemoryStore store;
  FarSide far;
  BlobPort port;
};

bool is_here(std::future<Result<bool>>& told) {
  REQUIRE(told.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  return told.get().has_value();
}
std::string why_not(std::future<Result<bool>>& told) {
  REQUIRE(told.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  const auto here = told.get();
  REQUIRE_FALSE(here.has_value());
  CHECK(here.error().code == Errc::blob_transfer);
  return here.error().message;
}
BlobRef named(const std::string& text) { return {"", text.size(), false, sha256_hex(text)}; }

}  // namespace

TEST_CASE("blob port: what is needed is asked for once, in pieces, and whoever waits for it is told") {
  Bench bench;
  const std::string text(600'000, 'x');
  auto one = bench.fetch({named(text), named(text)});
  auto two = bench.fetch({named(text)});
  const auto want = bench.wanted();
  CHECK(want.sha256 == sha256_hex(text));
  CHECK(want.from == 0);
  CHECK(want.upto == kBlobWindow);
  bench.chunk(want.sha256, 0, text.substr(0, 250'000), false);
  bench.chunk(want.sha256, 0, text.substr(0, 250'000), false);  // twice: of no use, and no harm
  bench.chunk(want.sha256, 250'000, text.substr(250'000, 250'000), false);
  bench.chunk(want.sha256, 500'000, text.substr(500'000), true);
  CHECK(is_here(one));
  CHECK(is_here(two));
  CHECK(bench.store.read_blob(want.sha256).value_or("") == text);
  auto again = bench.fetch({named(text)});
  CHECK(is_here(again));
  CHECK(bench.far.left() == 0);
  auto nothing = bench.fetch({});
  CHECK(is_here(nothing));
}

TEST_CASE("blob port: a transfer goes on where it stopped when the connection is back") {
  Bench bench;
  const std::string text(300'000, 'y');
  auto told = bench.fetch({named(text)});
  const auto sha256 = bench.wanted().sha256;
  bench.chunk(sha256, 0, text.substr(0, 200'000), false);
  bench.down();
  bench.chunk(sha256, 200'000, text.substr(200'000), true);  // of the connection that is over
  bench.up();
  CHECK(bench.wanted().from == 200'000);
  bench.chunk(sha256, 200'000, text.substr(200'000), true);
  CHECK(is_here(told));
}

TEST_CASE("blob port: more of a window is asked for when half of it is here") {
  Bench bench;
  const auto size = kBlobWindow + 1;
  auto told = bench.fetch({{"", size, true, std::string(64, 'a')}});
  const auto sha256 = bench.wanted().sha256;
  std::uint64_t sent = 0;
  while (sent < kBlobWindow / 2) {
    bench.chunk(sha256, sent, std::string(kFrameBytesMax, 'z'), false);
    sent += kFrameBytesMax;
  }
  const auto more = bench.wanted();
  CHECK(more.from == sent);
  CHECK(more.upto == sent + kBlobWindow);
  bench.down();
}

TEST_CASE("blob port: bytes that are not what they should be are not handed on") {
  Bench bench;
  const auto sha256 = named("good").sha256;
  const auto bad = [&](auto answer) {
    auto told = bench.fetch({named("good")});
    bench.wanted();
    answer();
    return why_not(told);
  };
  CHECK(bad([&] { bench.chunk(sha256, 0, "evil", true); }) == "a blob arrived that has another hash");
  CHECK(bad([&] { bench.chunk(sha256, 0, "good and more", true); }) == "a blob is larger than it was said to be");
  CHECK(bad([&] { bench.chunk(sha256, 0, "", true); }) == "a blob arrived that has another hash");
  CHECK(bad([&] {
          caf::anon_send(bench.port,
                         BlobFrame{frame_of(FrameKind::blob_none, remote::BlobPiece{sha256, 0, false, "gone"}), {}});
        }) == "the other side cannot send a blob: gone");
  CHECK_FALSE(bench.store.has_blob(sha256));
}

TEST_CASE("blob port: a blob that is larger than any may be is not asked for") {
  Bench bench;
  auto told = bench.fetch({named("good"), {"", kBlobBytesMax + 1, true, std::string(64, 'a')}});
  CHECK(why_not(told).find("larger than any may be") != std::string::npos);
  CHECK(bench.far.left() == 0);
}

TEST_CASE("blob port: a peer that sends nothing many times, or nonsense, loses its connection") {
  {
    Bench bench;
    auto told = bench.fetch({named("good")});
    bench.wanted();
    bench.chunk(named("good").sha256, 0, "", false);
    CHECK(bench.far.is_closed());
  }
  for (const auto* junk : {"[]", "{}", "{\"sha256\": \"../../x\", \"from\": 0, \"upto\": 1}", "nonsense"}) {
    CAPTURE(junk);
    Bench bench;
    caf::anon_send(bench.port, BlobFrame{{kProtocol, FrameKind::blob_want, junk, {}}, {}});
    CHECK(bench.far.is_closed());
  }
}

TEST_CASE("blob port: a peer that is there and sends nothing does not hold up who waits for ever") {
  Bench bench(Millis{1'000});
  auto told = bench.fetch({named("good")});
  bench.wanted();
  CHECK(why_not(told) == "the other side sent nothing of a blob for 1000 ms");
  auto again = bench.fetch({named("good")});
  CHECK(bench.wanted().from == 0);
  bench.down();
  bench.up();
  bench.chunk(bench.wanted().sha256, 0, "good", true);
  CHECK(is_here(again));
}

TEST_CASE("blob port: few are asked for at once, the others after them") {
  Bench bench;
  std::vector<BlobRef> all;
  for (std::size_t i = 0; i < kBlobsAtOnce + 1; ++i) all.push_back(named("blob " + std::to_string(i)));
  auto told = bench.fetch(all);
  std::string first;
  for (std::size_t i = 0; i < kBlobsAtOnce; ++i) {
    const auto want = bench.wanted();
    if (i == 0) first = want.sha256;
  }
  CHECK(bench.far.left() == 0);
  CHECK(first == all.front().sha256);
  bench.chunk(first, 0, "blob 0", true);
  CHECK(bench.wanted().sha256 == all.back().sha256);
  for (std::size_t i = 1; i < all.size(); ++i) bench.chunk(all[i].sha256, 0, "blob " + std::to_string(i), true);
  CHECK(is_here(told));
}

TEST_CASE("blob port: whoever waits is told when the port ends") {
  std::future<Result<bool>> told;
  {
    Bench bench;
    told = bench.fetch({named("good")});
    bench.wanted();
  }
  CHECK(why_not(told) == "the connection is over");
}

TEST_CASE("blob port: a peer gets what it was named, as far as it has said, and no longer than it may") {
  Bench bench;
  const std::string text(700'000, 'w');
  const auto sha256 = *bench.store.put_blob(text);
  bench.want(sha256, 0, 1);
  CHECK(bench.piece(FrameKind::blob_none).reason == "it was not offered");
  caf::anon_send(bench.port, OfferBlobs{{sha256}, false});
  caf::anon_send(bench.port, OfferBlobs{{sha256}, false});
  caf::anon_send(bench.port, OfferBlobs{{sha256}, true});
  std::string got;
  bench.want(sha256, 0, kFrameBytesMax);
  auto piece = bench.piece(FrameKind::blob_chunk, &got);
  CHECK(piece.from == 0);
  CHECK_FALSE(piece.last);
  CHECK(got.size() == kFrameBytesMax);
  bench.want(sha256, got.size(), text.size());
  while (!piece.last) piece = bench.piece(FrameKind::blob_chunk, &got);
  CHECK(got == text);
  caf::anon_send(bench.port, OfferBlobs{{sha256}, true});
  bench.want(sha256, 0, 1);
  CHECK(bench.piece(FrameKind::blob_none).reason == "it was not offered");
}

TEST_CASE("blob port: who asks for a blob anew while it is being sent gets it from there") {
  Bench bench;
  const std::string text(700'000, 'v');
  const auto sha256 = *bench.store.put_blob(text);
  caf::anon_send(bench.port, OfferBlobs{{sha256}, false});
  bench.want(sha256, 0, kFrameBytesMax);
  CHECK(bench.piece(FrameKind::blob_chunk).from == 0);  // and now it waits
  for (int again = 0; again < 10; ++again) {            // at first while it waits, then when it is just over
    bench.want(sha256, 0, 1);
    std::string got;
    auto piece = bench.piece(FrameKind::blob_chunk, &got);
    CHECK(piece.from == 0);
    bench.want(sha256, 1, text.size());
    while (!piece.last) piece = bench.piece(FrameKind::blob_chunk, &got);
    CHECK(got == text);
  }
}

TEST_CASE("blob port: of a blob that is asked for to its end no more is asked for") {
  Bench bench;
  const std::string text(kBlobWindow, 'u');
  auto told = bench.fetch({named(text)});
  const auto sha256 = bench.wanted().sha256;
  for (std::size_t at = 0; at < text.size(); at += kFrameBytesMax)
    bench.chunk(sha256, at, text.substr(at, kFrameBytesMax), at + kFrameBytesMax == text.size());
  CHECK(is_here(told));
  CHECK(bench.far.left() == 0);
}

TEST_CASE("blob port: from the middle, from the end, and of nothing") {
  Bench bench;
  const auto sha256 = *bench.store.put_blob("0123456789");
  const auto empty = *bench.store.put_blob("");
  caf::anon_send(bench.port, OfferBlobs{{sha256, empty}, false});
  std::string got;
  bench.want(sha256, 7, 10);
  CHECK(bench.piece(FrameKind::blob_chunk, &got).from == 7);
  CHECK(got == "789");
  bench.want(empty, 0, 1);
  got.clear();
  const auto piece = bench.piece(FrameKind::blob_chunk, &got);
  CHECK(piece.sha256 == empty);
  CHECK(piece.last);
  CHECK(got.empty());
}

}  // namespace hillstar::actors
