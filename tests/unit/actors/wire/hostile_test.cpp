// SPDX-License-Identifier: Apache-2.0
// A peer with a good certificate that speaks BASP as it likes.
#include <doctest/doctest.h>

#include <csignal>

#include "actors/wire/basp.hpp"
#include "runtime/platform/signal_block.hpp"
#include "tests/unit/actors/wire/bench_parts.hpp"
#include "tests/unit/actors/wire/raw_peer.hpp"

namespace hillstar::actors::wire {
namespace {

using namespace std::string_view_literals;

std::string number(std::uint64_t value, std::size_t size) {
  std::string text;
  while (size-- > 0) text += static_cast<char>((value >> (8 * size)) & 0xFFU);
  return text;
}

constexpr std::uint8_t kServer = 0, kClient = 1, kDirect = 2, kRouted = 3, kMonitor = 4, kDown = 5, kBeat = 6;
constexpr std::uint64_t kNormal = 0x1000000000000000ULL;
constexpr std::uint64_t kMine = 77;

struct Raw {
  std::uint8_t operation = kDirect;
  std::uint8_t flags = 0;
  std::uint64_t data = kNormal;
  std::uint64_t source = 0;
  std::uint64_t destination = 0;
  std::string payload{};
  std::uint32_t announced = 0;  ///< Instead of the payload's size.
};
std::string text_of(const Raw& raw) {
  const auto size = raw.announced == 0 ? raw.payload.size() : raw.announced;
  return number(raw.operation, 1) + std::string(2, '\0') + number(raw.flags, 1) + number(size, 4) +
         number(raw.data, 8) + number(raw.source, 8) + number(raw.destination, 8) + raw.payload;
}

std::string frame_text(std::uint16_t version, std::uint8_t kind, const std::string& json,
                       std::string_view type = "hillstar.frame"sv) {
  const auto name = "@<>+" + std::string(type);
  return std::string(3, '\0') + static_cast<char>(name.size()) + name + number(version, 2) + number(kind, 1) +
         static_cast<char>(json.size()) + json + std::string(1, '\0');
}

/// Comes as far as a worker would: both handshakes, and the opening.
struct Hostile {
  Hostile(std::uint16_t port, const Credentials& credentials) : peer(port, credentials) {
    REQUIRE(peer.connected());
    const auto header = peer.read(kHeaderBytes);
    REQUIRE(header.size() == kHeaderBytes);
    const auto parsed = header_of(header.data());
    CHECK(parsed.operation == kServer);
    link = actor_of_handshake(peer.read(parsed.payload));
    REQUIRE(link != 0);
  }
  void shake() {
    std::string node("\0\0\0\0\0\0\0\0", 8);
    node = std::string(32, 'n');
    REQUIRE(peer.write(text_of({kClient, 0, 0, 0, 0, node})));
  }
  void open() {
    shake();
    REQUIRE(peer.write(text_of({kDirect, 0, kNormal, kMine, link, frame_text(0, 4, "")})));
  }

  RawPeer peer;
  std::uint64_t link = 0;
};

struct Attack {
  const char* what;
  std::function<std::string(std::uint64_t link)> bytes;
};

std::vector<Attack> attacks() {
  const auto good = frame_text(1, 4, "{}");
  const auto said = [](const Raw& raw) { return [raw](std::uint64_t /*link*/) { return text_of(raw); }; };
  const auto to_link = [](Raw raw) {
    return [raw](std::uint64_t link) mutable {
      raw.destination = link;
      return text_of(raw);
    };
  };
  return {
      {"a routed message", to_link({kRouted, 0, kNormal, 0, 0, good})},
      {"a monitor message", to_link({kMonitor, 0, 0, 0, 0, std::string(64, 'n')})},
      {"a down message", said({kDown, 0, 0, 5, 0, std::string(80, 'n')})},
      {"a server's handshake", said({kServer, 0, 3, 0, 0, std::string(40, 'n')})},
      {"an unknown operation", said({99, 0, 0, 0, 0, "x"})},
      {"a named receiver", said({kDirect, 1, kNormal, 0, 0x0000FFFFFFFFULL, good})},
      {"another actor",
       [good](std::uint64_t link) {
         return text_of({kDirect, 0, kNormal, 0, link + 1, good});
       }},
      {"the first actor", said({kDirect, 0, kNormal, 0, 1, good})},
      {"a request", to_link({kDirect, 0, kNormal | 1U, 0, 0, good})},
      {"an urgent message", to_link({kDirect, 0, 0, 0, 0, good})},
      {"another sender", to_link({kDirect, 0, kNormal, kMine + 1, 0, good})},
      {"gigabytes", to_link({kDirect, 0, kNormal, 0, 0, {}, 0xFFFFFFF0U})},
      {"a byte too many", to_link({kDirect, 0, kNormal, 0, 0, {}, static_cast<std::uint32_t>(kPayloadMax + 1)})},
      {"a beat with a load", said({kBeat, 0, 0, 0, 0, "x"})},
      {"a huge handshake", said({kClient, 0, 0, 0, 0, {}, 1U << 20U})},
      {"an exit message", to_link({kDirect, 0, kNormal, 0, 0, frame_text(1, 4, "{}", "exit_msg")})},
      {"atoms", to_link({kDirect, 0, kNormal, 0, 0, frame_text(1, 4, "{}", "@atom+@atom+@str")})},
      {"two frames in one", to_link({kDirect, 0, kNormal, 0, 0, good + good})},
      {"stages", to_link({kDirect, 0, kNormal, 0, 0, "\x01" + good.substr(1)})},
      {"a frame that is cut", to_link({kDirect, 0, kNormal, 0, 0, good.substr(0, good.size() - 2)})},
      {"a frame without a version", to_link({kDirect, 0, kNormal, 0, 0, frame_text(0, 4, "{}")})},
      {"a frame of no kind", to_link({kDirect, 0, kNormal, 0, 0, frame_text(1, 0, "{}")})},
      {"a frame of an unknown kind",
       to_link({kDirect, 0, kNormal, 0, 0, frame_text(1, static_cast<std::uint8_t>(FrameKind::ends_kept) + 1, "{}")})},
      {"an array", to_link({kDirect, 0, kNormal, 0, 0, frame_text(1, 4, "[]")})},
      {"something in the padding",
       [good](std::uint64_t link) {
         auto text = text_of({kDirect, 0, kNormal, 0, link, good});
         text[1] = 'x';
         return text;
       }},
  };
}

}  // namespace

TEST_CASE("wire: whatever else a peer says in BASP ends its own connection, and no other") {
  Papers papers;
  End host;
  End good;
  host.listen(papers.host());
  REQUIRE(host.listener);
  const auto port = host.listener->port();
  const SignalBlock no_sigpipe(SIGPIPE);
  good.dial_to(papers.worker("good"), port);
  REQUIRE(good.mail().wait_ups(1));
  const auto credentials = papers.worker("hostile");
  std::size_t downs = 0;
  for (const auto& attack : attacks()) {
    CAPTURE(attack.what);
    Hostile hostile(port, credentials);
    hostile.open();
    REQUIRE(host.mail().wait_ups(downs + 2));
    // What it says before is heard.
    REQUIRE(hostile.peer.write(text_of({kDirect, 0, kNormal, 0, hostile.link, frame_text(1, 4, "{}")})));
    REQUIRE(hostile.peer.write(text_of({kBeat, 0, 0, 0, 0, ""})));
    REQUIRE(host.mail().wait_frames(downs + 1));
    hostile.peer.write(attack.bytes(hostile.link));
    CHECK(hostile.peer.is_ended());
    REQUIRE(host.mail().wait_downs(++downs));
    CHECK(host.mail().down_at(downs - 1).reason.code == Errc::host_protocol);
  }
  good.mail().up_at(0).sink.send(frame_of("{}"));
  REQUIRE(host.mail().wait_frames(downs + 1));
  CHECK(good.mail().look([](Mail& mail) { return mail.downs().empty(); }));
}

TEST_CASE("wire: what comes before the handshake, or in its place, ends the connection") {
  Papers papers;
  End host;
  host.listen(papers.host());
  REQUIRE(host.listener);
  const SignalBlock no_sigpipe(SIGPIPE);
  const auto credentials = papers.worker("hostile");
  const auto good = frame_text(1, 4, "{}");
  {
    Hostile early(host.listener->port(), credentials);
    early.peer.write(text_of({kDirect, 0, kNormal, kMine, early.link, good}));
    CHECK(early.peer.is_ended());
  }
  {
    Hostile no_opening(host.listener->port(), credentials);
    no_opening.shake();
    no_opening.peer.write(text_of({kDirect, 0, kNormal, kMine, no_opening.link, good}));
    CHECK(no_opening.peer.is_ended());
  }
  {
    Hostile third(host.listener->port(), credentials);
    third.shake();
    third.shake();
    third.peer.write(text_of({kClient, 0, 0, 0, 0, std::string(32, 'n')}));
    CHECK(third.peer.is_ended());
  }
  {
    Hostile short_one(host.listener->port(), credentials);
    short_one.peer.write(text_of({kClient, 0, 0, 0, 0, "n"}));
    CHECK(short_one.peer.is_ended());
  }
  {
    Hostile halves(host.listener->port(), credentials);
    halves.open();
    REQUIRE(host.mail().wait_ups(1));
    const auto text = text_of({kDirect, 0, kNormal, 0, halves.link, good});
    halves.peer.write(std::string_view(text).substr(0, 40));
  }  // hangs up in the middle
  REQUIRE(host.mail().wait_downs(1));
  CHECK(host.mail().look([](Mail& mail) { return mail.frames().empty() && mail.ups().size() == 1; }));
}

TEST_CASE("wire: a peer that floods waits for the owner, who does not read") {
  Papers papers;
  End host;
  host.listen(papers.host());
  REQUIRE(host.listener);
  std::vector<PeerFrame> kept;
  Mail mail;
  std::mutex lock;
  bool is_up = false;
  // An owner that keeps all it gets, and so never gives room back.
  auto hoarder = host.system().spawn(
      [](Owner::pointer /*self*/, std::vector<PeerFrame>* into, std::mutex* guard, bool* up) -> Owner::behavior_type {
        return {[=](const PeerUp&) {
                  const std::lock_guard held(*guard);
                  *up = true;
                },
                [=](const PeerFrame& told) {
                  const std::lock_guard held(*guard);
                  into->push_back(told);
                },
                [](const PeerDown&) {}};
      },
      &kept, &lock, &is_up);
  ListenOptions options;
  options.credentials = papers.host("other");
  auto listener = Listener::open(host.system(), std::move(options), hoarder);
  REQUIRE(listener);
  const SignalBlock no_sigpipe(SIGPIPE);
  Hostile flood((*listener)->port(), papers.worker("flood"));
  flood.open();
  const timeval soon{1, 0};
  ::setsockopt(flood.peer.descriptor(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  std::string many;
  for (int i = 0; i < 64; ++i)
    many += text_of({kDirect, 0, kNormal, 0, flood.link, frame_text(1, 4, "{\"x\":\"" + std::string(50, 'x') + "\"}")});
  std::size_t written = 0;
  while (written < (64U << 20U) && flood.peer.write(many)) written += many.size();
  CHECK(written < (64U << 20U));
  {
    const std::lock_guard held(lock);
    CHECK(kept.size() <= 4'096 + 64 * 40);
    CHECK(!kept.empty());
  }
  listener->reset();
  caf::anon_send_exit(hoarder, caf::exit_reason::user_shutdown);
  const std::lock_guard held(lock);
  kept.clear();
}

}  // namespace hillstar::actors::wire
