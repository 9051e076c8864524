// SPDX-License-Identifier: Apache-2.0
#include "persistence/files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

namespace hillstar::persistence {
namespace {
constexpr std::size_t kReadBytesMin = 4U << 10U;
constexpr std::size_t kReadBytesMax = 4U << 20U;
constexpr std::size_t kPieceBytes = 256U << 10U;

struct MachineError {
  std::string what;
  std::string hint;
};

/// Errors of the machine, not of the store, in words that say what to do.
std::optional<MachineError> machine_error(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  const auto says = [&](int number) { return text.find(std::strerror(number)) != std::string::npos; };
  if (status.IsNoSpace() || says(ENOSPC) || says(EDQUOT))
    return MachineError{"the disk is full.", "Free some space and start again."};
  if (says(EFBIG))
    return MachineError{"a file reached the size limit of this process or file system.",
                        "Raise the limit (ulimit -f) and start again."};
  if (says(EMFILE) || says(ENFILE))
    return MachineError{"too many files are open.", "Raise the limit (ulimit -n) and start again."};
  if (says(EROFS)) return MachineError{"the file system is read-only.", "Name another store with --store."};
  if (says(EACCES) || says(EPERM))
    return MachineError{"a file or folder of it is not yours to write.",
                        "Change its owner or permissions, or name another store with --store."};
  if (says(EIO))
    return MachineError{"the storage device reported an error (" + text + ").",
                        "Check the device (kernel log) before you start again."};
  return std::nullopt;
}

}  // namespace

Error write_error(const rocksdb::Status& status, const std::string& where) {
  const std::string go_on = " Every run is resumable: what was acknowledged is on disk, the last step may be missing.";
  if (auto known = machine_error(status)) return {Errc::store_write, known->what + go_on, where, known->hint};
  return {Errc::store_write, "the history could not be written (" + status.ToString() + ")." + go_on, where, {}};
}

Error open_error(const rocksdb::Status& status, const std::string& where) {
  if (auto known = machine_error(status))
    return {Errc::store_open, "the store cannot be opened: " + known->what, where, known->hint};
  Error error(Errc::store_open, "the store cannot be opened (" + status.ToString() + ").", where);
  if (status.IsCorruption())
    error.hint = "Copy the folder, then run `hillstar-actors repair`, which says what it finds and what is lost.";
  return error;
}

Result<void> create_folder(rocksdb::Env& env, const std::string& folder) {
  if (env.FileExists(folder).ok()) return {};
  const auto parent = std::filesystem::path(folder).parent_path().string();
  if (!parent.empty() && !env.FileExists(parent).ok()) HILLSTAR_CHECK(create_folder(env, parent));
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return Error(Errc::store_open, "the folder cannot be created: " + std::string(std::strerror(errno)) + ".", folder);
  return sync_folder(env, parent.empty() ? "." : parent);
}

Result<void> sync_folder(rocksdb::Env& env, const std::string& folder) {
  std::unique_ptr<rocksdb::Directory> directory;
  auto status = env.NewDirectory(folder, &directory);
  if (status.ok()) status = directory->Fsync();
  if (!status.ok()) return write_error(status, folder);
  return {};
}

Result<void> write_file(rocksdb::Env& env, const std::string& folder, const std::string& name, std::string_view text) {
  const std::string path = folder + "/" + name;
  const std::string temporary = path + ".tmp";
  std::unique_ptr<rocksdb::WritableFile> file;
  auto status = env.NewWritableFile(temporary, &file, rocksdb::EnvOptions());
  if (status.ok()) status = file->Append({text.data(), text.size()});
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  if (status.ok()) status = env.RenameFile(temporary, path);
  if (!status.ok()) return write_error(status, path);
  return sync_folder(env, folder);
}

Result<std::string> read_file(rocksdb::Env& env, const std::string& path, std::size_t bytes_max) {
  // To the end of what was opened: the name may be given to another file meanwhile.
  std::unique_ptr<rocksdb::SequentialFile> file;
  auto status = env.NewSequentialFile(path, &file, rocksdb::EnvOptions());
  std::string bytes;
  while (status.ok() && bytes.size() <= bytes_max) {
    const std::size_t at = bytes.size();
    const std::size_t step = std::clamp<std::size_t>(at, kReadBytesMin, kReadBytesMax);
    bytes.resize(at + step);
    rocksdb::Slice part;
    status = file->Read(step, &part, bytes.data() + at);
    if (status.ok() && part.data() != bytes.data() + at) std::memmove(bytes.data() + at, part.data(), part.size());
    bytes.resize(at + (status.ok() ? part.size() : 0));
    if (part.empty()) break;
  }
  if (!status.ok()) return open_error(status, path);
  if (bytes.size() > bytes_max)
    return Error(Errc::store_open, "the file is longer than anything this program writes.", path);
  return bytes;
}

Result<void> read_pieces(rocksdb::Env& env, const std::string& path, const TakeBytes& take) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  auto status = env.NewSequentialFile(path, &file, rocksdb::EnvOptions());
  std::string buffer(kPieceBytes, '\0');
  while (status.ok()) {
    rocksdb::Slice part;
    status = file->Read(buffer.size(), &part, buffer.data());
    if (!status.ok()) break;
    if (part.empty()) return {};
    HILLSTAR_CHECK(take({part.data(), part.size()}));
  }
  return open_error(status, path);
}

}  // namespace hillstar::persistence
