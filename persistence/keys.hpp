// SPDX-License-Identifier: Apache-2.0
// Column families and key bytes. Everything here is on disk: values are added, never changed or reused.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/ids.hpp"
#include "persistence/event_store.hpp"
#include "persistence/limits.hpp"

namespace hillstar::persistence::keys {

/// The store format that this program writes.
inline constexpr std::uint32_t kFormatVersion = 1;

/// Column families. `default` is the one that every RocksDB database has; it holds the meta rows.
inline constexpr const char* kMeta = "default";
inline constexpr const char* kEvents = "events";
inline constexpr const char* kRuns = "runs";
inline constexpr const char* kBlobs = "blobs";
/// Names that were in use once and must not return with another meaning: none yet.
inline constexpr std::array<std::string_view, 0> kRetiredFamilies = {};

/// Meta rows.
inline constexpr std::string_view kFormat = "format";      ///< Decimal store format version.
inline constexpr std::string_view kHead = "head";          ///< LogHead after the last commit.
inline constexpr std::string_view kMarkPrefix = "mark/";   ///< + count, 8 bytes big endian -> chain at that count.
inline constexpr std::string_view kNotePrefix = "note/";   ///< + number, 8 bytes big endian -> recovery note, JSON.
/// Meta keys that were in use once: none yet.
inline constexpr std::array<std::string_view, 0> kRetiredMeta = {};

inline constexpr std::size_t kEventKeyBytes = kRunIdBytes + 8;
inline constexpr std::size_t kEventHeaderBytes = 8 + 32;
inline constexpr std::size_t kHeadBytes = 8 + 32;

/// Big endian, so that keys sort by number.
std::array<char, 8> be64(std::uint64_t value);
/// Of the first eight bytes; `bytes` has at least so many.
std::uint64_t read_be64(std::string_view bytes);

/// Run id, then sequence number. `run` has kRunIdBytes.
std::array<char, kEventKeyBytes> event(const RunId& run, std::uint64_t seq);
/// The value of an event row: position in the whole log (1, 2, 3, ... in order of commit), hash, line.
struct EventValue {
  std::uint64_t position = 0;
  Hash hash{};
  std::string_view line;
};
std::array<char, kEventHeaderBytes> event_header(std::uint64_t position, const Hash& hash);
/// Nothing if `bytes` are too short. The line points into `bytes`.
std::optional<EventValue> read_event(std::string_view bytes);

std::array<char, kHeadBytes> head(const LogHead& head);
std::optional<LogHead> read_head(std::string_view bytes);

std::string mark(std::uint64_t count);
std::string note(std::uint64_t number);

inline std::string_view bytes_of(const Hash& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }

}  // namespace hillstar::persistence::keys
