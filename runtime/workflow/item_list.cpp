// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/item_list.hpp"

#include <string>
#include <utility>

namespace hillstar::workflow {

Result<ItemList> ItemList::of(const Value& list, const ReadBlob& read) {
  for (const auto& blob : list.blobs) {
    if (!blob.at.empty()) continue;
    HILLSTAR_TRY(auto text, read(blob.sha256));
    return ItemList(Value{{}, Json::from_canonical(std::move(text))});
  }
  return ItemList(list);
}

/// Skips, without building: only quotes and brackets matter in canonical text.
ItemList::ItemList(Value list) : list_(std::move(list)) {
  const std::string_view text = list_.json.text();
  if (text.size() < 3 || text.front() != '[') return;
  std::size_t depth = 0;
  bool in_string = false;
  starts_.push_back(1);
  for (std::size_t at = 1; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (depth == 0 && (c == ',' || c == ']')) {
      starts_.push_back(at + 1);
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

Value ItemList::at(std::uint32_t index) const {
  Value item;
  if (index >= size()) return item;
  const auto start = starts_[index];
  item.json = Json::from_canonical(list_.json.text().substr(start, starts_[index + 1] - 1 - start));
  const auto pointer = "/" + std::to_string(index);
  for (const auto& blob : list_.blobs) {
    if (blob.at != pointer && !blob.at.starts_with(pointer + "/")) continue;
    item.blobs.push_back(blob);
    item.blobs.back().at.erase(0, pointer.size());
  }
  return item;
}

}  // namespace hillstar::workflow
