// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/store_owner.hpp"

#include "apps/http/remote.hpp"

#include <fcntl.h>

#include <algorithm>

#include "runtime/platform/descriptor.hpp"

namespace hillstar::cli {

pid_t owner_of(const std::string& folder) {
  if (http::is_service_url(folder)) return kServiceOwner;
  for (const auto* name : {"/LOCK", "/db/LOCK"}) {
    const Descriptor lock(::open((folder + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!lock.is_open()) continue;
    struct flock held {};
    held.l_type = F_RDLCK;
    held.l_whence = SEEK_SET;
    if (::fcntl(lock.get(), F_GETLK, &held) == 0 && held.l_type != F_UNLCK) return std::max<pid_t>(held.l_pid, 0);
  }
  return 0;
}

}  // namespace hillstar::cli
