// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "messages/error.hpp"

namespace hillstar {

std::string random_bytes(std::size_t size) {
  // Requests of up to 256 bytes are never cut short, and fail only if the kernel has no such call.
  HILLSTAR_ASSERT(size <= kRandomBytesMax);
  std::string bytes(size, '\0');
  ssize_t got = -1;
  do {
    got = getrandom(bytes.data(), size, 0);
  } while (got < 0 && errno == EINTR);
  HILLSTAR_ASSERT(got == static_cast<ssize_t>(size));
  return bytes;
}

}  // namespace hillstar
