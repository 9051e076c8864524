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
  std::array<char, kEventKeyBytes> key{};
  std::memcpy(key.data(), run.str().data(), kRunIdBytes);
  const auto number = be64(seq);
  std::memcpy(key.data() + kRunIdBytes, number.data(), number.size());
  return key;
}

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

}  // namespace hillstar::persistence::keys
