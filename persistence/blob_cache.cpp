// SPDX-License-Identifier: Apache-2.0
#include "persistence/blob_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {
namespace {

namespace fs = std::filesystem;

Error damaged(const std::string& sha256) {
  return {Errc::record_corrupt, "the blob's bytes do not have its hash.", "blob " + sha256, {}};
}

Result<void> each_piece_of(const std::string& path, const std::function<Result<void>(std::string_view)>& take) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open()) return io_error(errno, "read", path);
  const auto take_all = [&take](std::string_view piece) -> Result<bool> {
    HILLSTAR_CHECK(take(piece));
    return true;
  };
  return each_piece(file.get(), 0, take_all, path);
}

}  // namespace

/// Writes under a name that is nobody's, until the hash is known.
class BlobCache::Sink final : public BlobSink {
 public:
  explicit Sink(BlobCache& cache) : cache_(cache), path_(cache.temporary()) {}
  ~Sink() override {
    if (file_.is_open()) ::unlink(path_.c_str());
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  Result<void> append(std::string_view bytes) override {
    if (finished_) return Error(Errc::internal, "a blob was appended to after its end.");
    hash_.append(bytes);
    bytes_ += bytes.size();
    return noted(write(bytes));
  }
  Result<std::string> finish() override {
    if (std::exchange(finished_, true)) return Error(Errc::internal, "a blob was finished twice.");
    HILLSTAR_CHECK(noted(write({})));
    auto sha256 = to_hex(hash_.finish());
    HILLSTAR_CHECK(noted(cache_.keep(path_, sha256, bytes_)));
    file_.reset();
    return sha256;
  }

 private:
  Result<void> write(std::string_view bytes) {
    if (!file_.is_open())
      file_ =
          Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!file_.is_open()) return io_error(errno, "write", path_);
    return write_all(file_.get(), bytes, path_);
  }
  Result<void> noted(Result<void> result) {
    cache_.note(result ? std::nullopt : std::optional(result.error()));
    return result;
  }

  BlobCache& cache_;
  std::string path_;
  Descriptor file_;
  Sha256Stream hash_;
  std::uint64_t bytes_ = 0;
  bool finished_ = false;
};

Result<std::unique_ptr<BlobCache>> BlobCache::open(const std::string& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (!error) fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return io_error(error.value(), "make", folder);
  return std::unique_ptr<BlobCache>(new BlobCache(folder));
}

std::string BlobCache::temporary() {
  const std::lock_guard lock(mutex_);
  return folder_ + "/." + std::to_string(++temporaries_);
}

void BlobCache::note(const std::optional<Error>& failure) {
  const std::lock_guard lock(mutex_);
  failure_ = failure;
}

std::optional<Error> BlobCache::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::uint64_t BlobCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

bool BlobCache::touch(const std::string& sha256) const {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(sha256);
  if (place == places_.end()) return false;
  place->second->used = std::chrono::steady_clock::now();
  blobs_.splice(blobs_.end(), blobs_, place->second);
  return true;
}

Result<void> BlobCache::keep(const std::string& temporary, const std::string& sha256, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  // Over one of the same bytes: nobody who reads that one notices.
  if (::rename(temporary.c_str(), path_of(sha256).c_str()) != 0) return io_error(errno, "write", path_of(sha256));
  auto [place, is_new] = places_.try_emplace(sha256);
  if (is_new) {
    place->second = blobs_.insert(blobs_.end(), Blob{sha256, bytes, {}});
    bytes_ += bytes;
  }
  place->second->used = std::chrono::steady_clock::now();
  blobs_.splice(blobs_.end(), blobs_, place->second);
  return {};
}

void BlobCache::forget(const std::string& sha256) const {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(sha256);
  if (place == places_.end()) return;
  ::unlink(path_of(sha256).c_str());
  bytes_ -= place->second->bytes;
  blobs_.erase(place->second);
  places_.erase(place);
}

Result<std::string> BlobCache::put_blob(std::string_view bytes) {
  Sink sink(*this);
  HILLSTAR_CHECK(sink.append(bytes));
  return sink.finish();
}

std::unique_ptr<BlobSink> BlobCache::blob_sink() { return std::make_unique<Sink>(*this); }

bool BlobCache::has_blob(const std::string& sha256) const { return touch(sha256); }

Result<std::string> BlobCache::read_blob(const std::string& sha256) const {
  std::string bytes;
  HILLSTAR_CHECK(copy_blob(sha256, [&bytes](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  }));
  return bytes;
}

Result<void> BlobCache::copy_blob(const std::string& sha256,
                                  const std::function<Result<void>(std::string_view)>& take) const {
  if (!touch(sha256)) return Error{Errc::blob_missing, "the blob is not in the cache.", "blob " + sha256, {}};
  // Twice through the file: what was handed on cannot be taken back.
  Sha256Stream seen;
  const auto read = each_piece_of(path_of(sha256), [&seen](std::string_view piece) -> Result<void> {
    seen.append(piece);
    return {};
  });
  if (!read || to_hex(seen.finish()) != sha256) {
    forget(sha256);
    return read ? damaged(sha256) : read;
  }
  return each_piece_of(path_of(sha256), take);
}

Result<void> BlobCache::pass_blob(const std::string& sha256,
                                  const std::function<Result<void>(std::string_view)>& take) const {
  if (!touch(sha256)) return copy_blob(sha256, take);
  return each_piece_of(path_of(sha256), take);
}

void BlobCache::shrink(std::uint64_t most, Moment before) {
  const std::lock_guard lock(mutex_);
  while (bytes_ > most && !blobs_.empty() && blobs_.front().used < before) {
    const auto& blob = blobs_.front();
    ::unlink(path_of(blob.sha256).c_str());
    bytes_ -= blob.bytes;
    places_.erase(blob.sha256);
    blobs_.pop_front();
  }
}

}  // namespace hillstar::persistence
