// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/disk_space.hpp"

#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace hillstar {

Result<std::uint64_t> free_bytes(const std::string& folder) {
  std::error_code failed;
  auto path = std::filesystem::absolute(folder.empty() ? "." : folder, failed);
  if (failed) return Error(Errc::io, "the path cannot be resolved: " + failed.message() + ".", folder);
  for (;;) {
    struct statvfs disk {};
    if (::statvfs(path.c_str(), &disk) == 0) return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    const int error = errno;
    if (error != ENOENT || !path.has_relative_path())
      return Error(Errc::io, "free space cannot be asked: " + std::generic_category().message(error) + ".",
                   path.string());
    path = path.parent_path();
  }
}

}  // namespace hillstar
