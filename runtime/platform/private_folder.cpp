// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/private_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "runtime/platform/file_access.hpp"

namespace hillstar {
namespace {

namespace fs = std::filesystem;

constexpr int kLockTriesMax = 500;
constexpr std::chrono::milliseconds kLockPause{20};
constexpr std::size_t kReadBytes = 64U << 10U;

}  // namespace

Result<void> make_private_folders(const std::string& path) {
  if (path.empty() || ::access(path.c_str(), F_OK) == 0) return {};
  HILLSTAR_CHECK(make_private_folders(fs::path(path).parent_path().string()));
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return io_error(errno, "make", path);
  return {};
}

Result<PrivateFolder> PrivateFolder::open(const std::string& path, bool make) {
  if (make) HILLSTAR_CHECK(make_private_folders(fs::path(path).lexically_normal().string()));
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return io_error(errno, "open", path);
  for (int i = 0; i < kLockTriesMax; ++i) {
    if (::flock(folder.get(), LOCK_EX | LOCK_NB) == 0) return PrivateFolder(path, std::move(folder));
    if (errno != EWOULDBLOCK && errno != EINTR) return io_error(errno, "lock", path);
    std::this_thread::sleep_for(kLockPause);
  }
  return Error{Errc::io, "Another process keeps files of this folder locked.", path, "Try again."};
}

Result<std::string> PrivateFolder::read(const std::string& name) const {
  const Descriptor file(::openat(folder_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.is_open()) return io_error(errno, "read", at(name));
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return io_error(errno, "read", at(name));
  if (!S_ISREG(found.st_mode)) return Error{Errc::io, "This is not a file.", at(name), {}};
  std::string text;
  for (;;) {
    const auto before = text.size();
    if (before > kFileBytesMax) return Error{Errc::too_large, "The file is too large.", at(name), {}};
    text.resize(before + kReadBytes);
    const auto count = ::read(file.get(), text.data() + before, kReadBytes);
    if (count < 0 && errno != EINTR) return io_error(errno, "read", at(name));
    text.resize(before + static_cast<std::size_t>(count < 0 ? 0 : count));
    if (count == 0) return text;
  }
}

Result<std::string> PrivateFolder::read_or_empty(const std::string& name) const {
  auto text = read(name);
  if (!text && text.error().code == Errc::not_found) return std::string();
  return text;
}

Result<void> PrivateFolder::write(const std::string& name, std::string_view bytes, bool is_secret) const {
  // One at a time: the folder is locked. What a crash left is written over.
  const auto temporary = "." + name + ".new";
  ::unlinkat(folder_.get(), temporary.c_str(), 0);
  const mode_t mode = S_IRUSR | S_IWUSR | (is_secret ? 0U : S_IRGRP | S_IROTH);
  const Descriptor file(
      ::openat(folder_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file.is_open()) return io_error(errno, "write", at(name));
  auto done = write_all(file.get(), bytes, at(name));
  if (done && ::fsync(file.get()) != 0) done = io_error(errno, "write", at(name));
  if (done && ::renameat(folder_.get(), temporary.c_str(), folder_.get(), name.c_str()) != 0)
    done = io_error(errno, "replace", at(name));
  if (!done) ::unlinkat(folder_.get(), temporary.c_str(), 0);
  if (done && ::fsync(folder_.get()) != 0) return io_error(errno, "write", path_);
  return done;
}

Result<void> PrivateFolder::remove(const std::string& name) const {
  if (::unlinkat(folder_.get(), name.c_str(), 0) != 0 && errno != ENOENT) return io_error(errno, "remove", at(name));
  if (::fsync(folder_.get()) != 0) return io_error(errno, "write", path_);
  return {};
}

bool PrivateFolder::has(const std::string& name) const {
  return ::faccessat(folder_.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace hillstar
