// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/private_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "apps/cli/environment.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"

namespace hillstar::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kLockTriesMax = 500;
constexpr std::chrono::milliseconds kLockPause{20};
constexpr mode_t kMine = S_IRUSR | S_IWUSR;

Result<void> make_folder(const fs::path& folder) {
  if (folder.empty() || ::access(folder.c_str(), F_OK) == 0) return {};
  HILLSTAR_CHECK(make_folder(folder.parent_path()));
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) return io_error(errno, "make", folder.string());
  return {};
}

Result<Descriptor> locked_folder(const fs::path& folder) {
  Descriptor open(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open.is_open()) return io_error(errno, "open", folder.string());
  for (int i = 0; i < kLockTriesMax; ++i) {
    if (::flock(open.get(), LOCK_EX | LOCK_NB) == 0) return open;
    if (errno != EWOULDBLOCK && errno != EINTR) return io_error(errno, "lock", folder.string());
    std::this_thread::sleep_for(kLockPause);
  }
  return Error{Errc::io, "Another process keeps files of this folder locked.", folder.string(), "Try again."};
}

Result<void> write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file) != 0) return io_error(errno, "write", path);
  return {};
}

Result<void> replace(const Descriptor& folder, const fs::path& path, std::string_view bytes) {
  const auto name = path.filename().string();
  const auto temporary =
      "." + name + ".new";  // One at a time: the folder is locked. What a crash left is written over.
  ::unlinkat(folder.get(), temporary.c_str(), 0);
  Descriptor file(
      ::openat(folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMine));
  if (!file.is_open()) return io_error(errno, "write", path.string());
  auto done = write_all(file.get(), bytes, path.string());
  if (done && ::renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0)
    done = io_error(errno, "replace", path.string());
  if (!done) ::unlinkat(folder.get(), temporary.c_str(), 0);
  if (done && ::fsync(folder.get()) != 0) return io_error(errno, "write", path.parent_path().string());
  return done;
}

}  // namespace

Result<void> change_private_file(const std::string& path, const Change& change) {
  std::error_code failed;
  fs::path place = path;
  if (fs::is_symlink(place, failed)) {
    place = fs::weakly_canonical(place, failed);
    if (failed) return Error{Errc::io, "The symbolic link leads nowhere: " + failed.message() + ".", path, {}};
  }
  HILLSTAR_CHECK(make_folder(place.parent_path()));
  HILLSTAR_TRY(const auto folder, locked_folder(place.parent_path()));
  std::optional<std::string> before;
  auto text = read_file(place.string(), Errc::io, kPrivateFileBytesMax);
  if (text)
    before = std::move(text).value();
  else if (text.error().code != Errc::not_found)
    return text.error();
  HILLSTAR_TRY(const auto after, change(before));
  if (!after || after == before) return {};
  return replace(folder, place, *after);
}

std::optional<std::string> too_open(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  if (found.st_uid != ::geteuid()) return path + " belongs to somebody else";
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0) return "others may use " + path + "; chmod 600 " + path;
  const auto folder = fs::path(path).parent_path().string();
  if (::stat(folder.c_str(), &found) == 0 && (found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return "others may replace files of " + folder + "; chmod go-w " + folder;
  return std::nullopt;
}

}  // namespace hillstar::cli
