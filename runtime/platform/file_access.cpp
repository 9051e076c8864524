// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/file_access.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>

namespace hillstar {
namespace {

constexpr int kRaceRetriesMax = 64;
constexpr std::size_t kPieceBytes = 256U << 10U;
constexpr int kFolderFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;

long open_with_kernel(int folder, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long fd = -1;
  // EAGAIN: something was renamed while the kernel looked; it wants to be asked again.
  for (int i = 0; i < kRaceRetriesMax; ++i) {
    fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd;
}

/// Without openat2: one component at a time, no links, no `..`. Stricter, but as safe.
long open_by_walking(int folder, std::string_view path, int flags) {
  Descriptor at(fcntl(folder, F_DUPFD_CLOEXEC, 3));
  while (at.is_open()) {
    const auto start = path.find_first_not_of('/');
    path.remove_prefix(start == std::string_view::npos ? path.size() : start);
    const std::string part(path.substr(0, path.find('/')));
    path.remove_prefix(part.size());
    if (part == "..") return errno = EXDEV, -1;
    const char* name = part.empty() ? "." : part.c_str();
    const bool is_last = path.find_first_not_of('/') == std::string_view::npos;
    Descriptor next(openat(at.get(), name, (is_last ? flags : kFolderFlags) | O_NOFOLLOW | O_CLOEXEC));
    if (!next.is_open()) {
      // With O_DIRECTORY a link is reported as something that is no folder.
      const int error = errno;
      struct stat info {};
      const bool is_link = fstatat(at.get(), name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
      return errno = is_link ? EXDEV : error, -1;
    }
    at = std::move(next);
    if (is_last) return at.release();
  }
  return -1;
}

bool kernel_has_openat2() {
  const Descriptor here(open("/", kFolderFlags));
  const Descriptor probe(static_cast<int>(open_with_kernel(here.get(), ".", kFolderFlags)));
  return probe.is_open();
}

/// `path` without links, as far as it exists; empty on errors.
std::string canonical(const std::string& path) {
  std::error_code code;
  auto result = std::filesystem::weakly_canonical(path, code).string();
  if (code) return {};
  while (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

/// The part of `path` below `root`, or nothing. Only chooses which root to ask; the kernel then decides.
std::optional<std::string> below(const std::string& path, const std::string& root) {
  if (path == root) return ".";
  const std::string prefix = root == "/" ? root : root + "/";
  if (path.compare(0, prefix.size(), prefix) != 0) return std::nullopt;
  const auto start = path.find_first_not_of('/', prefix.size());
  return start == std::string::npos ? "." : path.substr(start);
}

std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// Makes `name` in `folder` so that it survives a power failure.
bool make_folder(int folder, const std::string& name) {
  if (mkdirat(folder, name.c_str(), 0777) != 0) return errno == EEXIST;
  const Descriptor readable(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return !readable.is_open() || fsync(readable.get()) == 0;  // a folder that we may not read cannot be synced
}

}  // namespace

FileAccess::FileAccess(std::string workspace, std::vector<std::string> allowed, Way way)
    : workspace_(without_trailing_slash(std::move(workspace))), walks_(way == Way::walk || !kernel_has_openat2()) {
  roots_.push_back(workspace_);
  for (auto& folder : allowed)
    if (!folder.empty() && folder.front() == '/') roots_.push_back(without_trailing_slash(std::move(folder)));
}

Result<std::string> FileAccess::absolute(const std::string& path) const {
  if (path.empty()) return Error(Errc::tool_parameters, "the path is empty");
  if (path.find('\0') != std::string::npos) return Error(Errc::tool_parameters, "the path contains a NUL character");
  return path.front() == '/' ? path : workspace_ + "/" + path;
}

std::vector<FileAccess::Beneath> FileAccess::places(const std::string& path, bool resolve) const {
  std::vector<Beneath> result;
  const auto full = resolve ? canonical(path) : path;
  for (const auto& root : roots_)
    if (auto rest = below(full, resolve ? canonical(root) : root)) result.push_back({root, *rest});
  return result;
}

Error FileAccess::refused(const std::string& path) const {
  const auto full = absolute(path);
  const auto resolved = full ? canonical(*full) : std::string();
  const auto folder = resolved.empty() ? std::string("DIR") : split(resolved).first;
  return Error(
      Errc::path_refused, "the path '" + path + "' leads outside the workspace '" + workspace_ + "'", {},
      "To allow it, add --allow-path " + folder + ", or \"file_access\": [\"" + folder + "\"] to the workflow.");
}

Result<Descriptor> FileAccess::open_beneath(const std::string& path, int flags) const {
  HILLSTAR_TRY(const std::string full, absolute(path));
  // First as written, which keeps the meaning of `..` behind a link; then as it resolves, which finds links from one
  // allowed folder into another.
  for (const bool resolve : {false, true}) {
    for (const auto& place : places(full, resolve)) {
      const Descriptor root(open(place.root.c_str(), kFolderFlags));
      if (!root.is_open()) {
        if (place.root == workspace_) return io_error(errno, "open the workspace", workspace_);
        continue;
      }
      const long fd = walks_ ? open_by_walking(root.get(), place.rest, flags)
                             : open_with_kernel(root.get(), place.rest.c_str(), flags);
      if (fd >= 0) return Descriptor(static_cast<int>(fd));
      if (errno != EXDEV && errno != ELOOP) return io_error(errno, "open", path);
    }
  }
  return refused(path);
}

Result<Descriptor> FileAccess::folder_beneath(const std::string& path, bool make) const {
  auto found = open_beneath(path, kFolderFlags);
  if (found || !make || found.error().code != Errc::not_found) return found;
  const auto [parent, name] = split(without_trailing_slash(path));
  if (name.empty() || parent == path) return found;
  // Bounded by the length of the path, which the kernel limits to 4096 bytes.
  HILLSTAR_TRY(const Descriptor above, folder_beneath(parent, true));
  if (!make_folder(above.get(), name)) return io_error(errno, "make the folder", path);
  return open_beneath(path, kFolderFlags);
}

Result<Descriptor> FileAccess::open_to_read(const std::string& path) const {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  HILLSTAR_TRY(Descriptor file, open_beneath(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return io_error(errno, "look at", path);
  if (S_ISDIR(info.st_mode)) return Error(Errc::io, "'" + path + "' is a folder, not a file");
  if (!S_ISREG(info.st_mode)) return Error(Errc::io, "'" + path + "' is not a regular file");
  return file;
}

Result<WritePlace> FileAccess::place_to_write(const std::string& path) const {
  std::string target = path;
  for (int links = 0; links <= kLinksMax; ++links) {
    HILLSTAR_CHECK(absolute(target));
    auto [parent, name] = split(target);
    if (name.empty() || name == "." || name == "..") return Error(Errc::io, "'" + path + "' is a folder, not a file");
    HILLSTAR_TRY(Descriptor folder, folder_beneath(parent, true));
    struct stat info {};
    if (fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) return io_error(errno, "look at", path);
      return WritePlace{std::move(folder), std::move(name)};
    }
    if (S_ISREG(info.st_mode)) return WritePlace{std::move(folder), std::move(name)};
    if (S_ISDIR(info.st_mode)) return Error(Errc::io, "'" + path + "' is a folder, not a file");
    if (!S_ISLNK(info.st_mode)) return Error(Errc::io, "'" + path + "' is not a regular file");
    std::string link(4096, '\0');
    const ssize_t length = readlinkat(folder.get(), name.c_str(), link.data(), link.size());
    if (length <= 0) return io_error(errno, "follow the link", path);
    link.resize(static_cast<std::size_t>(length));
    // The link's target is checked like any other path in the next turn.
    target = link.front() == '/' ? link : parent + "/" + link;
  }
  return io_error(ELOOP, "follow the link", path);
}

Result<std::string> FileAccess::folder(const std::string& path) const {
  HILLSTAR_TRY(const Descriptor found, folder_beneath(path.empty() ? "." : path, false));
  std::error_code code;
  auto result = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(found.get()), code);
  if (!code) return result.string();
  HILLSTAR_TRY(const std::string full, absolute(path.empty() ? "." : path));
  return canonical(full);
}

Result<void> each_piece(int file, std::uint64_t from, const std::function<Result<bool>(std::string_view)>& take,
                        const std::string& path) {
  std::string piece(kPieceBytes, '\0');
  for (auto at = from;;) {
    const auto count = ::pread(file, piece.data(), piece.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error(errno, "read", path);
    if (count == 0) return {};
    at += static_cast<std::uint64_t>(count);
    HILLSTAR_TRY(const bool more, take(std::string_view(piece).substr(0, static_cast<std::size_t>(count))));
    if (!more) return {};
  }
}

}  // namespace hillstar
