// SPDX-License-Identifier: Apache-2.0
// Shared state as pure functions: cells of one scope, what a request makes of them, and what it is answered.
//
// Nothing changes here but by fold(): apply() says what would change, the caller makes it durable, and folds it then.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/error.hpp"
#include "messages/failure.hpp"
#include "messages/state.hpp"

namespace hillstar::state {

/// Bounds of one scope. Removed keys count, since their versions go on.
inline constexpr std::size_t kKeysMax = 100'000;
inline constexpr std::size_t kKeyBytesMax = 256;
inline constexpr std::size_t kValueBytesMax = std::size_t{64} * 1024;
/// Keys and values of one scope: of a run, and of what many runs share.
inline constexpr std::uint64_t kRunBytesMax = std::uint64_t{1} << 20U;
inline constexpr std::uint64_t kSharedBytesMax = std::uint64_t{16} << 20U;
/// Operations of one batch, and the bytes that one request writes.
inline constexpr std::size_t kOperationsMax = 100;
inline constexpr std::size_t kWriteBytesMax = std::size_t{1} << 20U;
/// Of the answer to one `list`.
inline constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 20U;

class Cells {
 public:
  /// The cell of this key, removed or not; null: the key was never used.
  [[nodiscard]] const StateCell* find(const std::string& key) const;
  /// Its value is there.
  [[nodiscard]] const StateCell* live(const std::string& key) const;
  /// All that were ever used, in the order of their keys.
  [[nodiscard]] const std::map<std::string, StateCell>& all() const { return cells_; }
  [[nodiscard]] std::size_t count() const { return live_; }
  /// Keys, and the values that are there.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  void set(const StateCell& cell);

 private:
  std::map<std::string, StateCell> cells_;
  std::size_t live_ = 0;
  std::uint64_t bytes_ = 0;
};

/// Moves the cells by one recorded change. InvariantError for a version that does not follow.
void fold(Cells& cells, const StateChanged& change);

/// What is to be recorded (nothing: it only reads), and what whoever asked is answered.
struct Applied {
  std::vector<StateCell> changes;  ///< Each key once.
  Json answer;
};
/// Why it was not done. A conflict names the cell that is in the way.
struct Refused {
  Failure failure;
  std::optional<StateCell> conflict;
};

/// The same for a person: state_conflict, inputs_invalid, too_large.
Error error_of(const Refused& refused);

/// What the request comes to. Total: never throws, whatever the request.
std::variant<Applied, Refused> apply(const Cells& cells, const StateRequest& request);
/// The same for a request that was done already, by this change.
Json answer_to(const StateRequest& request, const StateChanged& done);
/// What a conflict is answered with (StateRequest::on_conflict).
Json conflict_answer(const StateCell& cell);

/// True if it changes nothing.
inline bool only_reads(StateOp op) { return op == StateOp::get || op == StateOp::list; }

}  // namespace hillstar::state
