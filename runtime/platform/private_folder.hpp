// SPDX-License-Identifier: Apache-2.0
// A folder of keys and records that one process at a time may change.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar {

/// Makes the folder and those above it that are not there, with mode 0700. Errors: not_found, permission_denied, io.
Result<void> make_private_folders(const std::string& path);

/// An open folder. Its files are written whole or not at all, durably. Belongs to one thread.
class PrivateFolder {
 public:
  static constexpr std::size_t kFileBytesMax = 64U << 20U;

  /// Makes the folder, and those above it, with mode 0700 if `make`. Waits at most ten seconds while another process
  /// has it locked; holds the lock until it is destroyed. Errors: not_found, permission_denied, io.
  static Result<PrivateFolder> open(const std::string& path, bool make);

  /// Errors: not_found, too_large, permission_denied, io.
  [[nodiscard]] Result<std::string> read(const std::string& name) const;
  /// An absent file is empty.
  [[nodiscard]] Result<std::string> read_or_empty(const std::string& name) const;
  /// `is_secret`: mode 0600, else 0644.
  [[nodiscard]] Result<void> write(const std::string& name, std::string_view bytes, bool is_secret) const;
  /// No error if it is not there.
  [[nodiscard]] Result<void> remove(const std::string& name) const;
  [[nodiscard]] bool has(const std::string& name) const;
  /// Path of a file in it, for messages.
  [[nodiscard]] std::string at(const std::string& name) const { return path_ + "/" + name; }

 private:
  PrivateFolder(std::string path, Descriptor folder) : path_(std::move(path)), folder_(std::move(folder)) {}

  std::string path_;
  Descriptor folder_;
};

}  // namespace hillstar
