// SPDX-License-Identifier: Apache-2.0
#include "persistence/keys.hpp"

#include <algorithm>
#include <cstring>

namespace hillstar::persistence::keys {

std::array<char, 8> be64(std::uint64_t value) {
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(value >> (56U - 8U * i));
  return bytes;
}

std::uint64_t read_be64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::array<char, kEventKeyBytes> event(const RunId& run, std::uint64_t seq) {
  HILLSTAR_ASSERT(run.str().size() == kRunIdBytes);
  std::array<char, kEventKeyBytes> key{static_cast<char>(Table::events)};
  std::memcpy(key.data() + 1, run.str().data(), kRunIdBytes);
  const auto number = be64(seq);
  std::memcpy(key.data() + kRunKeyBytes, number.data(), number.size());
  return key;
}

std::optional<EventKey> read_event_key(std::string_view key) {
  if (key.size() != kEventKeyBytes || key[0] != static_cast<char>(Table::events)) return std::nullopt;
  return EventKey{key.substr(1, kRunIdBytes), read_be64(key.substr(kRunKeyBytes))};
}

namespace {
std::array<char, kRunKeyBytes> of_run(Table table, const RunId& run) {
  HILLSTAR_ASSERT(run.str().size() == kRunIdBytes);
  std::array<char, kRunKeyBytes> key{static_cast<char>(table)};
  std::memcpy(key.data() + 1, run.str().data(), kRunIdBytes);
  return key;
}
Range prefixed(std::string_view prefix) {
  Range range{meta(prefix), meta(prefix)};
  ++range.end.back();
  return range;
}
}  // namespace

std::array<char, kRunKeyBytes> run(const RunId& run) { return of_run(Table::runs, run); }
std::array<char, kRunKeyBytes> gone(const RunId& run) { return of_run(Table::gone, run); }

std::array<char, kBlobKeyBytes> blob(const Hash& hash) {
  std::array<char, kBlobKeyBytes> key{static_cast<char>(Table::blobs)};
  std::memcpy(key.data() + 1, hash.data(), hash.size());
  return key;
}

std::string meta(std::string_view name) { return static_cast<char>(Table::meta) + std::string(name); }

Range table(Table table) {
  const auto letter = static_cast<char>(table);
  return {std::string(1, letter), std::string(1, static_cast<char>(letter + 1))};
}

Range runs() {
  auto range = table(Table::runs);
  range.end = range.first + kStreamLetter;
  return range;
}

Range rows_with(char letter) {
  const auto table = static_cast<char>(Table::runs);
  return {{table, letter}, {table, static_cast<char>(letter + 1)}};
}

Range events_of(const RunId& run, std::uint64_t from) {
  const auto first = event(run, from);
  const auto end = event(run, ~std::uint64_t{0});
  return {std::string(first.data(), first.size()), std::string(end.data(), end.size())};
}

Range notes() { return prefixed(kNotePrefix); }
Range removals() { return prefixed(kRemovalPrefix); }

std::array<char, kEventHeaderBytes> event_header(std::uint64_t position, const Hash& hash) {
  std::array<char, kEventHeaderBytes> header{};
  const auto number = be64(position);
  std::memcpy(header.data(), number.data(), number.size());
  std::memcpy(header.data() + number.size(), hash.data(), hash.size());
  return header;
}

std::optional<EventValue> read_event(std::string_view bytes) {
  if (bytes.size() < kEventHeaderBytes) return std::nullopt;
  EventValue value;
  value.position = read_be64(bytes);
  std::memcpy(value.hash.data(), bytes.data() + 8, value.hash.size());
  value.line = bytes.substr(kEventHeaderBytes);
  return value;
}

std::array<char, kStretchKeyBytes> stretch_key(std::uint64_t position) {
  std::array<char, kStretchKeyBytes> key{static_cast<char>(Table::log)};
  const auto number = be64(position);
  std::memcpy(key.data() + 1, number.data(), number.size());
  return key;
}

std::array<char, kStretchBytes> stretch_value(const Stretch& stretch) {
  HILLSTAR_ASSERT(stretch.run.str().size() == kRunIdBytes);
  std::array<char, kStretchBytes> value{};
  std::memcpy(value.data(), stretch.run.str().data(), kRunIdBytes);
  const auto seq = be64(stretch.seq);
  const auto count = be64(stretch.count);
  std::memcpy(value.data() + kRunIdBytes, seq.data(), seq.size());
  std::memcpy(value.data() + kRunIdBytes + seq.size(), count.data(), count.size());
  return value;
}

std::optional<Stretch> read_stretch(std::string_view key, std::string_view value) {
  if (key.size() != kStretchKeyBytes || key[0] != static_cast<char>(Table::log) || value.size() != kStretchBytes)
    return std::nullopt;
  return Stretch{read_be64(key.substr(1)), RunId(std::string(value.substr(0, kRunIdBytes))),
                 read_be64(value.substr(kRunIdBytes)), read_be64(value.substr(kRunIdBytes + 8))};
}

std::array<char, kHeadBytes> head(const LogHead& head) { return event_header(head.count, head.chain); }

std::optional<LogHead> read_head(std::string_view bytes) {
  if (bytes.size() != kHeadBytes) return std::nullopt;
  LogHead head;
  head.count = read_be64(bytes);
  std::memcpy(head.chain.data(), bytes.data() + 8, head.chain.size());
  return head;
}

namespace {
std::string numbered(std::string_view prefix, std::uint64_t number) {
  std::string key(prefix);
  const auto bytes = be64(number);
  key.append(bytes.data(), bytes.size());
  return key;
}
}  // namespace

std::string mark(std::uint64_t count) { return numbered(kMarkPrefix, count); }
std::string note(std::uint64_t number) { return numbered(kNotePrefix, number); }
std::string removal(std::uint64_t number) { return numbered(kRemovalPrefix, number); }
std::uint64_t note_number(std::string_view key) { return read_be64(key.substr(key.size() - 8)); }

}  // namespace hillstar::persistence::keys
