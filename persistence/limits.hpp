// SPDX-License-Identifier: Apache-2.0
// The named maxima of the store.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hillstar::persistence {

inline constexpr std::size_t kRunIdBytes = 26;
/// A longer line could not be parsed again, so it is never written.
inline constexpr std::size_t kRecordBytesMax = 64U << 20U;
/// Nesting of a record: a value of json::Limits depth inside the members of an event.
inline constexpr std::size_t kRecordDepthMax = 256;
/// Blobs up to this size live in the database, larger ones in files.
inline constexpr std::size_t kDatabaseBlobBytesMax = 1U << 20U;
/// What a blob sink keeps in memory before it writes to a file.
inline constexpr std::size_t kSinkBytesMax = 64U << 10U;
/// Runs whose version is remembered between commits.
inline constexpr std::size_t kVersionsMax = 65'536;
/// Attempts to open a store for reading while its owner moves files underneath.
inline constexpr int kReadOnlyOpenMax = 16;
/// Records that are read at a time where memory must stay bounded.
inline constexpr std::size_t kPageRecords = 256;

}  // namespace hillstar::persistence
