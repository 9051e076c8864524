// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/socket_place.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hillstar::cli {

Result<SocketPlace> SocketPlace::of(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    const auto code = errno == ENOENT || errno == ENOTDIR  ? Errc::not_found
                      : errno == EMFILE || errno == ENFILE ? Errc::system_limit
                                                           : Errc::io;
    return Error{code, std::string("The folder cannot be opened: ") + std::strerror(errno) + ".", folder};
  }
  // sun_path holds 108 bytes; the detour over the descriptor makes every folder fit.
  return SocketPlace(descriptor, "/proc/self/fd/" + std::to_string(descriptor) + "/host.sock");
}

SocketPlace::~SocketPlace() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

long peer_uid(int socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
  return static_cast<long>(peer.uid);
}

}  // namespace hillstar::cli
