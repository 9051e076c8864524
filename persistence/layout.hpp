// SPDX-License-Identifier: Apache-2.0
// Opening the folder of a store: what is checked, and in which order. Internal to persistence.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "messages/error.hpp"
#include "persistence/database.hpp"

namespace hillstar::persistence {

inline std::string database_folder(const std::string& store) { return store + "/db"; }
inline std::string blob_folder(const std::string& store) { return store + "/blobs"; }

/// An open database of the current format, and the two heads that open compares.
struct OpenedStore {
  std::unique_ptr<Database> database;
  LogHead log;
  std::optional<LogHead> file;
};

/// Opens the database of the store in `folder` and brings its format up to date (unless read_only). Does not compare
/// the heads. store_truncated if the database is gone though the head file says that there was one.
Result<OpenedStore> open_layout(const std::string& folder, const DatabaseOptions& options);

/// Which files the database of the store consists of now, and how long its manifest is. It changes when the owner moves
/// records from its log into a table: a reader that opens the store meanwhile may miss them without a word.
std::string shape_of_files(rocksdb::Env& env, const std::string& folder);

}  // namespace hillstar::persistence
