// SPDX-License-Identifier: Apache-2.0
#include "actors/wire/basp.hpp"

#include <caf/actor_system.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/io/basp/version.hpp>
#include <caf/message_id.hpp>

namespace hillstar::actors::wire {
namespace {

using caf::io::basp::message_type;
using namespace std::string_view_literals;

constexpr std::size_t kNodeBytes = 8 + 4 + 20;  // kind of id, process, host
constexpr std::size_t kActorBytes = 8;
/// `node, ["generic-caf-app"], actor, []`: of the one network, with nothing said of an interface.
constexpr std::string_view kNetwork = "\x01\x0fgeneric-caf-app"sv;
constexpr std::size_t kServerBytes = kNodeBytes + kNetwork.size() + kActorBytes + 1;
/// No stages, then an object by name: the type of the message as CAF spells it.
constexpr std::string_view kFramePrefix = "\0\0\0\x12@<>+hillstar.frame"sv;
/// After it: version, kind, two lengths.
constexpr std::size_t kBareFrameBytes = kFramePrefix.size() + 5;
constexpr std::uint8_t kKindMax = static_cast<std::uint8_t>(FrameKind::ends_kept);
/// One when a connection begins, and one to say that it is the one to use.
constexpr unsigned kClientHandshakesMax = 2;

std::uint64_t number_at(const char* bytes, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = (number << 8U) | static_cast<unsigned char>(bytes[i]);
  return number;
}
template <class Out>
void append_number(Out& out, std::uint64_t number, std::size_t size) {
  while (size-- > 0) out.push_back(static_cast<char>((number >> (8 * size)) & 0xFFU));
}
/// As CAF writes it: seven bits a byte, lowest first.
void append_length(std::vector<char>& out, std::size_t length) {
  for (; length > 0x7FU; length >>= 7U) out.push_back(static_cast<char>((length & 0x7FU) | 0x80U));
  out.push_back(static_cast<char>(length));
}

Error broken(const std::string& what) {
  return Error{Errc::host_protocol, "The other side broke the protocol: " + what + "."};
}

std::string handshake_of(message_type operation, const caf::node_id& node, std::uint64_t actor) {
  std::vector<char> written;
  caf::binary_serializer sink(nullptr, written);
  if (sink(node)) written.clear();
  std::string payload(written.begin(), written.end());
  const bool is_server = operation == message_type::server_handshake;
  if (is_server) {
    payload += kNetwork;
    append_number(payload, actor, kActorBytes);
    payload += '\0';
  }
  std::string all;
  append_number(all, static_cast<std::uint64_t>(operation) << 24U, 4);
  append_number(all, payload.size(), 4);
  append_number(all, is_server ? caf::io::basp::version : 0, 8);
  append_number(all, 0, 8);
  append_number(all, 0, 8);
  return all + payload;
}

/// Of a payload: what has come of it, and what it has in all.
struct Payload {
  std::string_view come;
  std::size_t size = 0;

  [[nodiscard]] bool is_here() const { return come.size() == size; }
  void drop(std::size_t count) {
    come.remove_prefix(count);
    size -= count;
  }
};

enum class Taken { yes, not_yet, no };
/// Takes a length as CAF writes it (seven bits a byte, lowest first) from the front; no: it is none, or above.
Taken take_length(Payload& payload, std::size_t max, std::size_t& length) {
  length = 0;
  for (std::size_t at = 0; at < 4; ++at) {
    if (at == payload.come.size()) return payload.is_here() ? Taken::no : Taken::not_yet;
    const auto byte = static_cast<unsigned char>(payload.come[at]);
    length |= static_cast<std::size_t>(byte & 0x7FU) << (7 * at);
    if ((byte & 0x80U) != 0) continue;
    payload.drop(at + 1);
    return length <= max && length <= payload.size ? Taken::yes : Taken::no;
  }
  return Taken::no;
}

}  // namespace

Header header_of(const char* bytes) {
  Header header;
  header.operation = static_cast<std::uint8_t>(bytes[0]);
  header.flags = static_cast<std::uint8_t>(bytes[3]);
  header.payload = static_cast<std::uint32_t>(number_at(bytes + 4, 4));
  header.data = number_at(bytes + 8, 8);
  header.source = number_at(bytes + 16, 8);
  header.destination = number_at(bytes + 24, 8);
  return header;
}

std::uint64_t actor_of_handshake(std::string_view payload) {
  if (payload.size() != kServerBytes || payload.substr(kNodeBytes, kNetwork.size()) != kNetwork ||
      payload.back() != '\0')
    return 0;
  return number_at(payload.data() + kNodeBytes + kNetwork.size(), kActorBytes);
}

Result<Inbound::Next> Inbound::next(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return Next(More{});
  const auto header = header_of(bytes.data());
  const auto operation = static_cast<message_type>(header.operation);
  const bool is_frame = operation == message_type::direct_message;
  const bool is_beat = operation == message_type::heartbeat;
  const bool is_handshake =
      operation == (side_ == Side::listener ? message_type::client_handshake : message_type::server_handshake);
  // Before anything is waited for, or a byte is kept.
  if (!is_frame && !is_beat && !is_handshake)
    return broken("operation " + std::to_string(header.operation) + " is not for it to ask");
  if (bytes[1] != 0 || bytes[2] != 0) return broken("a header has something in its padding");
  if (header.payload > (is_frame ? kPayloadMax : is_handshake ? kHandshakeMax : 0))
    return broken("a payload of " + std::to_string(header.payload) + " bytes is too long");
  if (is_beat) return Next(Skip{kHeaderBytes});
  if (is_frame && (!handshake_done_ || link_ == 0)) return broken("a message came before the handshake");
  if (is_frame && (header.flags != 0 || header.destination != link_))
    return broken("a message is for an actor that is not this connection's");
  if (is_frame && header.data != caf::make_message_id().integer_value()) return broken("a message wants an answer");
  const auto come = bytes.substr(kHeaderBytes, header.payload);
  if (is_frame) return frame(header, come);
  return come.size() < header.payload ? Next(More{}) : handshake(header, come);
}

Result<Inbound::Next> Inbound::handshake(const Header& header, std::string_view payload) {
  const auto size = kHeaderBytes + payload.size();
  ++handshakes_;
  if (side_ == Side::listener) {
    if (payload.size() != kNodeBytes || handshakes_ > kClientHandshakesMax) return broken("its handshake is none");
    if (handshakes_ > 1) return Next(Skip{size});
    handshake_done_ = true;
    return Next(Handshake{size, handshake_of(message_type::client_handshake, node_, 0)});
  }
  peer_ = actor_of_handshake(payload);
  if (peer_ == 0 || handshakes_ > 1 || header.data != caf::io::basp::version) return broken("its handshake is none");
  handshake_done_ = true;
  return Next(Handshake{size, handshake_of(message_type::server_handshake, node_, peer_)});
}

Result<Inbound::Next> Inbound::frame(const Header& header, std::string_view come) {
  if (side_ == Side::dialer && header.source != 0) return broken("a message comes from an unknown actor");
  if (side_ == Side::listener) {
    // The opening names the actor that answers go to; what follows names none.
    if (peer_ == 0 ? header.source == 0 : header.source != 0) return broken("a message comes from an unknown actor");
  }
  Payload payload{come, header.payload};
  if (!payload.come.starts_with(kFramePrefix.substr(0, payload.come.size()))) return broken("a message is no frame");
  if (payload.size < kBareFrameBytes) return broken("a frame is too short");
  if (payload.come.size() < kBareFrameBytes) return Next(More{});
  payload.drop(kFramePrefix.size());
  const auto version = static_cast<std::uint16_t>(number_at(payload.come.data(), 2));
  const auto kind = static_cast<std::uint8_t>(payload.come[2]);
  payload.drop(3);
  std::size_t json_size = 0;
  const auto has_json = take_length(payload, kFrameJsonMax, json_size);
  if (has_json == Taken::no) return broken("a frame's JSON is too long");
  if (has_json == Taken::not_yet || payload.come.size() < json_size) return Next(More{});
  const auto json = payload.come.substr(0, json_size);
  payload.drop(json_size);
  std::size_t length = 0;
  const auto has_length = take_length(payload, kFrameBytesMax, length);
  if (has_length == Taken::not_yet) return Next(More{});
  if (has_length == Taken::no || length != payload.size) return broken("a frame's bytes are too long");
  const bool is_opening = side_ == Side::listener && peer_ == 0;
  if (is_opening != (version == kOpening)) return broken("a frame has no version");
  if (is_opening && (json_size != 0 || length != 0)) return broken("its opening says too much");
  if (!is_opening && (kind == 0 || kind > kKindMax)) return broken("a frame is of no known kind");
  if (length != 0 && static_cast<FrameKind>(kind) != FrameKind::blob_chunk)
    return broken("a frame has bytes that is no piece of a blob");
  const auto size = kHeaderBytes + header.payload - length;
  if (!is_opening) return Next(Begun{size, version, static_cast<FrameKind>(kind), json, length});
  peer_ = header.source;
  return Next(Opening{size});
}

bool may_be_closing(const Header& header) {
  return static_cast<message_type>(header.operation) == message_type::direct_message &&
         header.payload == kBareFrameBytes;
}

bool is_closing(std::string_view payload) {
  return payload.size() == kBareFrameBytes && payload.starts_with(kFramePrefix) &&
         number_at(payload.data() + kFramePrefix.size(), 2) == kClosing;
}

std::size_t payload_of(const Frame& frame) {
  const auto length_bytes = [](std::size_t length) {
    std::size_t count = 1;
    while ((length >>= 7U) != 0) ++count;
    return count;
  };
  const auto json = frame.json.size();
  const auto bytes = frame.bytes.size();
  return kFramePrefix.size() + 3 + length_bytes(json) + json + length_bytes(bytes) + bytes;
}

void append_frame(std::vector<char>& out, std::uint64_t actor, const Frame& frame) {
  append_number(out, static_cast<std::uint64_t>(message_type::direct_message) << 24U, 4);
  append_number(out, payload_of(frame), 4);
  append_number(out, caf::make_message_id().integer_value(), 8);
  append_number(out, 0, 8);
  append_number(out, actor, 8);
  out.insert(out.end(), kFramePrefix.begin(), kFramePrefix.end());
  append_number(out, frame.version, 2);
  append_number(out, static_cast<std::uint64_t>(frame.kind), 1);
  for (const auto* text : {&frame.json, &frame.bytes}) {
    append_length(out, text->size());
    out.insert(out.end(), text->begin(), text->end());
  }
}

bool is_frame(const Header& header) {
  return static_cast<message_type>(header.operation) == message_type::direct_message && header.flags == 0;
}

Outbound outbound_of(const Header& header) {
  const auto operation = static_cast<message_type>(header.operation);
  const bool passes =
      operation == message_type::server_handshake || operation == message_type::client_handshake || is_frame(header);
  return passes ? Outbound::pass : Outbound::drop;
}

}  // namespace hillstar::actors::wire
