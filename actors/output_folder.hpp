// SPDX-License-Identifier: Apache-2.0
// The folder that a run's files are written to, held open: what scripts do to the names that lead there, or to links in
// it, does not change where the files go.
#pragma once

#include <string>

#include "messages/error.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/run/hillstar_files.hpp"

namespace hillstar::actors {

/// Files of other programs that are kept beside one stable name (`trace_04.jsonl.kept_1`, ...); one more is an error.
inline constexpr int kKeptMax = 1'000;

class OutputFolder {
 public:
  /// Makes the folder, with its parents. Within the workspace, which scripts may change, no symbolic link is followed;
  /// elsewhere the way to the folder is the person's own. Errors: io, permission_denied.
  /// @param folder     absolute
  /// @param workspace  absolute; empty: scripts have nothing to say where the folder is
  static Result<OutputFolder> open(const std::string& folder, const std::string& workspace);

  /// Each file is replaced in one step, and no symbolic link is written through. Errors: io, permission_denied.
  Result<void> carry_out(const run::FileOperation& operation) const;
  /// The run that wrote a file, as the file says near its beginning; empty if it does not say.
  [[nodiscard]] std::string writer_of(const std::string& path) const;
  [[nodiscard]] bool has(const std::string& path) const;

 private:
  /// A name in an open folder.
  struct Place {
    Descriptor folder;
    std::string name;
    std::string shown;  ///< For messages.
  };
  OutputFolder(Descriptor root, std::string shown) : root_(std::move(root)), shown_(std::move(shown)) {}

  [[nodiscard]] Result<Place> place(const std::string& path, bool make) const;
  static Result<Descriptor> walk(Descriptor from, const std::string& path, const std::string& shown, bool make);
  static Result<Descriptor> open_file(const Place& place, int flags);
  static std::string writer_of(const Place& place);
  static Result<void> keep(const Place& place);
  template <class Fill>
  static Result<void> replace(const Place& place, const run::FileOperation& operation, const Fill& fill);
  static Result<bool> may_take(const Place& place, const RunId& run);

  Descriptor root_;
  std::string shown_;
};

}  // namespace hillstar::actors
