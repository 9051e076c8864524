// SPDX-License-Identifier: Apache-2.0
// A copy of a whole store at one point in time, made beside its owner, that proves itself; and the way back.
//
//   BACKUP/manifest.json   what is in it; written last
//   BACKUP/store/          a store of its own: db/, blobs/, head
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "persistence/backup_files.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::persistence {

/// The backup format that this program writes.
inline constexpr std::uint32_t kBackupFormat = 1;

/// Canonical JSON, with `seal` the SHA-256 of the same text with an empty seal: no byte of it changes unseen.
struct BackupManifest {
  std::uint32_t backup_format = kBackupFormat;
  std::string program;
  UtcTime at;
  std::uint64_t runs = 0;
  std::uint64_t records = 0;
  std::uint64_t blobs = 0;            ///< Named by records, each counted once.
  std::uint64_t log_count = 0;        ///< Head of the log,
  std::string log_chain;              ///< and its chain, hex.
  std::vector<std::string> problems;  ///< What did not hold in the store already when the backup was made.
  std::vector<BackupFile> files;      ///< Below store/, sorted by path.
  std::string seal;

  bool operator==(const BackupManifest&) const = default;
};
BOOST_DESCRIBE_STRUCT(BackupManifest, (),
                      (backup_format, program, at, runs, records, blobs, log_count, log_chain, problems, files, seal))

/// A further look at each run whose hashes hold, such as folding it; an error is a problem of the copy.
using CheckRun = std::function<Result<void>(const EventStore& store, const RunId& run)>;

struct BackupMaker {
  std::string program;
  UtcTime at;
  CheckRun check;  ///< May be empty.
};

/// Copies the store in `store`, which may be in use, to `folder`, where nothing is or an empty folder; checks the copy
/// like verify_all. Nothing is left in `folder` if it fails. usage: `folder` is taken, or in the store, or the other
/// way round. io: it cannot be written. store_*: the store cannot be read.
Result<BackupManifest> make_backup(const std::string& store, const std::string& folder, const BackupMaker& maker);

/// Reads all of the backup: every file, every chain. not_found: there is none. record_corrupt: it is damaged.
/// store_version: a newer program made it.
Result<BackupManifest> check_backup(const std::string& folder, const CheckRun& check);

struct Restored {
  BackupManifest manifest;
  std::string kept;  ///< Where the store is now that was there before; empty if there was none.
};

/// Checks the backup in `folder` and puts a copy of it to `store`. A store that is there is kept beside it; one with
/// records, or that cannot be opened, only with `replace`. usage: that, or the folder is no store. store_busy: it is in
/// use. Otherwise like check_backup and make_backup.
Result<Restored> restore_backup(const std::string& folder, const std::string& store, bool replace,
                                const CheckRun& check);

}  // namespace hillstar::persistence
