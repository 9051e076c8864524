// SPDX-License-Identifier: Apache-2.0
// Names that do not mix: a run id cannot be passed where a node id is meant.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace hillstar {

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] const std::string& str() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;
  bool operator==(const Id&) const = default;

 private:
  std::string text_;
};

/// A ULID: 26 characters of Crockford base32; sorts by time of creation.
using RunId = Id<struct RunTag>;
/// Streams have histories too; their ids begin with a letter that no ULID begins with.
inline constexpr char kStreamLetter = 'S';
inline bool is_stream_history(const RunId& id) { return id.str().starts_with(kStreamLetter); }
/// And so has shared state.
inline constexpr char kStateLetter = 'V';
inline bool is_state_history(const RunId& id) { return id.str().starts_with(kStateLetter); }
inline bool is_run_history(const RunId& id) { return !is_stream_history(id) && !is_state_history(id); }
/// A node of a plan; loop attempts after the first end in `@2`, `@3`, ...
using NodeId = Id<struct NodeTag>;
using WorkflowId = Id<struct WorkflowTag>;
using ProviderId = Id<struct ProviderTag>;

}  // namespace hillstar

template <class Tag>
struct std::hash<hillstar::Id<Tag>> {
  std::size_t operator()(const hillstar::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
