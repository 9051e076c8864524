// SPDX-License-Identifier: Apache-2.0
// A network with nothing in it but itself, for programs that shall reach no other.
#pragma once

#include "messages/error.hpp"
#include "runtime/platform/descriptor.hpp"

namespace hillstar {

/// One for all programs that share it: they reach each other on 127.0.0.1, and nobody else. It costs some milliseconds
/// once, and entering it microseconds. Immutable, so any thread may use it.
class NetworkCell {
 public:
  /// Errc::io: this user may not, or this kernel cannot, have one.
  static Result<NetworkCell> make();

  /// Puts the calling program inside; 0 or errno. Safe in a child that borrows our memory.
  [[nodiscard]] int enter() const;

 private:
  NetworkCell() = default;
  Descriptor user_;  ///< Closed: the user needs no user namespace for it.
  Descriptor network_;
};

}  // namespace hillstar
