// SPDX-License-Identifier: Apache-2.0
// Event <-> record: one line of canonical JSON and a link of the hash chain.
//
//   line   {"at":"2026-...Z","data":{...},"run":"01J...","seq":7,"type":"node_completed","v":1}
//   hash   SHA-256("hs1" NUL || hash of the record before || line); before the first record: 32 zero bytes
//
// The chain can be checked without this program: docs/reference/events.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/ids.hpp"

namespace hillstar::persistence {

using Hash = std::array<std::uint8_t, 32>;

struct Record {
  std::uint64_t seq = 0;
  Hash hash{};
  std::string line;
};

/// Encodes `event` as the record after `previous`.
Record encode(const RunId& run, std::uint64_t seq, UtcTime at, const Event& event, const Hash& previous);
/// Decodes a line of any released version; record_corrupt if it is not one, json_type if its fields are wrong.
/// Does not look at the hash.
Result<Recorded> decode(std::string_view line, const RunId& run);
/// The hash that a record after `previous` with this line must have.
Hash link(const Hash& previous, std::string_view line);

std::string to_hex(const Hash& hash);
std::optional<Hash> hash_from_hex(std::string_view hex);

}  // namespace hillstar::persistence
