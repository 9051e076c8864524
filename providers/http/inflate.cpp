// SPDX-License-Identifier: Apache-2.0
#include "providers/http/inflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace hillstar::providers {
namespace {

constexpr std::size_t kPieceBytes = 16U << 10U;
constexpr int kWindowBits = 15;  // The largest; servers do not say which they used.
constexpr int kGzip = 16;        // Added to the window's bits: zlib then expects a gzip header and checks its sum.

/// The first two bytes of the zlib format (RFC 1950, section 2.2). Some servers leave them out and send bare deflate.
bool is_zlib_header(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  return (first & 0x0FU) == Z_DEFLATED && (first * 256U + second) % 31U == 0;
}

}  // namespace

struct Inflater::State {
  ~State() {
    if (begun) inflateEnd(&stream);
  }

  bool begin(int window_bits) {
    begun = inflateInit2(&stream, window_bits) == Z_OK;
    return begun;
  }

  Coding coding{};
  InflateLimits limits;
  z_stream stream{};
  bool begun = false;
  bool ended = false;  ///< A member is complete, and the next one has not begun.
  std::string held;    ///< The first byte, when the format shows in the second.
  bool seen = false;   ///< Not a byte: an empty body.
  std::uint64_t taken = 0;
  std::uint64_t made = 0;
};

Inflater::Inflater(Coding coding, const InflateLimits& limits) : state_(std::make_unique<State>()) {
  state_->coding = coding;
  state_->limits = limits;
}
Inflater::~Inflater() = default;

Inflater::Verdict Inflater::feed(std::string_view bytes, const Receiver& receive) {
  auto& state = *state_;
  state.seen = state.seen || !bytes.empty();
  std::string joined;
  if (!state.begun && state.coding == Coding::deflate) {
    joined = state.held.append(bytes);
    bytes = joined;
    if (bytes.size() < 2) return Verdict::good;
    if (!state.begin(is_zlib_header(bytes) ? kWindowBits : -kWindowBits)) return Verdict::malformed;
  } else if (!state.begun && !state.begin(kWindowBits + kGzip)) {
    return Verdict::malformed;
  }
  auto& stream = state.stream;
  std::array<char, kPieceBytes> piece;
  constexpr std::size_t kInputMax = std::numeric_limits<uInt>::max();
  bool full = false;  // The last piece was: there may be more without further input.
  while (!bytes.empty() || full) {
    if (state.ended) {
      // Members of gzip may follow each other (RFC 1952, section 2.2); after deflate nothing does.
      if (state.coding == Coding::deflate || inflateReset(&stream) != Z_OK) return Verdict::malformed;
      state.ended = false;
    }
    const auto input = std::min(bytes.size(), kInputMax);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(input);
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int code = ::inflate(&stream, Z_SYNC_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return Verdict::malformed;
    bytes.remove_prefix(input - stream.avail_in);
    state.taken += input - stream.avail_in;
    const auto size = piece.size() - stream.avail_out;
    full = stream.avail_out == 0 && code != Z_STREAM_END;
    state.ended = code == Z_STREAM_END;
    state.made += size;
    if (state.made > state.limits.bytes_max) return Verdict::too_large;
    if (state.made > state.limits.ratio_free && state.made / state.limits.ratio_max > state.taken) return Verdict::bomb;
    if (size > 0 && !receive({piece.data(), size})) return Verdict::refused;
    if (code == Z_BUF_ERROR && size == 0 && input == stream.avail_in) break;
  }
  return bytes.empty() ? Verdict::good : Verdict::malformed;
}

Inflater::Verdict Inflater::finish() const {
  if (!state_->seen || state_->ended) return Verdict::good;
  return Verdict::malformed;
}

}  // namespace hillstar::providers
