// SPDX-License-Identifier: Apache-2.0
// A file system that forgets, at a power cut, what was not synced.
//
// Everything goes to real files at once; beside them it keeps what a disk would be sure of: for each file how many
// bytes were synced, for each folder which creates, renames and deletes happened since its last sync. restore() then
// takes back what a cut may take back: of each file none, a part or all of the unsynced tail; of each folder the last
// names.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <vector>

namespace hillstar::testing {

enum class Fault { none, power, io_error, no_space };

class CrashFs final : public rocksdb::FileSystemWrapper {
 public:
  struct Plan {
    Fault fault = Fault::none;
    std::uint64_t at = 0;       ///< The changing operation, counted from 1, at which it happens.
    bool ignores_sync = false;  ///< Control: a disk that lies about syncs.
    std::string graves = {};    ///< Folder for replaced files, on the same file system, empty for each life.
  };
  CrashFs(const std::shared_ptr<rocksdb::FileSystem>& target, Plan plan);

  const char* Name() const override { return "CrashFs"; }

  /// Changing operations so far.
  [[nodiscard]] std::uint64_t operations() const;
  [[nodiscard]] bool happened() const;
  /// From now on every change fails, as at a power cut.
  void cut();
  /// Takes back what the disk is not sure of. Nothing passes afterwards: the next life has a file system of its own.
  void restore(std::mt19937_64& dice);

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  /// Free at once: a store that failed is not closed, as its process is to end.
  rocksdb::IOStatus LockFile(const std::string& name, const rocksdb::IOOptions& options, rocksdb::FileLock** lock,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus UnlockFile(rocksdb::FileLock* lock, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;

 private:
  friend class CrashFile;
  friend class CrashFolder;
  enum class Kind { created, renamed, deleted };
  struct Change {
    Kind kind = Kind::created;
    std::string folder;
    std::string name;
    std::string from;   ///< renamed: the old name.
    std::string grave;  ///< Where the file is kept that `name` was before; empty if none.
    std::uint64_t grave_synced = 0;
  };

  /// Counts a change; not ok if it is not to happen.
  rocksdb::IOStatus pass();
  void grew(const std::string& name, std::uint64_t size);
  void synced(const std::string& name);
  void folder_synced(const std::string& folder);
  /// How much of a file that exists survives a cut for certain.
  [[nodiscard]] std::uint64_t durable_bytes(const std::string& name) const;
  /// The file under `from` is called `to` from now on.
  void move_sizes(const std::string& from, const std::string& to);
  /// Moves the file out of the way, where restore() finds it. Returns the change's grave.
  std::string bury(const std::string& name);
  void take_back(const Change& change);
  static std::string folder_of(const std::string& name) { return name.substr(0, name.rfind('/')); }

  std::shared_mutex gate_;  ///< Shared by each change while it lasts; restore() waits. Before mutex_.
  mutable std::mutex mutex_;
  const Plan plan_;
  std::uint64_t operations_ = 0;
  bool happened_ = false;
  bool off_ = false;
  std::uint64_t buried_ = 0;
  struct Sizes {
    std::uint64_t written = 0;
    std::uint64_t synced = 0;
  };
  std::map<std::string, Sizes> files_;
  std::vector<Change> changes_;  ///< Names that are not durable yet, oldest first.
};

/// An Env on this file system whose sleeps take no time.
std::shared_ptr<rocksdb::Env> crash_env(const std::shared_ptr<CrashFs>& files);

}  // namespace hillstar::testing
