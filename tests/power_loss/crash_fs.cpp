// SPDX-License-Identifier: Apache-2.0
#include "tests/power_loss/crash_fs.hpp"

#include <rocksdb/system_clock.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace hillstar::testing {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// A file whose growth and syncs are noted.
class CrashFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  CrashFile(CrashFs& files, std::string name, std::unique_ptr<rocksdb::FSWritableFile> target, std::uint64_t size)
      : FSWritableFileOwnerWrapper(std::move(target)), files_(files), name_(std::move(name)), size_(size) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const std::shared_lock under_way(files_.gate_);
    auto status = files_.pass();
    if (!status.ok()) return status;
    status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    if (status.ok()) files_.grew(name_, size_ += data.size());
    return status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& /*info*/,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    const std::shared_lock under_way(files_.gate_);
    auto status = files_.pass();
    if (status.ok()) status = FSWritableFileOwnerWrapper::Truncate(size, options, debug);
    if (status.ok()) files_.grew(name_, size_ = size);
    return status;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override { return sync(options, debug); }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return sync(options, debug); }
  IOStatus RangeSync(std::uint64_t /*offset*/, std::uint64_t /*bytes*/, const IOOptions& /*options*/,
                     IODebugContext* /*debug*/) override {
    return IOStatus::OK();  // Promises nothing about a power cut, so nothing is noted.
  }

 private:
  // The bytes are in the real file already, which outlives this test only as far as restore() lets it.
  IOStatus sync(const IOOptions& options, IODebugContext* debug) {
    const std::shared_lock under_way(files_.gate_);
    auto status = files_.pass();
    if (status.ok()) status = FSWritableFileOwnerWrapper::Flush(options, debug);
    if (status.ok()) files_.synced(name_);
    return status;
  }

  CrashFs& files_;
  const std::string name_;
  std::uint64_t size_;
};

class CrashFolder final : public rocksdb::FSDirectoryWrapper {
 public:
  CrashFolder(CrashFs& files, std::string name, std::unique_ptr<rocksdb::FSDirectory> target)
      : FSDirectoryWrapper(std::move(target)), files_(files), name_(std::move(name)) {}

  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    const std::shared_lock under_way(files_.gate_);
    auto status = files_.pass();
    if (status.ok()) files_.folder_synced(name_);
    return status;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& /*how*/) override {
    return Fsync(options, debug);
  }

 private:
  CrashFs& files_;
  const std::string name_;
};

namespace {

std::string tidy(const std::string& name) {
  auto path = std::filesystem::path(name).lexically_normal().string();
  if (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

class NoSleep final : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "NoSleep"; }
  void SleepForMicroseconds(int /*micros*/) override {}
};

class CrashEnv final : public rocksdb::EnvWrapper {
 public:
  explicit CrashEnv(const std::shared_ptr<CrashFs>& files) : EnvWrapper(rocksdb::NewCompositeEnv(files)) {
    file_system_ = files;
    system_clock_ = std::make_shared<NoSleep>(rocksdb::SystemClock::Default());
  }
  const char* Name() const override { return "CrashEnv"; }
};

}  // namespace

CrashFs::CrashFs(const std::shared_ptr<rocksdb::FileSystem>& target, Plan plan)
    : FileSystemWrapper(target), plan_(std::move(plan)) {
  std::filesystem::create_directories(plan_.graves);
}

std::uint64_t CrashFs::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

bool CrashFs::happened() const {
  const std::lock_guard lock(mutex_);
  return happened_;
}

void CrashFs::cut() {
  const std::lock_guard lock(mutex_);
  off_ = true;
}

IOStatus CrashFs::pass() {
  const std::lock_guard lock(mutex_);
  if (off_) return IOStatus::IOError("the power is off");
  if (++operations_ != plan_.at || plan_.fault == Fault::none) return IOStatus::OK();
  happened_ = true;
  if (plan_.fault == Fault::no_space) return IOStatus::NoSpace("No space left on device");
  off_ = plan_.fault == Fault::power;
  return IOStatus::IOError(off_ ? "the power is off" : "Input/output error");
}

void CrashFs::grew(const std::string& name, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  auto& sizes = files_[name];
  sizes.written = size;
  sizes.synced = std::min(sizes.synced, size);
}

void CrashFs::synced(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (!plan_.ignores_sync) files_[name].synced = files_[name].written;
}

void CrashFs::folder_synced(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  if (plan_.ignores_sync) return;
  for (const auto& change : changes_)
    if (change.folder == folder && !change.grave.empty()) ::unlink(change.grave.c_str());
  changes_.erase(
      std::remove_if(changes_.begin(), changes_.end(), [&](const Change& change) { return change.folder == folder; }),
      changes_.end());
}

std::uint64_t CrashFs::durable_bytes(const std::string& name) const {
  const auto found = files_.find(name);
  // What an earlier life left is all on the disk.
  return found == files_.end() ? std::filesystem::file_size(name) : found->second.synced;
}

void CrashFs::move_sizes(const std::string& from, const std::string& to) {
  files_.erase(to);
  auto sizes = files_.extract(from);
  if (sizes.empty()) return;
  sizes.key() = to;
  files_.insert(std::move(sizes));
}

std::string CrashFs::bury(const std::string& name) {
  const std::filesystem::path place = plan_.graves;
  const auto grave = place / std::to_string(++buried_);
  std::filesystem::rename(name, grave);
  return grave.string();
}

IOStatus CrashFs::NewWritableFile(const std::string& raw, const FileOptions& options,
                                  std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  const auto name = tidy(raw);
  const std::shared_lock under_way(gate_);
  auto status = pass();
  if (!status.ok()) return status;
  {
    const std::lock_guard lock(mutex_);
    Change change{Kind::created, folder_of(name), name, {}, {}, 0};
    if (std::filesystem::exists(name)) {
      change.grave_synced = durable_bytes(name);
      change.grave = bury(name);
    }
    files_[name] = {};
    changes_.push_back(std::move(change));
  }
  std::unique_ptr<rocksdb::FSWritableFile> target;
  status = FileSystemWrapper::NewWritableFile(name, options, &target, debug);
  if (status.ok()) *file = std::make_unique<CrashFile>(*this, name, std::move(target), 0);
  return status;
}

IOStatus CrashFs::ReopenWritableFile(const std::string& raw, const FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  const auto name = tidy(raw);
  const std::shared_lock under_way(gate_);
  auto status = pass();
  if (!status.ok()) return status;
  std::uint64_t size = 0;
  {
    const std::lock_guard lock(mutex_);
    if (std::filesystem::exists(name))
      size = std::filesystem::file_size(name);
    else
      changes_.push_back({Kind::created, folder_of(name), name, {}, {}, 0});
    files_.try_emplace(name, Sizes{size, size});
  }
  std::unique_ptr<rocksdb::FSWritableFile> target;
  status = FileSystemWrapper::ReopenWritableFile(name, options, &target, debug);
  if (status.ok()) *file = std::make_unique<CrashFile>(*this, name, std::move(target), size);
  return status;
}

IOStatus CrashFs::ReuseWritableFile(const std::string& /*name*/, const std::string& /*old_name*/,
                                    const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSWritableFile>* /*file*/,
                                    IODebugContext* /*debug*/) {
  return IOStatus::NotSupported("the store does not recycle files");
}

IOStatus CrashFs::NewDirectory(const std::string& name, const IOOptions& options,
                               std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> target;
  auto status = FileSystemWrapper::NewDirectory(name, options, &target, debug);
  if (status.ok()) *directory = std::make_unique<CrashFolder>(*this, tidy(name), std::move(target));
  return status;
}

IOStatus CrashFs::DeleteFile(const std::string& raw, const IOOptions& options, IODebugContext* debug) {
  const auto name = tidy(raw);
  if (!std::filesystem::exists(name)) return FileSystemWrapper::DeleteFile(name, options, debug);
  const std::shared_lock under_way(gate_);
  auto status = pass();
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  // RocksDB may delete a file from two threads; the second finds nothing.
  if (!std::filesystem::exists(name)) return FileSystemWrapper::DeleteFile(name, options, debug);
  Change change{Kind::deleted, folder_of(name), name, {}, {}, durable_bytes(name)};
  change.grave = bury(name);
  files_.erase(name);
  changes_.push_back(std::move(change));
  return status;
}

IOStatus CrashFs::RenameFile(const std::string& raw_from, const std::string& raw_to, const IOOptions& options,
                             IODebugContext* debug) {
  const auto from = tidy(raw_from);
  const auto to = tidy(raw_to);
  const std::shared_lock under_way(gate_);
  auto status = pass();
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  Change change{Kind::renamed, folder_of(to), to, from, {}, 0};
  if (std::filesystem::exists(to)) {
    change.grave_synced = durable_bytes(to);
    change.grave = bury(to);
  }
  status = FileSystemWrapper::RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  move_sizes(from, to);
  changes_.push_back(std::move(change));
  return status;
}

IOStatus CrashFs::LinkFile(const std::string& /*from*/, const std::string& /*to*/, const IOOptions& /*options*/,
                           IODebugContext* /*debug*/) {
  return IOStatus::NotSupported("the store does not link files");
}

IOStatus CrashFs::LockFile(const std::string& /*name*/, const IOOptions& /*options*/, rocksdb::FileLock** lock,
                           IODebugContext* /*debug*/) {
  *lock = new rocksdb::FileLock();
  return IOStatus::OK();
}

IOStatus CrashFs::UnlockFile(rocksdb::FileLock* lock, const IOOptions& /*options*/, IODebugContext* /*debug*/) {
  delete lock;
  return IOStatus::OK();
}

void CrashFs::take_back(const Change& change) {
  std::error_code ignored;
  if (change.kind == Kind::renamed) {
    std::filesystem::rename(change.name, change.from, ignored);
    move_sizes(change.name, change.from);
  } else if (change.kind == Kind::created) {
    std::filesystem::remove(change.name, ignored);
  }
  files_.erase(change.name);
  if (change.grave.empty()) return;
  std::filesystem::rename(change.grave, change.name, ignored);
  files_[change.name].synced = change.grave_synced;
  files_[change.name].written = std::filesystem::file_size(change.name, ignored);
}

namespace {
/// Puts the first `bytes` of a file in its place as a new file. Descriptors of before the cut belong to the old one:
/// closing such a file cuts or stretches it to the length that its writer remembers.
void renew(const std::string& name, std::uint64_t bytes) {
  const auto copy = name + ".cut";
  std::filesystem::copy_file(name, copy, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::resize_file(copy, bytes);
  std::filesystem::rename(copy, name);
}
}  // namespace

void CrashFs::restore(std::mt19937_64& dice) {
  // A store that failed is never closed, so its threads may be in the middle of a change.
  const std::unique_lock nothing_under_way(gate_);
  const std::lock_guard lock(mutex_);
  off_ = true;
  // A journal keeps a prefix of what was done in each folder.
  std::map<std::string, std::uint64_t> seen;
  for (const auto& change : changes_) ++seen[change.folder];
  std::map<std::string, std::uint64_t> keep;
  for (const auto& [folder, count] : seen) {
    const auto how = dice() % 3;
    keep[folder] = how == 0 ? 0 : how == 1 ? count : dice() % (count + 1);
  }
  for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
    if (seen[change->folder]-- > keep[change->folder])
      take_back(*change);
    else if (!change->grave.empty())
      ::unlink(change->grave.c_str());
  }
  changes_.clear();
  for (auto& [name, sizes] : files_) {
    std::error_code missing;
    const auto size = std::filesystem::file_size(name, missing);
    if (missing) continue;
    const auto how = dice() % 3;
    const auto tail = size <= sizes.synced ? 0 : size - sizes.synced;
    renew(name, size - tail + (how == 0 ? 0 : how == 1 ? tail : dice() % (tail + 1)));
  }
  files_.clear();
}

std::shared_ptr<rocksdb::Env> crash_env(const std::shared_ptr<CrashFs>& files) {
  return std::make_shared<CrashEnv>(files);
}

}  // namespace hillstar::testing
