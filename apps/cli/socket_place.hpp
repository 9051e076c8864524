// SPDX-License-Identifier: Apache-2.0
// Where a store's host listens: a Unix socket inside the store's folder.
#pragma once

#include <string>
#include <utility>

#include "messages/error.hpp"

namespace hillstar::cli {

/// A path short enough for a socket address, whatever the length of the folder's. Valid while this object lives.
class SocketPlace {
 public:
  /// Errors: not_found if there is no such folder.
  static Result<SocketPlace> of(const std::string& folder);
  ~SocketPlace();
  SocketPlace(SocketPlace&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}
  SocketPlace& operator=(SocketPlace&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Lets in the owner, and the group of a folder with mode 2750: they are the people who may be asked.
  /// False: it cannot; errno says why.
  [[nodiscard]] bool open_to_its_people() const;

 private:
  SocketPlace(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_;
  std::string path_;
};

/// User id of the process at the other end, or -1.
long peer_uid(int socket);

}  // namespace hillstar::cli
