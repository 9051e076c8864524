// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/slurm_spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "actors/remote/orders.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/platform/private_folder.hpp"
#include "runtime/platform/random.hpp"

namespace hillstar::actors {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameMax = 80;
constexpr std::size_t kHashLetters = 16;

std::string some_name() { return to_hex(sha256(random_bytes(32))).substr(0, kHashLetters); }

/// For one owner; it must not be there yet.
Result<Descriptor> new_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!file.is_open()) return io_error(errno, "write", path);
  return file;
}

Result<void> sync_folder(const std::string& folder) {
  const Descriptor open(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open.is_open() || ::fsync(open.get()) != 0) return io_error(errno, "write", folder);
  return {};
}

/// Writes a hash's bytes beneath a name that is not theirs yet.
class SpoolSink final : public BlobSink {
 public:
  explicit SpoolSink(std::string folder) : folder_(std::move(folder)), path_(folder_ + "/." + some_name() + ".new") {}
  ~SpoolSink() override {
    if (file_) ::unlink(path_.c_str());
  }
  Result<void> append(std::string_view bytes) override {
    HILLSTAR_CHECK(open());
    hash_.append(bytes);
    return write_all(file_->get(), bytes, path_);
  }
  Result<std::string> finish() override {
    HILLSTAR_CHECK(open());
    const auto name = to_hex(hash_.finish());
    if (::fsync(file_->get()) != 0) return io_error(errno, "write", path_);
    if (::rename(path_.c_str(), (folder_ + "/" + name).c_str()) != 0) return io_error(errno, "write", path_);
    file_.reset();
    HILLSTAR_CHECK(sync_folder(folder_));
    return name;
  }

 private:
  Result<void> open() {
    if (file_) return {};
    HILLSTAR_CHECK(make_private_folders(folder_));
    HILLSTAR_TRY(auto file, new_file(path_));
    file_ = std::move(file);
    return {};
  }

  std::string folder_;
  std::string path_;
  std::optional<Descriptor> file_;
  Sha256Stream hash_;
};

/// Only a regular file of ours is read.
Result<void> each_piece_of(const std::string& path, std::uint64_t from,
                           const std::function<Result<bool>(std::string_view)>& take) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.is_open()) return io_error(errno, "read", path);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return io_error(errno, "read", path);
  if (!S_ISREG(facts.st_mode) || facts.st_uid != ::geteuid())
    return Error{Errc::io, "This is no file of yours.", path, {}};
  return each_piece(file.get(), from, take, path);
}

}  // namespace

SlurmSpool SlurmSpool::of(const std::string& root, const std::string& key) {
  return SlurmSpool(root + "/" + file_name_of(key, kNameMax, kHashLetters));
}

Result<void> SlurmSpool::make() const {
  HILLSTAR_CHECK(make_private_folders(fs::path(folder_).lexically_normal().string()));
  // Those above may be others'; this one is nobody else's.
  struct stat facts {};
  if (::lstat(folder_.c_str(), &facts) != 0) return io_error(errno, "make", folder_);
  if (!S_ISDIR(facts.st_mode) || facts.st_uid != ::geteuid() || (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Errc::permission_denied, "The folder of an attempt is not private.", folder_,
                 "Only you may have a hand in it: chmod 700."};
  return make_private_folders(at(kSpoolBlobs));
}

bool SlurmSpool::exists() const { return ::access(folder_.c_str(), F_OK) == 0; }
bool SlurmSpool::has(const char* name) const { return ::access(at(name).c_str(), F_OK) == 0; }

bool SlurmSpool::is_gone() const { return ::access(at(kSpoolOrder).c_str(), F_OK) != 0 && errno == ENOENT; }

Result<std::string> SlurmSpool::read_from(const char* name, std::uint64_t from, std::size_t most) const {
  std::string text;
  HILLSTAR_CHECK(each_piece_of(at(name), from, [&](std::string_view piece) -> Result<bool> {
    text += piece.substr(0, most - text.size());
    return text.size() < most;
  }));
  return text;
}

Result<std::string> SlurmSpool::read(const char* name, std::size_t most) const {
  HILLSTAR_TRY(auto text, read_from(name, 0, most + 1));
  if (text.size() > most) return Error{Errc::too_large, "The file is too large.", at(name), {}};
  return text;
}

Result<void> SlurmSpool::write(const std::string& name, std::string_view bytes) const {
  const auto temporary = folder_ + "/." + some_name() + ".new";
  HILLSTAR_TRY(const auto file, new_file(temporary));
  auto done = write_all(file.get(), bytes, temporary);
  if (done && ::fsync(file.get()) != 0) done = io_error(errno, "write", temporary);
  if (done && ::rename(temporary.c_str(), at(name.c_str()).c_str()) != 0)
    done = io_error(errno, "write", at(name.c_str()));
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync_folder(folder_);
}

Result<bool> SlurmSpool::claim(const std::string& who) const {
  // A link to a whole file: whoever sees the claim sees whose it is, on file systems of many machines too.
  const auto name = "." + some_name() + ".claim";
  HILLSTAR_CHECK(write(name, who));
  const auto temporary = folder_ + "/" + name;
  const bool ours = ::link(temporary.c_str(), at(kSpoolClaim).c_str()) == 0;
  const int number = errno;
  ::unlink(temporary.c_str());
  if (!ours && number != EEXIST) return io_error(number, "claim", at(kSpoolClaim));
  HILLSTAR_CHECK(sync_folder(folder_));
  return ours;
}

std::optional<std::string> SlurmSpool::claimed_by() const {
  auto who = read(kSpoolClaim, kNameMax);
  return who ? std::optional(*std::move(who)) : std::nullopt;
}

void SlurmSpool::put_aside() {
  const auto aside = folder_ + kSpoolAside + some_name();
  if (::rename(folder_.c_str(), aside.c_str()) == 0) folder_ = aside;
}

void SlurmSpool::remove() const {
  std::error_code ignored;  // what stays is in nobody's way
  fs::remove_all(folder_, ignored);
}

Result<void> write_order(const SlurmSpool& spool, const SpoolOrder& order, const persistence::EventStore& store) {
  HILLSTAR_CHECK(spool.make());
  SpoolStore blobs(spool.folder());
  for (const auto& blob : blobs_of(order.order)) {
    if (blobs.has_blob(blob.sha256)) continue;
    auto sink = blobs.blob_sink();
    HILLSTAR_CHECK(store.copy_blob(blob.sha256, [&](std::string_view piece) { return sink->append(piece); }));
    HILLSTAR_TRY(const auto name, sink->finish());
    if (name != blob.sha256) return Error{Errc::io, "A blob changed while it was copied.", blob.sha256, {}};
  }
  return spool.write(kSpoolOrder, json::to_text(order));
}

Result<SpoolOrder> read_order(const SlurmSpool& spool) {
  HILLSTAR_TRY(const auto text, spool.read(kSpoolOrder));
  HILLSTAR_TRY(const auto tree, json::parse(text));
  return json::read<SpoolOrder>(tree);
}

Result<std::string> SpoolStore::put_blob(std::string_view bytes) {
  SpoolSink sink(folder_);
  HILLSTAR_CHECK(sink.append(bytes));
  return sink.finish();
}

Result<std::string> SpoolStore::read_blob(const std::string& sha256) const {
  std::string bytes;
  HILLSTAR_CHECK(each_piece_of(folder_ + "/" + sha256, 0, [&](std::string_view piece) -> Result<bool> {
    bytes += piece;
    return true;
  }));
  if (sha256_hex(bytes) != sha256) return Error{Errc::record_corrupt, "The blob does not have its hash.", sha256, {}};
  return bytes;
}

bool SpoolStore::has_blob(const std::string& sha256) const {
  return ::access((folder_ + "/" + sha256).c_str(), R_OK) == 0;
}

std::unique_ptr<BlobSink> SpoolStore::blob_sink() { return std::make_unique<SpoolSink>(folder_); }

Result<void> SpoolStore::copy_to(const std::string& sha256, persistence::EventStore& store) const {
  if (store.has_blob(sha256)) return {};
  auto sink = store.blob_sink();
  const auto copied = each_piece_of(folder_ + "/" + sha256, 0, [&](std::string_view piece) -> Result<bool> {
    if (auto taken = sink->append(piece); !taken) return taken.error();
    return true;
  });
  if (!copied) return copied;
  HILLSTAR_TRY(const auto name, sink->finish());
  if (name != sha256) return Error{Errc::record_corrupt, "The blob does not have its hash.", sha256, {}};
  return {};
}

}  // namespace hillstar::actors
