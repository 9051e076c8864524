// SPDX-License-Identifier: Apache-2.0
// Which pieces of live output a follower has seen: what attempts in flight say reaches it once, also if it is given
// the last of it again when it begins to follow, or follows anew.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "messages/ids.hpp"

namespace hillstar::run {

class LivePieces {
 public:
  struct Piece {
    std::uint32_t attempt = 1;
    std::uint64_t offset = 0;  ///< Bytes that the attempt had said before,
    std::uint64_t end = 0;     ///< and with it. The text may have other lengths where it was no UTF-8.
    std::string_view text;
  };

  /// What of the piece is new, which is known from then on. Pieces of one attempt come in order.
  std::string_view take(const NodeId& node, std::optional<std::uint32_t> item, const Piece& piece) {
    auto& seen = seen_[{node, item}];
    if (piece.attempt < seen.attempt) return {};
    const auto known = piece.attempt == seen.attempt ? seen.end : 0;
    if (piece.end <= known) return {};
    seen = {piece.attempt, piece.end};
    const bool is_exact = piece.text.size() == piece.end - piece.offset;
    if (known <= piece.offset || !is_exact) return piece.text;
    return piece.text.substr(known - piece.offset);
  }

 private:
  struct Seen {
    std::uint32_t attempt = 0;
    std::uint64_t end = 0;
  };
  std::map<std::pair<NodeId, std::optional<std::uint32_t>>, Seen> seen_;  ///< At most one for each unit of a run.
};

}  // namespace hillstar::run
