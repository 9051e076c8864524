// SPDX-License-Identifier: Apache-2.0
#include "actors/output_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>

#include "runtime/platform/file_access.hpp"

namespace hillstar::actors {
namespace {

using run::FileOperation;
using Kind = FileOperation::Kind;

constexpr mode_t kFileMode = 0666;
constexpr mode_t kFolderMode = 0777;
constexpr std::size_t kHeadBytes = 4'096;  // of a file, to see who wrote it
constexpr std::size_t kCopyBytes = 64 * 1024;
constexpr std::size_t kRunIdSize = 26;
constexpr int kFolder = O_PATH | O_DIRECTORY | O_CLOEXEC;

Error failed(const std::string& deed, const std::string& path) { return io_error(errno, deed, path); }

/// With its parents, like `mkdir -p`.
Result<void> make_folders(const std::string& path) {
  for (auto slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const auto part = path.substr(0, slash);
    if (!part.empty() && ::mkdir(part.c_str(), kFolderMode) != 0 && errno != EEXIST) return failed("create", part);
    if (slash == std::string::npos) return {};
  }
}

Result<void> copy_bytes(int from, int to, const std::string& path) {
  std::array<char, kCopyBytes> buffer;
  for (;;) {
    const auto got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) return {};
    HILLSTAR_CHECK(write_all(to, {buffer.data(), static_cast<std::size_t>(got)}, path));
  }
}

}  // namespace

Result<OutputFolder> OutputFolder::open(const std::string& folder, const std::string& workspace) {
  const bool inside = !workspace.empty() && folder.starts_with(workspace + "/");
  if (!inside) {
    HILLSTAR_CHECK(make_folders(folder));
    Descriptor root(::open(folder.c_str(), kFolder));
    if (!root.is_open()) return failed("open", folder);
    return OutputFolder(std::move(root), folder);
  }
  Descriptor from(::open(workspace.c_str(), kFolder));
  if (!from.is_open()) return failed("open", workspace);
  HILLSTAR_TRY(auto root, walk(std::move(from), folder.substr(workspace.size() + 1), workspace, true));
  return OutputFolder(std::move(root), folder);
}

/// From an open folder down a path, without following a link.
Result<Descriptor> OutputFolder::walk(Descriptor from, const std::string& path, const std::string& shown, bool make) {
  auto here = std::move(from);
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    const auto whole = shown + "/" + path.substr(0, end);
    at = end + 1;
    if (part.empty()) continue;
    int next = ::openat(here.get(), part.c_str(), kFolder | O_NOFOLLOW);
    if (next < 0 && errno == ENOENT && make) {
      if (::mkdirat(here.get(), part.c_str(), kFolderMode) != 0 && errno != EEXIST) return failed("create", whole);
      next = ::openat(here.get(), part.c_str(), kFolder | O_NOFOLLOW);
    }
    struct stat found {};
    const int number = errno;
    if (next < 0 && ::fstatat(here.get(), part.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(found.st_mode))
      return Error{Errc::io, "cannot write below '" + whole + "': it is a symbolic link, which a script may have laid",
                   whole, "Name the folder itself as the output folder."};
    errno = number;
    if (next < 0) return failed("open", whole);
    here = Descriptor(next);
  }
  return here;
}

Result<OutputFolder::Place> OutputFolder::place(const std::string& path, bool make) const {
  const auto slash = path.rfind('/');
  Descriptor from(::openat(root_.get(), ".", kFolder));
  if (!from.is_open()) return failed("open", shown_);
  HILLSTAR_TRY(auto folder,
               walk(std::move(from), slash == std::string::npos ? "" : path.substr(0, slash), shown_, make));
  return Place{std::move(folder), path.substr(slash == std::string::npos ? 0 : slash + 1), shown_ + "/" + path};
}

Result<Descriptor> OutputFolder::open_file(const Place& place, int flags) {
  for (;;) {
    const int fd = ::openat(place.folder.get(), place.name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, kFileMode);
    if (fd >= 0) return Descriptor(fd);
    if (errno != EINTR) return failed((flags & O_CREAT) != 0 ? "write" : "read", place.shown);
  }
}

/// Fills a temporary file beside the place and moves it there.
template <class Fill>
Result<void> OutputFolder::replace(const Place& place, const FileOperation& operation, const Fill& fill) {
  // A run has one exporter: what a crash left of its own file is overwritten. A name that runs share may be written by
  // several processes at once; one process has one exporter.
  const bool shared = !operation.newest_of.empty();
  const auto temporary = place.name + (shared ? "." + std::to_string(::getpid()) : std::string()) + ".tmp";
  const int folder = place.folder.get();
  const auto write = [&]() -> Result<void> {
    const Descriptor file(
        ::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kFileMode));
    if (!file.is_open()) return failed("write", place.shown);
    HILLSTAR_CHECK(fill(file.get()));
    if (operation.durable && ::fsync(file.get()) != 0) return failed("sync", place.shown);
    if (::renameat(folder, temporary.c_str(), folder, place.name.c_str()) != 0) return failed("replace", place.shown);
    return {};
  };
  if (auto written = write(); !written) {
    ::unlinkat(folder, temporary.c_str(), 0);
    return written;
  }
  if (!operation.durable) return {};
  const Descriptor opened(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || ::fsync(opened.get()) != 0) return failed("sync", place.shown);
  return {};
}

std::string OutputFolder::writer_of(const Place& place) {
  const Descriptor file(
      ::openat(place.folder.get(), place.name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.is_open()) return {};
  std::string head(kHeadBytes, '\0');
  const auto got = ::read(file.get(), head.data(), head.size());
  head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  for (const std::string_view mark : {"\"run\": \"", "\n Run: "})
    if (const auto at = head.find(mark); at != std::string::npos && at + mark.size() + kRunIdSize <= head.size())
      return head.substr(at + mark.size(), kRunIdSize);
  return {};
}

std::string OutputFolder::writer_of(const std::string& path) const {
  const auto found = place(path, false);
  return found ? writer_of(*found) : std::string();
}

bool OutputFolder::has(const std::string& path) const {
  const auto found = place(path, false);
  return found && ::faccessat(found->folder.get(), found->name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/// Moves a file that no run of ours wrote to a free name beside it.
Result<void> OutputFolder::keep(const Place& place) {
  const int folder = place.folder.get();
  for (int i = 1; i <= kKeptMax; ++i) {
    const auto kept = place.name + ".kept_" + std::to_string(i);
    // linkat() refuses a name that exists; renameat() would not.
    if (::linkat(folder, place.name.c_str(), folder, kept.c_str(), 0) == 0) return {};
    if (errno == EPERM && ::faccessat(folder, kept.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) {  // no hard links here
      if (::renameat(folder, place.name.c_str(), folder, kept.c_str()) == 0) return {};
      return failed("keep the old", place.shown);
    }
    if (errno != EEXIST && errno != EPERM) return failed("keep the old", place.shown);
  }
  return Error{Errc::io, "there are too many kept files beside '" + place.shown + "'", place.shown,
               "Move them elsewhere."};
}

/// Whether a stable name is this run's to write; keeps what another program left there.
Result<bool> OutputFolder::may_take(const Place& place, const RunId& run) {
  struct stat status {};
  if (::fstatat(place.folder.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? Result<bool>(true) : failed("open", place.shown);
  if (!S_ISREG(status.st_mode)) return true;  // a symbolic link: what it leads to stays
  const auto writer = writer_of(place);
  if (writer > run.str()) return false;  // run ids sort by time
  if (writer.empty()) HILLSTAR_CHECK(keep(place));
  return true;
}

Result<void> OutputFolder::carry_out(const FileOperation& operation) const {
  if (operation.kind == Kind::make_folder) {
    HILLSTAR_TRY(const auto inside, place(operation.path + "/", true));
    return {};
  }
  HILLSTAR_TRY(const auto target, place(operation.path, true));
  if (!operation.newest_of.empty()) {
    HILLSTAR_TRY(const auto mine, may_take(target, operation.newest_of));
    if (!mine) return {};
  }
  if (operation.kind == Kind::append) {
    HILLSTAR_TRY(const auto file, open_file(target, O_WRONLY | O_CREAT | O_APPEND));
    return write_all(file.get(), operation.text, target.shown);
  }
  if (operation.kind == Kind::replace)
    return replace(target, operation, [&](int fd) { return write_all(fd, operation.text, target.shown); });
  HILLSTAR_TRY(const auto source, place(operation.from, false));
  HILLSTAR_TRY(const auto from, open_file(source, O_RDONLY));
  return replace(target, operation, [&](int fd) { return copy_bytes(from.get(), fd, target.shown); });
}

}  // namespace hillstar::actors
