// SPDX-License-Identifier: Apache-2.0
#include "actors/wire/link.hpp"

#include <boost/json/value.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>
#include <optional>
#include <set>

#include "messages/json.hpp"

namespace hillstar::actors::wire {
namespace {

constexpr std::size_t kJsonDepthMax = 64;
/// CAF knows connections by port; ours have none.
constexpr std::uint16_t kNoPort = 1;

/// Room of one frame, given back when nobody has the frame any more.
class Held {
 public:
  Held(std::shared_ptr<Room> room, std::size_t size) : room_(std::move(room)), size_(size) {}
  ~Held() { room_->give_back(size_); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  std::shared_ptr<Room> room_;
  std::size_t size_;
};

struct LinkState {
  LinkParts parts;
  caf::strong_actor_ptr peer;  ///< CAF's proxy.
  bool peer_gone = false;
  bool is_deaf = false;       ///< It broke the protocol: nothing of what it has still sent is heard.
  std::optional<Error> over;  ///< Why, once the gate has said it.

  void up(caf::event_based_actor* self, const caf::strong_actor_ptr& proxy) {
    peer = proxy;
    self->monitor(caf::actor_cast<caf::actor>(proxy));
    parts.way->set_peer(proxy->id());
    parts.gate.is_up();
    self->send(parts.owner, PeerUp{parts.peer, FrameSink(parts.way)});
  }

  void take(caf::event_based_actor* self, Frame& frame) {
    const auto held = std::make_shared<const Held>(parts.room, weight_of(frame));
    if (is_deaf) return;
    if (peer == nullptr) {
      if (parts.side == Side::listener && self->current_sender() != nullptr) up(self, self->current_sender());
      return;
    }
    auto parsed = json::parse(frame.json, {kFrameJsonMax, kJsonDepthMax});
    if (!parsed || !parsed->is_object()) {
      is_deaf = true;
      parts.gate.end(Error{Errc::host_protocol, "The other side broke the protocol: a frame is not a JSON object."});
      return;
    }
    std::shared_ptr<const boost::json::value> said;
    if (frame.json.size() <= kTreeJsonMax) said = std::make_shared<const boost::json::value>(*std::move(parsed));
    self->send(parts.owner, PeerFrame{parts.peer.id, std::move(frame), std::move(said), held});
  }

  /// CAF still has frames of a connection that is over: they come before the end of the proxy.
  void leave(caf::event_based_actor* self) {
    if (!over || (peer != nullptr && !peer_gone)) return;
    const bool was_up = peer != nullptr;
    if (was_up || parts.side == Side::dialer) self->send(parts.owner, PeerDown{was_up ? parts.peer.id : 0, *over});
    self->quit();
  }
};

caf::behavior link(caf::stateful_actor<LinkState>* self, LinkParts given) {
  auto& state = self->state;
  state.parts = std::move(given);
  const auto owner = caf::actor_cast<caf::strong_actor_ptr>(state.parts.owner);
  self->monitor(state.parts.owner);
  self->set_down_handler([self, owner](caf::down_msg& message) {
    auto& here = self->state;
    if (here.peer != nullptr && message.source == here.peer->address()) {
      here.peer_gone = true;
      here.parts.gate.end(Error{Errc::host_closed, "The connection ended."});
      here.leave(self);
    } else if (message.source == owner->address()) {
      here.parts.gate.end(Error{Errc::host_closed, "The owner of the connection ended."});
    }
  });
  return {
      [self](Frame& frame) { self->state.take(self, frame); },
      [self](LinkStart& start) {
        self->request(basp_of(self->system()), caf::infinite, caf::connect_atom::value, std::move(start.end), kNoPort)
            .then(
                [self](const caf::node_id& /*node*/, const caf::strong_actor_ptr& proxy,
                       const std::set<std::string>& /*interface*/) {
                  auto& here = self->state;
                  if (here.over || proxy == nullptr) return;
                  Frame opening;
                  opening.version = kOpening;
                  here.parts.way->count(opening);
                  self->send(caf::actor_cast<caf::actor>(proxy), std::move(opening));
                  here.up(self, proxy);
                },
                [self](const caf::error& /*why*/) {
                  self->state.parts.gate.end(Error{Errc::host_protocol, "The connection ended before it began."});
                });
      },
      [self](LinkGone& gone) {
        self->state.over = std::move(gone.reason);
        self->state.leave(self);
      },
  };
}

}  // namespace

void Room::give_back(std::size_t size) {
  bytes -= size;
  frames -= 1;
  if (waits.load() && is_half_empty() && waits.exchange(false)) there_is_room();
}

caf::actor spawn_link(caf::actor_system& system, LinkParts parts) { return system.spawn(link, std::move(parts)); }

caf::actor basp_of(caf::actor_system& system) {
  return system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
}

void FrameSink::Way::send(Frame frame) const {
  if (!count(frame)) return end_(Error{Errc::host_protocol, "The other side does not read what it asks for."});
  channel_(peer_, std::move(frame));
}

bool FrameSink::Way::count(const Frame& frame) const {
  const bool few = ++backlog_->frames <= kBacklogFrames;
  return (backlog_->bytes += payload_of(frame)) <= kBacklogBytes && few;
}

void FrameSink::Way::close() const {
  Frame closing;
  closing.version = kClosing;
  count(closing);
  channel_(peer_, std::move(closing));
}

void FrameSink::send(Frame frame) const {
  if (way_) way_->send(std::move(frame));
}
std::size_t FrameSink::backlog() const { return way_ ? way_->backlog() : 0; }
void FrameSink::close() const {
  if (way_) way_->close();
}

void load(caf::actor_system_config& config) {
  config.load<caf::io::middleman>();
  config.add_message_type<Frame>(kFrameType);
  config.set("middleman.enable-automatic-connections", false);
  config.set("middleman.heartbeat-interval", caf::timespan{0});
  config.set("middleman.connection-timeout", caf::timespan{0});
  // Frames are read on CAF's I/O thread: they are cheap to read, and in order without a second queue.
  config.set("middleman.workers", std::size_t{0});
}

}  // namespace hillstar::actors::wire
