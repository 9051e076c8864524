// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/private_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "apps/cli/environment.hpp"
#include "runtime/platform/private_folder.hpp"

namespace hillstar::cli {

namespace fs = std::filesystem;

Result<void> change_private_file(const std::string& path, const Change& change) {
  std::error_code failed;
  fs::path place = path;
  if (fs::is_symlink(place, failed)) {
    place = fs::weakly_canonical(place, failed);
    if (failed) return Error{Errc::io, "The symbolic link leads nowhere: " + failed.message() + ".", path, {}};
  }
  HILLSTAR_TRY(const auto folder, PrivateFolder::open(place.parent_path().string(), true));
  std::optional<std::string> before;
  auto text = read_file(place.string(), Errc::io, kPrivateFileBytesMax);
  if (text)
    before = std::move(text).value();
  else if (text.error().code != Errc::not_found)
    return text.error();
  HILLSTAR_TRY(const auto after, change(before));
  if (!after || after == before) return {};
  return folder.write(place.filename().string(), *after, true);
}

std::optional<std::string> too_open(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  if (found.st_uid != ::geteuid()) return path + " belongs to somebody else";
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0) return "others may use " + path + "; chmod 600 " + path;
  const auto folder = fs::path(path).parent_path().string();
  if (::stat(folder.c_str(), &found) == 0 && (found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return "others may replace files of " + folder + "; chmod go-w " + folder;
  return std::nullopt;
}

}  // namespace hillstar::cli
