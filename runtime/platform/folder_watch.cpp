// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/folder_watch.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "messages/json.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar {
namespace {

constexpr std::size_t kPieceBytes = 1U << 20U;
constexpr std::size_t kComplaintsMax = 1'000;

std::int64_t nanos(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

Error refused(const std::string& path, const std::string& what) {
  return {Errc::io, "The watched " + what + ": " + std::strerror(errno) + ".", path};
}

bool same_folder(int descriptor, const std::string& path) {
  struct stat open {};
  struct stat there {};
  return ::fstat(descriptor, &open) == 0 && ::stat(path.c_str(), &there) == 0 && open.st_ino == there.st_ino &&
         open.st_dev == there.st_dev;
}

}  // namespace

FolderWatch::FolderWatch(FolderRules rules, const Clock& clock) : rules_(std::move(rules)), clock_(clock) {}

void FolderWatch::complain(FolderLook& look, const std::string& about, Error error) {
  if (complaints_.size() >= kComplaintsMax) return;
  const auto [entry, is_new] = complaints_.emplace(about, true);
  entry->second = true;
  if (is_new) look.problems.push_back(std::move(error));
}

void FolderWatch::close_folder() {
  folder_ = Descriptor();
  inotify_ = Descriptor();
  known_.clear();
}

bool FolderWatch::open_folder(FolderLook& look) {
  if (folder_.get() >= 0 && same_folder(folder_.get(), rules_.folder)) return true;
  close_folder();
  // The watch comes first: what happens between it and the first look is told.
  Descriptor inotify(rules_.inotify ? ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1);
  const bool told = inotify.get() >= 0 && ::inotify_add_watch(inotify.get(), rules_.folder.c_str(),
                                                              IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB |
                                                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) >= 0;
  folder_ = Descriptor(::open(rules_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder_.get() < 0) {
    complain(look, "folder", refused(rules_.folder, "folder cannot be read"));
    return false;
  }
  if (told) inotify_ = std::move(inotify);
  return true;
}

void FolderWatch::drain() {
  std::array<char, 16'384> buffer{};
  // What happened, the look will see. Bounded, so that no writer keeps us here.
  for (int i = 0; i < 64 && inotify_.get() >= 0; ++i)
    if (::read(inotify_.get(), buffer.data(), buffer.size()) <= 0) return;
}

void FolderWatch::see(const std::string& name) {
  struct stat file {};
  if (::fstatat(folder_.get(), name.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(file.st_mode)) return;
  auto& known = known_[name];
  known.present = true;
  if (known.inode == file.st_ino && known.size == file.st_size && known.changed == nanos(file.st_ctim)) return;
  known.inode = file.st_ino;
  known.size = file.st_size;
  known.changed = nanos(file.st_ctim);
  known.modified = UtcTime{nanos(file.st_mtim) / 1000};
  known.since = clock_.steady_now();
  known.sha256.clear();
  known.handed_out = false;
}

/// False if the folder has too many files.
bool FolderWatch::scan(FolderLook& look) {
  for (auto& [name, file] : known_) file.present = false;
  const int copy = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy >= 0 ? ::fdopendir(copy) : nullptr, &::closedir);
  if (!entries) {
    complain(look, "folder", refused(rules_.folder, "folder cannot be read"));
    if (copy >= 0) ::close(copy);
    return false;
  }
  std::size_t count = 0;
  while (const auto* entry = ::readdir(entries.get())) {
    const std::string name(entry->d_name);
    const char* pattern = rules_.pattern.empty() ? "*" : rules_.pattern.c_str();
    if (name == "." || name == ".." || ::fnmatch(pattern, name.c_str(), FNM_PERIOD) != 0) continue;
    if (++count > kWatchedFilesMax) {
      complain(look, "count",
               Error(Errc::output_limit,
                     "The watched folder has more than " + std::to_string(kWatchedFilesMax) + " files that fit.",
                     rules_.folder, "Move away what was dealt with; until then nothing more is."));
      return false;
    }
    if (json::is_utf8(name))
      see(name);
    else
      complain(look, name, Error(Errc::io, "A file whose name is not UTF-8 is passed over.", rules_.folder));
  }
  std::erase_if(known_, [](const auto& entry) { return !entry.second.present; });
  return true;
}

Millis FolderWatch::rest_of(const Known& file) const {
  const auto seen = std::chrono::duration_cast<Millis>(clock_.steady_now() - file.since);
  const auto age = clock_.utc_now() - UtcTime{file.changed / 1000};
  return std::max(Millis(0), rules_.settle - std::max(seen, age));
}

bool FolderWatch::read(const std::string& name, Known& file, FolderLook& look, const std::function<bool()>& is_over) {
  const Descriptor open(::openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (open.get() < 0) {
    // Gone, or not ours to read; a change of its rights is told.
    if (errno != ENOENT) complain(look, name, refused(rules_.folder + "/" + name, "file cannot be read"));
    return false;
  }
  Sha256Stream hash;
  std::string piece(kPieceBytes, '\0');
  while (!is_over()) {
    const auto size = ::read(open.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      complain(look, name, refused(rules_.folder + "/" + name, "file cannot be read"));
      return false;
    }
    if (size > 0) {
      hash.append(std::string_view(piece.data(), static_cast<std::size_t>(size)));
      continue;
    }
    struct stat after {};
    const bool unchanged = ::fstat(open.get(), &after) == 0 && after.st_ino == file.inode &&
                           after.st_size == file.size && nanos(after.st_ctim) == file.changed;
    // Changed while it was read: the next look sees it as it is then.
    if (!unchanged) return false;
    file.sha256 = to_hex(hash.finish());
    return true;
  }
  return false;
}

void FolderWatch::hand_out(FolderLook& look, const std::function<bool()>& is_over) {
  for (auto& [name, file] : known_) {
    if (file.handed_out) continue;
    const auto rest = rest_of(file);
    if (rest > Millis(0)) {
      look.wait = std::min(look.wait, rest);
      continue;
    }
    if (is_over()) return;
    if (look.files.size() == kFilesPerLook) {
      look.wait = Millis(0);
      return;
    }
    if (file.sha256.empty() && !read(name, file, look, is_over)) {
      look.wait = std::min(look.wait, kWatchPoll);
      continue;
    }
    file.handed_out = true;
    look.files.push_back(
        {rules_.folder + "/" + name, name, static_cast<std::uint64_t>(file.size), file.modified, file.sha256});
  }
}

FolderLook FolderWatch::look(const std::function<bool()>& is_over) {
  FolderLook look;
  for (auto& [about, said] : complaints_) said = false;
  drain();
  if (open_folder(look) && scan(look)) {
    look.wait = inotify_.get() >= 0 ? kWatchCheck : kWatchPoll;
    hand_out(look, is_over);
  } else {
    look.wait = kWatchPoll;
  }
  std::erase_if(complaints_, [](const auto& entry) { return !entry.second; });
  return look;
}

void FolderWatch::again(const std::string& name) {
  const auto found = known_.find(name);
  if (found != known_.end()) found->second.handed_out = false;
}

}  // namespace hillstar
