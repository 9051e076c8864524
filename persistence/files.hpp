// SPDX-License-Identifier: Apache-2.0
// Small files beside the database, through RocksDB's Env so that fault injection sees them too.
// Internal to persistence.
#pragma once

#include <rocksdb/env.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "messages/error.hpp"

namespace hillstar::persistence {

/// The error for a failed write: store_write, in words for a person (disk full, file size limit, device error).
Error write_error(const rocksdb::Status& status, const std::string& where);
/// The error for a failed open or read: store_open.
Error open_error(const rocksdb::Status& status, const std::string& where);

/// Creates the folder for its owner alone (0700) and makes its name durable; an existing one is left as it is.
Result<void> create_folder(rocksdb::Env& env, const std::string& folder);
/// Makes names in the folder durable.
Result<void> sync_folder(rocksdb::Env& env, const std::string& folder);
/// Replaces `folder/name` as a whole: temporary file, sync, rename, sync of the folder.
Result<void> write_file(rocksdb::Env& env, const std::string& folder, const std::string& name, std::string_view text);
/// At most `bytes_max` bytes of a file; store_open if it is longer or cannot be read.
Result<std::string> read_file(rocksdb::Env& env, const std::string& path, std::size_t bytes_max);

/// Is handed bytes; an error ends the reading.
using TakeBytes = std::function<Result<void>(std::string_view)>;
/// Hands on a file from its beginning to its end, in pieces of bounded size.
Result<void> read_pieces(rocksdb::Env& env, const std::string& path, const TakeBytes& take);

}  // namespace hillstar::persistence
