// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/file_patterns.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/policy/path_patterns.hpp"

namespace hillstar::tools {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct Pattern {
  std::string text;                  ///< As written.
  std::string anchored;              ///< With a slash in front: it counts from the workspace.
  std::vector<std::string> folders;  ///< Parts before the first wildcard, the last part of the pattern excepted.
  bool plain = false;                ///< Without wildcards, and no folder.
  bool dots = false;                 ///< A part begins with a dot.
};

Error useless(const std::string& pattern, const std::string& why) {
  return {Errc::tool_parameters,
          "the file pattern '" + pattern + "' cannot be used: " + why,
          {},
          "write a path from the workspace, such as data/*.csv"};
}

Result<Pattern> pattern_of(const std::string& text) {
  if (const auto problem = policy::problem_with_pattern(text)) return useless(text, *problem);
  if (text.find('\0') != std::string::npos) return useless(text, "it has a NUL in it");
  if (text.front() == '/') return useless(text, "it is not relative");
  Pattern pattern{text, "/" + text, {}, false, false};
  pattern.plain = text.find_first_of("*?[\\") == std::string::npos && text.back() != '/';
  bool literal = true;
  for (std::size_t at = 0; at <= text.size();) {
    const auto slash = std::min(text.find('/', at), text.size());
    const auto part = text.substr(at, slash - at);
    if (part == "..") return useless(text, "it leads out of the workspace");
    if (part == "." || (part.empty() && slash < text.size())) return useless(text, "a part of it is empty or '.'");
    pattern.dots = pattern.dots || part.starts_with('.');
    literal = literal && part.find_first_of("*?[\\") == std::string::npos;
    if (literal && slash < text.size()) pattern.folders.push_back(part);
    at = slash + 1;
  }
  return pattern;
}

Error too_many(const std::string& pattern, std::size_t most, std::string_view what) {
  return {
      Errc::blob_transfer,
      "'" + pattern + "' and the patterns before it find more than " + std::to_string(most) + " " + std::string(what),
      {},
      "name the files or folders that are needed"};
}

class Search {
 public:
  Search(const std::string& workspace, std::set<std::string>& found) : workspace_(workspace), found_(found) {}

  Result<void> find(const Pattern& pattern) {
    pattern_ = &pattern;
    Descriptor folder(::open(workspace_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open()) return io_error(errno, "open", workspace_);
    std::string path;
    for (const auto& name : pattern.folders) {
      folder = Descriptor(::openat(folder.get(), name.c_str(), kFolderFlags));
      path += name + "/";
      if (!folder.is_open()) return is_absent(errno) ? absent() : io_error(errno, "open", path);
    }
    if (!pattern.plain) return walk(std::move(folder), path, pattern.folders.size());
    const auto name = pattern.text.substr(path.size());
    struct stat info {};
    if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return is_absent(errno) ? absent() : io_error(errno, "look at", pattern.text);
    if (!S_ISREG(info.st_mode)) return absent();
    return add(pattern.text);
  }

 private:
  /// A link where a folder should be counts as nothing: it is not followed.
  static bool is_absent(int number) { return number == ENOENT || number == ENOTDIR || number == ELOOP; }

  /// Patterns may find nothing; a path that somebody wrote out must be there.
  [[nodiscard]] Result<void> absent() const {
    if (!pattern_->plain) return {};
    return Error{Errc::not_found,
                 "there is no file '" + pattern_->text + "' in the workspace",
                 {},
                 "symbolic links are not followed, and a folder is written with a slash at its end"};
  }

  Result<void> add(std::string path) {
    found_.insert(std::move(path));
    if (found_.size() > kFoundFilesMax) return too_many(pattern_->text, kFoundFilesMax, "files");
    return {};
  }

  /// `depth`: folders between the workspace and this one, itself included.
  Result<void> walk(Descriptor opened, const std::string& path, std::size_t depth) {
    if (depth > kFolderDepthMax) return too_many(pattern_->text, kFolderDepthMax, "folders within each other");
    const Folder folder(::fdopendir(opened.get()));
    if (!folder) return io_error(errno, "read", path);
    const auto fd = opened.release();
    errno = 0;
    for (const auto* entry = ::readdir(folder.get()); entry != nullptr; entry = ::readdir(folder.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || (name.starts_with('.') && !pattern_->dots)) continue;
      if (++seen_ > kSeenNamesMax) return too_many(pattern_->text, kSeenNamesMax, "names to look at");
      if (auto looked = look_at(fd, name, path, depth); !looked) return looked;
      errno = 0;
    }
    if (errno != 0) return io_error(errno, "read", path);
    return {};
  }

  Result<void> look_at(int folder, const std::string& name, const std::string& path, std::size_t depth) {
    struct stat info {};
    // Gone since its name was read: as if it had never been there.
    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return errno == ENOENT ? Result<void>{} : io_error(errno, "look at", path + name);
    if (S_ISREG(info.st_mode))
      return policy::fits_path(pattern_->anchored, path + name) ? add(path + name) : Result<void>{};
    if (!S_ISDIR(info.st_mode)) return {};
    Descriptor below(::openat(folder, name.c_str(), kFolderFlags));
    if (!below.is_open()) return is_absent(errno) ? Result<void>{} : io_error(errno, "open", path + name);
    return walk(std::move(below), path + name + "/", depth + 1);
  }

  const std::string& workspace_;
  std::set<std::string>& found_;
  const Pattern* pattern_ = nullptr;
  std::size_t seen_ = 0;
};

}  // namespace

Result<std::vector<std::string>> find_files(const std::string& workspace, const std::vector<std::string>& patterns) {
  std::set<std::string> found;
  Search search(workspace, found);
  for (const auto& text : patterns) {
    const auto pattern = pattern_of(text);
    if (!pattern) return pattern.error();
    if (auto done = search.find(*pattern); !done) return done.error();
  }
  return std::vector<std::string>(found.begin(), found.end());
}

bool names_file(const std::vector<std::string>& patterns, const std::string& path) {
  // A path without wildcards is a pattern, and one that nothing is wrong with leads nowhere else.
  const auto plain = pattern_of(path);
  if (!plain || path.back() == '/') return false;
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& text) {
    const auto pattern = pattern_of(text);
    return pattern && (pattern->dots || !plain->dots) && policy::fits_path(pattern->anchored, path);
  });
}

}  // namespace hillstar::tools
