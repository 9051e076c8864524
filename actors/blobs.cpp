// SPDX-License-Identifier: Apache-2.0
#include "actors/blobs.hpp"

#include <boost/json.hpp>
#include <string>
#include <utility>

namespace hillstar::actors {
namespace {

struct Mover {
  persistence::EventStore& store;
  std::vector<BlobRef>& blobs;

  /// Depth is bounded by the reader that made the value (json::Limits::depth_max).
  Result<void> move(boost::json::value& value, const std::string& at) {
    if (auto* text = value.if_string(); text != nullptr && text->size() > kInlineBytesMax) {
      HILLSTAR_TRY(auto sha256, store.put_blob({text->data(), text->size()}));
      blobs.push_back({at, text->size(), false, std::move(sha256)});
      value = nullptr;
    } else if (auto* object = value.if_object()) {
      for (auto& [key, member] : *object)
        HILLSTAR_CHECK(move(member, at + "/" + json::pointer_token({key.data(), key.size()})));
    } else if (auto* array = value.if_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) HILLSTAR_CHECK(move((*array)[i], at + "/" + std::to_string(i)));
    }
    return {};
  }
};

}  // namespace

Result<void> keep_small(Value& value, persistence::EventStore& store) {
  if (value.json.text().size() <= kInlineBytesMax) return {};
  auto tree = value.json.value();
  const auto before = value.blobs.size();
  Mover mover{store, value.blobs};
  HILLSTAR_CHECK(mover.move(tree, {}));
  if (value.blobs.size() != before) value.json = Json::of(tree);
  return {};
}

}  // namespace hillstar::actors
