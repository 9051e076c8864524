// SPDX-License-Identifier: Apache-2.0
// Tool calls as they come in: whole or in pieces, with ids or without. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model.hpp"

namespace hillstar::providers {

/// Most calls in one reply; more are dropped, and `overflowed` says so.
inline constexpr std::size_t kToolCallsMax = 256;

class ToolCalls {
 public:
  /// What a piece of a stream says about a call; what it does not say is empty.
  struct Piece {
    std::optional<std::uint64_t> index;  ///< The provider's number of the call.
    std::string_view id;
    std::string_view name;
    const boost::json::value* arguments = nullptr;  ///< A fragment of JSON text, or an object whole; null: none.
  };
  /// Adds to the call with this index. Without one, a new id or name begins another call, and the rest belongs to the
  /// last. Servers that number all their calls 0 are understood by the ids.
  void add(const Piece& piece);
  /// A call of its own.
  void add_whole(const Piece& piece);

  [[nodiscard]] bool empty() const { return calls_.empty(); }
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  /// The calls in the order of their beginning, each with an id that is unique among them; calls without a name are
  /// dropped. `reply_id` goes into minted ids, so that those of two replies differ.
  [[nodiscard]] std::vector<ModelToolCall> finished(std::string_view reply_id) const;

 private:
  struct Call {
    std::optional<std::uint64_t> index;
    std::string id;
    std::string name;
    std::string text;            // arguments as text
    std::optional<Json> object;  // arguments as an object
  };
  Call* begin();
  Call* call_for(const Piece& piece);

  std::vector<Call> calls_;
  bool overflowed_ = false;
};

/// Nine letters and digits, which every provider takes as an id; the same for the same arguments.
std::string minted_id(std::string_view seed, std::size_t number);

}  // namespace hillstar::providers
