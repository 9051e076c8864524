// SPDX-License-Identifier: Apache-2.0
// The only message that crosses a machine. What each kind says: messages/remote.hpp.
//
// A frame comes from another machine, so nothing in it is believed before it is decoded strictly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace hillstar {

/// Protocol of this program. A peer says its own in `hello` and `welcome`; both then speak the older of the two, from
/// kProtocolOldest on. 2: a worker rests. 3: attempts come with claims, certificates are renewed, ends are confirmed
/// together.
inline constexpr std::uint16_t kProtocol = 3;
inline constexpr std::uint16_t kProtocolOldest = 1;
/// What a peer must speak at least to be sent such frames and members.
inline constexpr std::uint16_t kProtocolRest = 2;
inline constexpr std::uint16_t kProtocolClaims = 3;
inline constexpr std::uint16_t kProtocolRenewal = 3;
inline constexpr std::uint16_t kProtocolKept = 3;

/// Limits of one frame; what is larger travels as a blob, in chunks.
inline constexpr std::size_t kFrameJsonMax = 1024 * 1024;
inline constexpr std::size_t kFrameBytesMax = 256 * 1024;

/// Numbers are part of the protocol: never reused.
enum class FrameKind : std::uint8_t {
  hello = 1,      // worker -> host: who I am, what I offer
  welcome = 2,    // host -> worker: you may work
  refused = 3,    // host -> worker: you may not, and why; then the connection ends
  beat = 4,       // worker -> host: I am here, and how busy
  beat_seen = 5,  // host -> worker: I have seen that beat
  attempt = 6,    // host -> worker: make this attempt
  outcome = 7,    // worker -> host: how it ended; said again until `outcome_kept`
  outcome_kept = 8,
  cancel = 9,       // host -> worker: stop this attempt
  progress = 10,    // worker -> host: output of an attempt, for the eye
  blob_want = 11,   // either way: send this blob, from this byte on, so many bytes at most
  blob_chunk = 12,  // the answer; `bytes` is a piece of it
  blob_none = 13,   // or this: it is not there
  drain = 14,       // either way: no more attempts
  log = 15,         // worker -> host: a line for the operator
  claims = 16,      // worker -> host, after `welcome`: that it was given the attempts which it named in `hello`
  renew = 17,       // worker -> host: a new certificate, for a new key
  renewed = 18,     // host -> worker: here it is, or why not
  ends_kept = 19,   // host -> worker: as `outcome_kept`, of many
};

struct Frame {
  std::uint16_t version = kProtocol;
  FrameKind kind = FrameKind::beat;
  std::string json;   ///< An object; the kind says of what shape.
  std::string bytes;  ///< Of `blob_chunk` only.
};

}  // namespace hillstar
