// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/socket_place.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

bool SocketPlace::open_to_its_people() const {
  struct stat folder {};
  if (::fstat(descriptor_, &folder) != 0) return false;
  // Many folders may be read by a group that nobody chose; this bit is set on purpose.
  constexpr mode_t kShared = S_ISGID | S_IRGRP | S_IXGRP;
  const bool shared = (folder.st_mode & kShared) == kShared;
  if (shared && ::chown(path_.c_str(), static_cast<uid_t>(-1), folder.st_gid) != 0) return false;
  return ::chmod(path_.c_str(), shared ? S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP : S_IRUSR | S_IWUSR) == 0;
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
