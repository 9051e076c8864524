// SPDX-License-Identifier: Apache-2.0
// BASP as the gate lets it pass: one opening, then Frames between two actors, and nothing else. No sockets here.
//
// The gate never hands a peer's handshake to CAF: it makes one of its own, with a node id that no peer can choose.
#pragma once

#include <array>
#include <caf/node_id.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "messages/error.hpp"
#include "messages/frame.hpp"

namespace hillstar {

/// How CAF writes a Frame.
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Frame& frame) {
  return f(frame.version, frame.kind, frame.json, frame.bytes);
}

}  // namespace hillstar

namespace hillstar::actors::wire {

inline constexpr const char* kFrameType = "hillstar.frame";
inline constexpr std::size_t kHeaderBytes = 32;
/// Of a handshake's payload: node id, the name of the program's network, an actor.
inline constexpr std::size_t kHandshakeMax = 512;
/// What CAF adds to a Frame: the type's name and four lengths.
inline constexpr std::size_t kOverheadMax = 128;
inline constexpr std::size_t kPayloadMax = kFrameJsonMax + kFrameBytesMax + kOverheadMax;
/// The first frame on a connection, from the one who dialled: it says nothing but where answers go.
inline constexpr std::uint16_t kOpening = 0;
/// Never leaves: our own gate ends the connection once all before it is sent.
inline constexpr std::uint16_t kClosing = 0xFFFF;

enum class Side : std::uint8_t { listener, dialer };

/// The fields of a header, as sent: big-endian.
struct Header {
  std::uint8_t operation = 0;
  std::uint8_t flags = 0;
  std::uint32_t payload = 0;
  std::uint64_t data = 0;  ///< Version of BASP, or the id of a message.
  std::uint64_t source = 0;
  std::uint64_t destination = 0;
};
Header header_of(const char* bytes);

/// What is known of a stream of BASP from one peer, from its first byte on. Belongs to one connection.
class Inbound {
 public:
  /// @param side  who we are
  /// @param node  the name by which our CAF shall know the peer; unique among the connections of this process
  Inbound(Side side, caf::node_id node) : side_(side), node_(std::move(node)) {}

  /// The id of our own actor, once CAF has told it the peer.
  void set_link(std::uint64_t id) { link_ = id; }
  [[nodiscard]] bool is_open() const { return handshake_done_; }

  /// What the next bytes are.
  struct More {};  ///< They are not yet complete.
  struct Skip {
    std::size_t bytes;
  };  ///< To be dropped.
  struct Handshake {
    std::size_t bytes;
    std::string instead;
  };  ///< To be replaced.
  struct Opening {
    std::size_t bytes;
  };  ///< The first frame: CAF learns from it where answers go.
  struct Begun {
    std::size_t bytes;
    std::uint16_t version;
    FrameKind kind;
    std::string_view json;
    std::size_t rest;
  };  ///< A frame up to its own bytes, so many of which come next.
  using Next = std::variant<More, Skip, Handshake, Opening, Begun>;
  /// Errors: host_protocol, for what ends the connection.
  Result<Next> next(std::string_view bytes);

 private:
  Result<Next> handshake(const Header& header, std::string_view bytes);
  Result<Next> frame(const Header& header, std::string_view come);

  Side side_;
  caf::node_id node_;
  std::uint64_t link_ = 0;
  std::uint64_t peer_ = 0;  ///< The peer's actor: the listener learns it from the first frame.
  unsigned handshakes_ = 0;
  bool handshake_done_ = false;
};

/// What CAF of this process wants to send: handshakes and frames may leave, talk about other actors may not.
enum class Outbound { pass, drop };
Outbound outbound_of(const Header& header);
/// Whether a frame of this header could be kClosing, and whether its payload says so.
bool may_be_closing(const Header& header);
bool is_closing(std::string_view payload);
/// Bytes of the payload that CAF makes of it.
std::size_t payload_of(const Frame& frame);
/// The message that CAF would make of it for that actor, from nobody.
void append_frame(std::vector<char>& out, std::uint64_t actor, const Frame& frame);
/// Whether it is a frame: those are counted.
bool is_frame(const Header& header);
/// The actor that a server's handshake names; 0 if the payload is none.
std::uint64_t actor_of_handshake(std::string_view payload);

}  // namespace hillstar::actors::wire
