// SPDX-License-Identifier: Apache-2.0
// The recorded list of a map, cut into its items once, so that an item costs its own size and not the list's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "messages/value.hpp"

namespace hillstar::workflow {

class ItemList {
 public:
  /// `list` as MapExpanded holds it: a canonical JSON array, or one that is a blob as a whole. Fails only if `read`
  /// does; what is no array has no items.
  static Result<ItemList> of(const Value& list, const ReadBlob& read);

  /// An item with the blobs that belong in it; null beyond the end.
  [[nodiscard]] Value at(std::uint32_t index) const;
  [[nodiscard]] std::size_t size() const { return starts_.empty() ? 0 : starts_.size() - 1; }

 private:
  explicit ItemList(Value list);

  Value list_;
  std::vector<std::size_t> starts_;  ///< Of each item in the text, and one behind the last one's comma or bracket.
};

}  // namespace hillstar::workflow
