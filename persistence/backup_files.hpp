// SPDX-License-Identifier: Apache-2.0
// Files of a backup: hashed, copied, made durable, and built in a folder that gets its name when it is whole.
// Internal to persistence.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar::persistence {

/// Files that one backup may have: those of the database, and one for each blob over 1 MiB.
inline constexpr std::size_t kBackupFilesMax = 200'000;

struct BackupFile {
  std::string path;  ///< Relative to the store's folder.
  std::uint64_t bytes = 0;
  std::string sha256;

  bool operator==(const BackupFile&) const = default;
};
BOOST_DESCRIBE_STRUCT(BackupFile, (), (path, bytes, sha256))

/// Paths of all files below `folder`, relative to it, sorted. record_corrupt if there is anything but files and
/// folders, io if they cannot be listed or are too many.
Result<std::vector<std::string>> files_below(const std::string& folder);
/// Size and hash of `folder/path`. io if it cannot be read.
Result<BackupFile> hash_file(const std::string& folder, const std::string& path);
/// The same; makes the file its owner's alone (0600) and durable before.
Result<BackupFile> settle_file(const std::string& folder, const std::string& path);
/// Copies `from/path` to `to/path`, durable, 0600, in folders of 0700. Returns what was copied.
Result<BackupFile> copy_file(const std::string& from, const std::string& to, const std::string& path);
/// A new file, durable, 0600.
Result<void> write_new_file(const std::string& path, std::string_view bytes);
/// Makes all folders from `folder` down their owner's alone (0700) and their names durable.
Result<void> settle_folders(const std::string& folder);
/// Makes the name of `path` durable.
Result<void> sync_name(const std::string& path);

/// A folder under construction. One process at a time works in it; it is removed unless it was put into place.
class WorkFolder {
 public:
  /// Makes `path` (0700) with the folders above it. What a killed process left there is removed, if it is nothing but
  /// `names`. store_busy: another process works in it; usage: it holds something else; io.
  static Result<WorkFolder> make(const std::string& path, const std::vector<std::string_view>& names);
  ~WorkFolder();
  WorkFolder(WorkFolder&& other) noexcept;
  WorkFolder& operator=(WorkFolder&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Gives it the name `target`, where nothing is or an empty folder. Durable.
  Result<void> put(const std::string& target);
  /// Puts it in the place of the folder `target` in one step; what was there becomes `kept`, where nothing is. Durable.
  Result<void> swap(const std::string& target, const std::string& kept);

 private:
  WorkFolder(std::string path, Descriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  Descriptor lock_;
};

}  // namespace hillstar::persistence
