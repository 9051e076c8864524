// SPDX-License-Identifier: Apache-2.0
// Key bytes: a letter for the table, then the key in it. Everything here is on disk: values are added, never changed or
// reused. One family of RocksDB holds all tables: one log, one buffer, one flush.
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
inline constexpr std::uint32_t kFormatVersion = 3;
/// The oldest one that is read as it is: queries look at every row.
inline constexpr std::uint32_t kReadableFormat = 1;
/// The first one with indexes.
inline constexpr std::uint32_t kIndexedFormat = 2;
/// The first one that says where the records of the log are, in its order.
inline constexpr std::uint32_t kOrderedFormat = 3;

/// The first byte of every key.
enum class Table : char { blobs = 'b', events = 'e', gone = 'g', index = 'i', log = 'l', meta = 'm', runs = 'r' };
/// Letters that were in use once and must not return with another meaning: none yet.
inline constexpr std::string_view kRetiredTables = {};

/// Names of meta rows.
inline constexpr std::string_view kFormat = "format";      ///< Decimal store format version.
inline constexpr std::string_view kHead = "head";          ///< LogHead after the last commit.
inline constexpr std::string_view kMarkPrefix = "mark/";   ///< + count, 8 bytes big endian -> chain at that count.
inline constexpr std::string_view kNotePrefix = "note/";   ///< + number, 8 bytes big endian -> recovery note, JSON.
inline constexpr std::string_view kRemovalPrefix = "gc/";  ///< + number, 8 bytes big endian -> what gc removed, JSON.
inline constexpr std::string_view kGcOpen = "gc_open";     ///< The run whose lines are being removed.
/// Meta keys that were in use once: none yet.
inline constexpr std::array<std::string_view, 0> kRetiredMeta = {};

inline constexpr std::size_t kRunKeyBytes = 1 + kRunIdBytes;
inline constexpr std::size_t kEventKeyBytes = kRunKeyBytes + 8;
inline constexpr std::size_t kBlobKeyBytes = 1 + 32;
inline constexpr std::size_t kEventHeaderBytes = 8 + 32;
inline constexpr std::size_t kHeadBytes = 8 + 32;
inline constexpr std::size_t kStretchKeyBytes = 1 + 8;
inline constexpr std::size_t kStretchBytes = kRunIdBytes + 8 + 8;

/// Big endian, so that keys sort by number.
std::array<char, 8> be64(std::uint64_t value);
/// Of the first eight bytes; `bytes` has at least so many.
std::uint64_t read_be64(std::string_view bytes);

/// Run id, then sequence number. `run` has kRunIdBytes.
std::array<char, kEventKeyBytes> event(const RunId& run, std::uint64_t seq);
/// Nothing if `key` is not that of an event.
struct EventKey {
  std::string_view run;  ///< Points into the key.
  std::uint64_t seq = 0;
};
std::optional<EventKey> read_event_key(std::string_view key);
/// What is kept of a run that was removed. `run` has kRunIdBytes.
std::array<char, kRunKeyBytes> gone(const RunId& run);
/// The row of a run. `run` has kRunIdBytes.
std::array<char, kRunKeyBytes> run(const RunId& run);
std::array<char, kBlobKeyBytes> blob(const Hash& hash);
/// The meta row of this name.
std::string meta(std::string_view name);

/// Keys from `first` on, up to but not with `end`.
struct Range {
  std::string first;
  std::string end;
};
Range table(Table table);
/// Rows of runs, and those of other histories, whose ids begin with this letter; they share a table.
Range runs();
Range rows_with(char letter);
/// Records of the run from `from` on. `run` has kRunIdBytes.
Range events_of(const RunId& run, std::uint64_t from);
/// Notes of repairs, and of removals, by number.
Range notes();
Range removals();

/// The value of an event row: position in the whole log (1, 2, 3, ... in order of commit), hash, line.
struct EventValue {
  std::uint64_t position = 0;
  Hash hash{};
  std::string_view line;
};
std::array<char, kEventHeaderBytes> event_header(std::uint64_t position, const Hash& hash);
/// Nothing if `bytes` are too short. The line points into `bytes`.
std::optional<EventValue> read_event(std::string_view bytes);

/// Records of one history that are neighbours in the log, too: from this position on so many, of which the first has
/// this sequence number. They lie in the log in order of their positions.
struct Stretch {
  std::uint64_t position = 0;
  RunId run;
  std::uint64_t seq = 0;
  std::uint64_t count = 0;
};
std::array<char, kStretchKeyBytes> stretch_key(std::uint64_t position);
/// `stretch.run` has kRunIdBytes.
std::array<char, kStretchBytes> stretch_value(const Stretch& stretch);
/// Nothing if it is none.
std::optional<Stretch> read_stretch(std::string_view key, std::string_view value);

std::array<char, kHeadBytes> head(const LogHead& head);
std::optional<LogHead> read_head(std::string_view bytes);

/// Names of meta rows.
std::string mark(std::uint64_t count);
std::string note(std::uint64_t number);
std::string removal(std::uint64_t number);
/// The number of the note in a row with this key; `key` is in notes() or removals().
std::uint64_t note_number(std::string_view key);

inline std::string_view bytes_of(const Hash& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }

}  // namespace hillstar::persistence::keys
