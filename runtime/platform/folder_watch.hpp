// SPDX-License-Identifier: Apache-2.0
// Files that arrive in a folder, each handed out once it rests. One thread uses a watch at a time; many watches can
// share one thread, which waits for their descriptors.
//
// inotify says that something happened, a look at the folder says what: nothing is lost if inotify is not there, if its
// queue runs over, or if the folder goes away and comes back. Links and names that begin with a dot do not count.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar {

/// Files of one folder; a folder with more is not watched.
inline constexpr std::size_t kWatchedFilesMax = 100'000;
/// Files that one look hands out.
inline constexpr std::size_t kFilesPerLook = 64;
/// Between looks at a folder that inotify does not tell about, or that is not there.
inline constexpr Millis kWatchPoll{2'000};
/// Between looks at one that it does.
inline constexpr Millis kWatchCheck{60'000};

struct FolderRules {
  std::string folder;   ///< Absolute.
  std::string pattern;  ///< Of names, as fnmatch(3) reads them; empty: all.
  Millis settle{2'000};
  bool inotify = true;  ///< False: only looks.
};

/// A file that has not changed for FolderRules::settle.
struct SettledFile {
  std::string path;
  std::string name;
  std::uint64_t bytes = 0;
  UtcTime modified;
  std::string sha256;  ///< Of its content, in hex.
};

struct FolderLook {
  std::vector<SettledFile> files;  ///< In the order of their names.
  std::vector<Error> problems;     ///< Each said once until it is over.
  Millis wait{0};                  ///< Until the next look, unless the descriptor has something to say before.
};

class FolderWatch {
 public:
  FolderWatch(FolderRules rules, const Clock& clock);

  /// `is_over` is asked between pieces of large files; true ends the look.
  FolderLook look(const std::function<bool()>& is_over);
  /// The file is handed out again by the next look: nobody could take it.
  void again(const std::string& name);
  /// Readable if something happened in the folder; -1 if nothing will say so.
  [[nodiscard]] int descriptor() const { return inotify_.get(); }

 private:
  struct Known {
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t changed = 0;  ///< ctime in nanoseconds: nothing can set it back.
    UtcTime modified;
    std::chrono::steady_clock::time_point since;  ///< When it was first seen like this.
    std::string sha256;                           ///< Empty: not read yet.
    bool handed_out = false;
    bool present = false;
  };

  bool open_folder(FolderLook& look);
  void close_folder();
  void drain();
  bool scan(FolderLook& look);
  void see(const std::string& name);
  void hand_out(FolderLook& look, const std::function<bool()>& is_over);
  [[nodiscard]] Millis rest_of(const Known& file) const;
  bool read(const std::string& name, Known& file, FolderLook& look, const std::function<bool()>& is_over);
  void complain(FolderLook& look, const std::string& about, Error error);

  FolderRules rules_;
  const Clock& clock_;
  Descriptor folder_;
  Descriptor inotify_;
  std::map<std::string, Known> known_;
  std::map<std::string, bool> complaints_;  ///< What about -> said in this look or the one before.
};

}  // namespace hillstar
