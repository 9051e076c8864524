// SPDX-License-Identifier: Apache-2.0
// Opens files beneath the folders that a run may use, and nothing else.
//
// The kernel decides (openat2 with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS), never a comparison of strings: a
// symbolic link may be swapped at any moment. Links that stay beneath work, those that lead out are refused.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar {

/// Symbolic links that one path to be written may lead through.
inline constexpr int kLinksMax = 16;

/// Where a file is to be written: an open folder and the name in it.
struct WritePlace {
  Descriptor folder;
  std::string name;
};

/// Immutable, thread-safe. Errors: path_refused (its hint says how to allow the path), not_found, permission_denied,
/// tool_parameters (no path at all, or one with a NUL) and io.
class FileAccess {
 public:
  /// `walk` opens folder by folder and lets the kernel follow no link: for kernels without openat2 (before 5.6).
  enum class Way { best, walk };

  /// @param workspace  absolute; relative paths start here
  /// @param allowed    absolute folders beyond it; those that do not exist are passed over
  FileAccess(std::string workspace, std::vector<std::string> allowed, Way way = Way::best);

  /// Opens a regular file for reading; folders, pipes and devices are errors and never block.
  [[nodiscard]] Result<Descriptor> open_to_read(const std::string& path) const;
  /// Finds the folder and name to write, following links of the last component; makes missing folders durably.
  [[nodiscard]] Result<WritePlace> place_to_write(const std::string& path) const;
  /// Checks that a folder exists beneath and returns its absolute path without links.
  [[nodiscard]] Result<std::string> folder(const std::string& path) const;

 private:
  struct Beneath {
    std::string root;
    std::string rest;  ///< Relative to root; `.` for the root itself.
  };
  [[nodiscard]] Result<std::string> absolute(const std::string& path) const;
  [[nodiscard]] std::vector<Beneath> places(const std::string& path, bool resolve) const;
  [[nodiscard]] Result<Descriptor> open_beneath(const std::string& path, int flags) const;
  [[nodiscard]] Result<Descriptor> folder_beneath(const std::string& path, bool make) const;
  [[nodiscard]] Error refused(const std::string& path) const;

  std::string workspace_;
  std::vector<std::string> roots_;  ///< The workspace first.
  bool walks_;
};

/// Replaces the file at `place` in one step: all of `bytes` or the old file, also after a power failure. Keeps the mode
/// of an existing file; a new one gets 0666 without the umask. Hard links to the old file keep the old content.
/// Nothing is left behind on failure. `path` is for messages. Errors: permission_denied, io.
Result<void> replace_file(const WritePlace& place, std::string_view bytes, const std::string& path);

/// All of them, also if a signal comes between. `path` is for the message.
Result<void> write_all(int file, std::string_view bytes, const std::string& path);

/// Hands on what an open file holds from byte `from` on, piece by piece, until `take` wants no more of it. `path` is
/// for the message. Errors: io and those of `take`.
Result<void> each_piece(int file, std::uint64_t from, const std::function<Result<bool>(std::string_view)>& take,
                        const std::string& path);

/// `No such file or directory` and the like, in lower case, for messages.
std::string errno_text(int number);
/// The Error for a failed system call: `cannot <deed> '<path>': <reason>`.
Error io_error(int number, const std::string& deed, const std::string& path);

}  // namespace hillstar
