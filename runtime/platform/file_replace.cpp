// SPDX-License-Identifier: Apache-2.0
// Writes a file so that nobody ever sees half of it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "runtime/platform/file_access.hpp"
#include "runtime/platform/signal_block.hpp"

namespace hillstar {
namespace {

constexpr int kTemporaryNamesMax = 1000;

/// A file beside the target that disappears unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(int folder) : folder_(folder) {
    // O_EXCL makes the name ours; one that a crash left behind only costs the next number.
    for (int i = 0; i < kTemporaryNamesMax && !file_.is_open(); ++i) {
      name_ = ".hillstar-" + std::to_string(getpid()) + "-" + std::to_string(i) + ".tmp";
      file_ = Descriptor(openat(folder_, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
      if (!file_.is_open() && errno != EEXIST && errno != EINTR) return;
    }
  }
  ~TemporaryFile() {
    if (file_.is_open() && !is_renamed_) unlinkat(folder_, name_.c_str(), 0);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] int get() const { return file_.get(); }
  [[nodiscard]] bool is_open() const { return file_.is_open(); }
  bool rename_to(const std::string& name) {
    is_renamed_ = renameat(folder_, name_.c_str(), folder_, name.c_str()) == 0;
    return is_renamed_;
  }

 private:
  int folder_;
  std::string name_;
  Descriptor file_;
  bool is_renamed_ = false;
};

/// A copy of the old file's owner and mode, as far as we may.
bool take_over_mode(int fd, const struct stat& old) {
  struct stat now {};
  if (fstat(fd, &now) != 0) return false;
  const bool is_owner_kept =
      (now.st_uid == old.st_uid && now.st_gid == old.st_gid) || fchown(fd, old.st_uid, old.st_gid) == 0;
  // Set-user-id bits must not pass to another owner.
  return fchmod(fd, old.st_mode & (is_owner_kept ? 07777U : 0777U)) == 0;
}

}  // namespace

std::string errno_text(int number) {
  char buffer[256];
  std::string text = strerror_r(number, buffer, sizeof buffer);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

Error io_error(int number, const std::string& deed, const std::string& path) {
  Errc code = Errc::io;
  if (number == ENOENT || number == ENOTDIR) code = Errc::not_found;
  if (number == EACCES || number == EPERM || number == EROFS) code = Errc::permission_denied;
  return Error(code, "cannot " + deed + " '" + path + "': " + errno_text(number));
}

Result<void> write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> replace_file(const WritePlace& place, std::string_view bytes, const std::string& path) {
  const SignalBlock no_sigxfsz(SIGXFSZ);  // a file size limit shall be an error here, not the end of the process
  struct stat old {};
  const bool existed = fstatat(place.folder.get(), place.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  // Renaming needs no right to the old file; writing in place would, so a read-only file stays protected.
  if (existed && faccessat(place.folder.get(), place.name.c_str(), W_OK, AT_EACCESS) != 0)
    return io_error(errno, "write", path);
  TemporaryFile file(place.folder.get());
  if (!file.is_open()) return io_error(errno, "create a temporary file beside", path);
  HILLSTAR_CHECK(write_all(file.get(), bytes, path));
  if (existed && !take_over_mode(file.get(), old)) return io_error(errno, "keep the mode of", path);
  if (fsync(file.get()) != 0) return io_error(errno, "write to the disk", path);
  if (!file.rename_to(place.name)) return io_error(errno, "replace", path);
  const Descriptor readable(openat(place.folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (readable.is_open() && fsync(readable.get()) != 0) return io_error(errno, "write to the disk the folder of", path);
  return {};
}

}  // namespace hillstar
