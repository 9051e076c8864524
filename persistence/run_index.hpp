// SPDX-License-Identifier: Apache-2.0
// Rows that say by what a run is found. Written in the same batch as the run's row; a row of an index is a hint that
// the run's own row must confirm, so that one too many does no harm. Internal to persistence.
//
//   `i`, kind (1 byte), what (16 bytes), run id with each bit turned over (26 bytes): newest first.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "messages/ids.hpp"
#include "messages/units.hpp"
#include "persistence/limits.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::persistence {

/// On disk: values are added, never changed or reused.
enum class IndexKind : char {
  correlation = 'c',
  key = 'k',    ///< Stream and key of a trigger.
  label = 'l',  ///< Name and value.
  above = 'a',  ///< The run that it is a part of.
  odd = 'o',    ///< The id does not tell when the run started.
  status = 's',
  stream = 't',
  workflow = 'w'
};

/// A run id with each bit turned over: what is newer comes first.
using IndexId = std::array<char, kRunIdBytes>;
using IndexPrefix = std::array<char, 18>;
using IndexKey = std::array<char, 18 + kRunIdBytes>;

/// Of any length: what is too short is as if zero bytes followed.
IndexId index_id(std::string_view run);
RunId run_of(const IndexId& id);
/// Short words stand as they are, long ones and pairs by their hash.
IndexPrefix index_prefix(IndexKind kind, std::string_view what, std::optional<std::string_view> value = {});
IndexKey index_key(const IndexPrefix& prefix, const RunId& run);

/// All that the row of a run is found by; nothing for the history of a stream. Only the status changes in a run's life.
void each_index_key(const run::Summary& row, const std::function<void(const IndexKey&)>& take);

/// How far the time in a run's id may be from its start without making it odd.
inline constexpr std::int64_t kIdTimeSlackMicros = 120'000'000;
/// The time that a ULID was made at, or nothing if it is none.
std::optional<UtcTime> time_of_id(std::string_view run);
/// The smallest ULID of this time.
std::array<char, kRunIdBytes> first_id_of(UtcTime time);

}  // namespace hillstar::persistence
