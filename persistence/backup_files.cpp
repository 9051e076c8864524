// SPDX-License-Identifier: Apache-2.0
#include "persistence/backup_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <utility>

#include "runtime/platform/file_access.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 256U << 10U;
constexpr mode_t kFileMode = S_IRUSR | S_IWUSR;

using TakePiece = std::function<Result<void>(std::string_view)>;

Result<Descriptor> open_file(const std::string& path, int flags, const char* deed) {
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, kFileMode));
  if (!file.is_open()) return io_error(errno, deed, path);
  return file;
}

Result<void> sync_file(const Descriptor& file, const std::string& path) {
  if (::fchmod(file.get(), kFileMode) != 0) return io_error(errno, "set the permissions of", path);
  if (::fsync(file.get()) != 0) return io_error(errno, "write", path);
  return {};
}

/// Hands on what comes from `file` until its end.
Result<void> read_all(const Descriptor& file, const std::string& path, const TakePiece& take) {
  std::vector<char> buffer(kPieceBytes);
  for (;;) {
    const auto got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(errno, "read", path);
    if (got == 0) return {};
    HILLSTAR_CHECK(take({buffer.data(), static_cast<std::size_t>(got)}));
  }
}

Result<void> write_all(const Descriptor& file, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::write(file.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return io_error(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<BackupFile> hash_open(const Descriptor& file, const std::string& folder, const std::string& path) {
  BackupFile result{path, 0, {}};
  Sha256Stream hash;
  HILLSTAR_CHECK(read_all(file, folder + "/" + path, [&](std::string_view piece) -> Result<void> {
    hash.append(piece);
    result.bytes += piece.size();
    return {};
  }));
  result.sha256 = hillstar::to_hex(hash.finish());
  return result;
}

Result<void> sync_folder_at(const std::string& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open()) return io_error(errno, "open", folder);
  if (::fsync(opened.get()) != 0) return io_error(errno, "write", folder);
  return {};
}

Result<void> make_folders(const fs::path& folder) {
  std::error_code failed;
  if (folder.empty() || fs::is_directory(folder, failed)) return {};
  HILLSTAR_CHECK(make_folders(folder.parent_path()));
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) return io_error(errno, "create", folder.string());
  return sync_name(folder.string());
}

Result<void> remove_inside(const std::string& folder, const std::vector<std::string_view>& names) {
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    const auto name = entry->path().filename().string();
    if (std::find(names.begin(), names.end(), name) == names.end())
      return Error(Errc::usage, "this folder is needed for unfinished work, but something else is in it: " + name + ".",
                   folder, "Move it away.");
  }
  for (const auto& name : names)
    if (!failed) fs::remove_all(fs::path(folder) / name, failed);
  if (failed) return io_error(failed.value(), "empty", folder);
  return {};
}

}  // namespace

Result<std::vector<std::string>> files_below(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code failed;
  for (fs::recursive_directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    const auto type = entry->symlink_status(failed).type();
    if (failed) break;
    if (type == fs::file_type::directory) continue;
    if (type != fs::file_type::regular)
      return Error(Errc::record_corrupt, "this is neither a file nor a folder.", entry->path().string());
    if (paths.size() == kBackupFilesMax)
      return Error(Errc::io, "there are more than " + std::to_string(kBackupFilesMax) + " files.", folder);
    paths.push_back(entry->path().lexically_relative(folder).string());
  }
  if (failed) return io_error(failed.value(), "list", folder);
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<BackupFile> hash_file(const std::string& folder, const std::string& path) {
  HILLSTAR_TRY(const auto file, open_file(folder + "/" + path, O_RDONLY, "open"));
  return hash_open(file, folder, path);
}

Result<BackupFile> settle_file(const std::string& folder, const std::string& path) {
  HILLSTAR_TRY(const auto file, open_file(folder + "/" + path, O_RDONLY, "open"));
  HILLSTAR_CHECK(sync_file(file, folder + "/" + path));
  return hash_open(file, folder, path);
}

Result<BackupFile> copy_file(const std::string& from, const std::string& to, const std::string& path) {
  const auto target = to + "/" + path;
  HILLSTAR_CHECK(make_folders(fs::path(target).parent_path()));
  HILLSTAR_TRY(const auto source, open_file(from + "/" + path, O_RDONLY, "open"));
  HILLSTAR_TRY(const auto copy, open_file(target, O_WRONLY | O_CREAT | O_EXCL, "create"));
  BackupFile result{path, 0, {}};
  Sha256Stream hash;
  HILLSTAR_CHECK(read_all(source, from + "/" + path, [&](std::string_view piece) {
    hash.append(piece);
    result.bytes += piece.size();
    return write_all(copy, target, piece);
  }));
  HILLSTAR_CHECK(sync_file(copy, target));
  result.sha256 = hillstar::to_hex(hash.finish());
  return result;
}

Result<void> write_new_file(const std::string& path, std::string_view bytes) {
  HILLSTAR_TRY(const auto file, open_file(path, O_WRONLY | O_CREAT | O_EXCL, "create"));
  HILLSTAR_CHECK(write_all(file, path, bytes));
  return sync_file(file, path);
}

Result<void> settle_folders(const std::string& folder) {
  std::vector<std::string> folders{folder};
  std::error_code failed;
  for (fs::recursive_directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    if (entry->is_directory(failed)) folders.push_back(entry->path().string());
  if (failed) return io_error(failed.value(), "list", folder);
  for (const auto& one : folders) {
    if (::chmod(one.c_str(), S_IRWXU) != 0) return io_error(errno, "set the permissions of", one);
    HILLSTAR_CHECK(sync_folder_at(one));
  }
  return {};
}

Result<void> sync_name(const std::string& path) {
  const auto parent = fs::path(path).parent_path().string();
  return sync_folder_at(parent.empty() ? "." : parent);
}

Result<WorkFolder> WorkFolder::make(const std::string& path, const std::vector<std::string_view>& names) {
  HILLSTAR_CHECK(make_folders(fs::path(path).parent_path()));
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return io_error(errno, "create", path);
  Descriptor lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!lock.is_open()) return io_error(errno, "open", path);
  struct stat held {};
  struct stat named {};
  const bool locked = ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
  // Whoever worked here may have given it its name, or removed it, before the lock was ours.
  const bool same = locked && ::fstat(lock.get(), &held) == 0 && ::lstat(path.c_str(), &named) == 0 &&
                    held.st_ino == named.st_ino && held.st_dev == named.st_dev;
  if (!same)
    return Error(Errc::store_busy, "another process works in this folder.", path, "Try again when it is done.");
  HILLSTAR_CHECK(remove_inside(path, names));
  return WorkFolder(path, std::move(lock));
}

WorkFolder::WorkFolder(WorkFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

WorkFolder::~WorkFolder() {
  if (path_.empty()) return;
  std::error_code ignored;  // what is left is removed by the next one
  fs::remove_all(path_, ignored);
}

Result<void> WorkFolder::put(const std::string& target) {
  if (std::rename(path_.c_str(), target.c_str()) != 0)
    return io_error(errno, "give the finished folder the name", target);
  path_.clear();
  return sync_name(target);
}

Result<void> WorkFolder::swap(const std::string& target, const std::string& kept) {
  // Whole under the name that the old folder gets: wherever this ends, each name holds something whole.
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, kept.c_str(), RENAME_NOREPLACE) != 0)
    return io_error(errno, "give the finished folder the name", kept);
  path_ = kept;
  if (::renameat2(AT_FDCWD, kept.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
    auto error = io_error(errno, "exchange folders with", target);
    error.hint = "Nothing was changed. Move the old store away yourself, then restore again.";
    return error;
  }
  path_.clear();
  return sync_name(target);
}

}  // namespace hillstar::persistence
