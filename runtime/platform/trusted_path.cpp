// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/trusted_path.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace hillstar {

bool lies_in(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::optional<std::string> trusted_path(std::string_view path, const std::vector<std::string>& untrusted) {
  if (!path.starts_with('/')) return std::nullopt;
  std::string rest(path);  // what is still to go
  std::string here;        // where we are; empty: at the root
  int links = 0;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const auto name = rest.substr(0, slash);
    rest = slash == std::string::npos ? std::string() : rest.substr(slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      here.erase(here.empty() ? 0 : here.rfind('/'));
      continue;
    }
    const auto next = here + "/" + name;
    struct stat status {};
    if (lstat(next.c_str(), &status) != 0) return std::nullopt;
    if (!S_ISLNK(status.st_mode)) {
      here = next;
      continue;
    }
    if (++links > kTrustedLinksMax ||
        std::any_of(untrusted.begin(), untrusted.end(), [&](const auto& folder) { return lies_in(next, folder); }))
      return std::nullopt;
    char target[PATH_MAX];
    const auto length = readlink(next.c_str(), target, sizeof target);
    if (length <= 0 || length == static_cast<ssize_t>(sizeof target)) return std::nullopt;
    rest = std::string(target, static_cast<std::size_t>(length)) + "/" + rest;
    if (target[0] == '/') here.clear();
  }
  return here.empty() ? "/" : here;
}

}  // namespace hillstar
