// SPDX-License-Identifier: Apache-2.0
#include "persistence/blob_store.hpp"

#include <cstring>
#include <utility>
#include <vector>

#include "persistence/files.hpp"
#include "persistence/keys.hpp"
#include "persistence/limits.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {
namespace {

Error for_reading_only(const std::string& folder) {
  return {Errc::store_write, "the store was opened for reading.", folder};
}

/// Bytes of a file that is known by its hash; none is larger than what fits in memory.
constexpr std::size_t kFileBlobBytesMax = std::size_t{16} << 30U;

}  // namespace

/// Collects up to kSinkBytesMax in memory, the rest in a temporary file.
class BlobStore::Sink final : public BlobSink {
 public:
  explicit Sink(BlobStore& store) : store_(store) {}
  ~Sink() override { drop_file(); }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  Result<void> append(std::string_view bytes) override {
    if (store_.database_.read_only()) return for_reading_only(store_.folder_);
    if (failure_) return *failure_;
    if (finished_) return Error(Errc::internal, "a blob was appended to after its end.");
    hash_.append(bytes);
    total_ += bytes.size();
    while (buffer_.size() + bytes.size() > kSinkBytesMax) {
      const auto part = bytes.substr(0, kSinkBytesMax - buffer_.size());
      buffer_ += part;
      bytes.remove_prefix(part.size());
      HILLSTAR_CHECK(noted(spill()));
    }
    buffer_ += bytes;
    return {};
  }

  Result<std::string> finish() override {
    if (store_.database_.read_only()) return for_reading_only(store_.folder_);
    if (failure_) return *failure_;
    if (finished_) return Error(Errc::internal, "a blob was finished twice.");
    finished_ = true;
    const Hash hash = hash_.finish();
    if (!file_) {
      HILLSTAR_CHECK(store_.put_row(hash, buffer_));
    } else {
      store_.recent_.add(hash);
      HILLSTAR_CHECK(noted(spill()));
      if (total_ <= kDatabaseBlobBytesMax) {
        HILLSTAR_CHECK(noted(from_status(file_->Close())));
        HILLSTAR_TRY(const auto bytes, read_file(env(), temporary_, kDatabaseBlobBytesMax));
        HILLSTAR_CHECK(store_.put_row(hash, bytes));
      } else {
        auto status = file_->Sync();
        if (status.ok()) status = file_->Close();
        HILLSTAR_CHECK(noted(from_status(status)));
        HILLSTAR_CHECK(noted(store_.keep_file(temporary_, to_hex(hash))));
      }
    }
    drop_file();
    return to_hex(hash);
  }

 private:
  [[nodiscard]] rocksdb::Env& env() const { return store_.database_.env(); }

  Result<void> spill() {
    if (!file_) {
      temporary_ = store_.temporary_folder() + "/" + std::to_string(store_.next_temporary_++);
      HILLSTAR_CHECK(from_status(env().NewWritableFile(temporary_, &file_, rocksdb::EnvOptions())));
    }
    const auto status = file_->Append(slice(buffer_));
    buffer_.clear();
    return from_status(status);
  }

  Result<void> from_status(const rocksdb::Status& status) const {
    if (status.ok()) return {};
    return write_error(status, temporary_);
  }

  Result<void> noted(Result<void> result) {
    if (result) return result;
    // A full disk is no failure of the step that met it: without the blob the history must not go on.
    failure_ = result.error();
    store_.database_.give_up(*failure_);
    return result;
  }

  void drop_file() {
    if (temporary_.empty()) return;
    file_.reset();
    // Gone already if the blob was kept; what stays behind is removed when the store is opened next.
    env().DeleteFile(temporary_).PermitUncheckedError();
    temporary_.clear();
  }

  BlobStore& store_;
  Sha256Stream hash_;
  std::string buffer_;
  std::uint64_t total_ = 0;
  std::unique_ptr<rocksdb::WritableFile> file_;
  std::string temporary_;
  bool finished_ = false;
  std::optional<Error> failure_;
};

BlobStore::BlobStore(Database& database, std::string folder) : database_(database), folder_(std::move(folder)) {}

Result<void> BlobStore::prepare() {
  auto& env = database_.env();
  HILLSTAR_CHECK(create_folder(env, temporary_folder()));
  // A process that died between creating a folder and making its name durable left the second half to this one.
  HILLSTAR_CHECK(sync_folder(env, folder_));
  std::vector<std::string> left;
  auto status = env.GetChildren(temporary_folder(), &left);
  if (!status.ok()) return open_error(status, temporary_folder());
  for (const auto& name : left) {
    if (name == "." || name == "..") continue;
    status = env.DeleteFile(temporary_folder() + "/" + name);
    if (!status.ok()) return open_error(status, temporary_folder() + "/" + name);
  }
  return {};
}

Result<std::string> BlobStore::put(std::string_view bytes) {
  if (database_.read_only()) return for_reading_only(folder_);
  if (bytes.size() > kDatabaseBlobBytesMax) {
    Sink sink(*this);
    HILLSTAR_CHECK(sink.append(bytes));
    return sink.finish();
  }
  const Hash hash = sha256(bytes);
  HILLSTAR_CHECK(put_row(hash, bytes));
  return to_hex(hash);
}

rocksdb::Status BlobStore::get_row(const Hash& hash, rocksdb::PinnableSlice& row) const {
  auto& db = database_.db();
  return db.Get(rocksdb::ReadOptions(), db.DefaultColumnFamily(), slice(keys::blob(hash)), &row);
}

Result<void> BlobStore::put_row(const Hash& hash, std::string_view bytes) {
  recent_.add(hash);  // before the look: from here on it is not removed
  rocksdb::PinnableSlice present;
  auto status = get_row(hash, present);
  if (status.ok()) return {};
  if (!status.IsNotFound()) return write_error(status, folder_);
  rocksdb::WriteBatch batch;
  status = batch.Put(slice(keys::blob(hash)), slice(bytes));
  if (!status.ok()) return write_error(status, folder_);
  return database_.write(batch, Sync::no);
}

std::string BlobStore::file_of(const std::string& hex) const { return folder_ + "/" + hex.substr(0, 2) + "/" + hex; }

Result<void> BlobStore::keep_file(const std::string& temporary, const std::string& hex) {
  auto& env = database_.env();
  const std::string folder = folder_ + "/" + hex.substr(0, 2);
  {
    const std::lock_guard lock(folders_);
    HILLSTAR_CHECK(create_folder(env, folder));
  }
  // Also over an equal file: renaming is what makes sure that the bytes under this name were synced.
  const auto status = env.RenameFile(temporary, file_of(hex));
  if (!status.ok()) return write_error(status, file_of(hex));
  return sync_folder(env, folder);
}

Result<std::string> BlobStore::read(const std::string& sha256_hex) const {
  const auto hash = hash_from_hex(sha256_hex);
  const std::string where = "blob " + sha256_hex;
  if (!hash) return Error(Errc::blob_missing, "a blob's name is 64 lower-case hex digits.", where);
  std::string bytes;
  rocksdb::PinnableSlice row;
  const auto status = get_row(*hash, row);
  if (status.IsNotFound()) {
    const auto path = file_of(sha256_hex);
    if (!database_.env().FileExists(path).ok())
      return Error(Errc::blob_missing, "the blob is not in the store.", where);
    HILLSTAR_TRY(bytes, read_file(database_.env(), path, kFileBlobBytesMax));
  } else if (!status.ok()) {
    return Error(Errc::record_corrupt, "the blob cannot be read (" + status.ToString() + ").", where);
  } else {
    bytes.assign(row.data(), row.size());
  }
  if (sha256(bytes) != *hash) return Error(Errc::record_corrupt, "the blob's bytes do not have its hash.", where);
  return bytes;
}

Result<void> BlobStore::copy(const std::string& sha256_hex, const TakeBytes& take) const {
  const auto hash = hash_from_hex(sha256_hex);
  const auto path = file_of(sha256_hex);
  rocksdb::PinnableSlice row;
  if (!hash || get_row(*hash, row).ok() || !database_.env().FileExists(path).ok()) {
    HILLSTAR_TRY(const auto bytes, read(sha256_hex));  // small, or an error
    return take(bytes);
  }
  // Twice through the file: what was handed on cannot be taken back.
  Sha256Stream seen;
  HILLSTAR_CHECK(read_pieces(database_.env(), path, [&seen](std::string_view piece) -> Result<void> {
    seen.append(piece);
    return {};
  }));
  if (seen.finish() != *hash)
    return Error(Errc::record_corrupt, "the blob's bytes do not have its hash.", "blob " + sha256_hex);
  return read_pieces(database_.env(), path, take);
}

Result<void> BlobStore::pass(const std::string& sha256_hex, const TakeBytes& take) const {
  const auto path = file_of(sha256_hex);
  if (!hash_from_hex(sha256_hex) || !database_.env().FileExists(path).ok()) return copy(sha256_hex, take);
  return read_pieces(database_.env(), path, take);
}

bool BlobStore::has(const std::string& sha256_hex) const {
  const auto hash = hash_from_hex(sha256_hex);
  if (!hash) return false;
  if (!database_.read_only()) recent_.add(*hash);  // whoever asks may name it next
  rocksdb::PinnableSlice row;
  if (get_row(*hash, row).ok()) return true;
  return database_.env().FileExists(file_of(sha256_hex)).ok();
}

Result<void> BlobStore::each_name(std::uint8_t first, const std::function<void(const Hash&)>& visit) const {
  const auto letter = static_cast<char>(keys::Table::blobs);
  keys::Range range{{letter, static_cast<char>(first)}, {letter, static_cast<char>(first)}};
  range.end += std::string(32, '\xff');
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const Rows rows(database_, range, options);
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    if (rows.key().size() != keys::kBlobKeyBytes) continue;
    Hash hash{};
    std::memcpy(hash.data(), rows.key().data() + 1, hash.size());
    visit(hash);
  }
  if (!rows->status().ok()) return open_error(rows->status(), database_.folder());
  const auto folder = folder_ + "/" + to_hex(Hash{first}).substr(0, 2);
  if (!database_.env().FileExists(folder).ok()) return {};
  std::vector<std::string> names;
  const auto status = database_.env().GetChildren(folder, &names);
  if (!status.ok()) return open_error(status, folder);
  for (const auto& name : names)
    if (const auto hash = hash_from_hex(name)) visit(*hash);
  return {};
}

Result<std::optional<std::uint64_t>> BlobStore::remove(const Hash& hash) {
  const auto hold = recent_.hold(hash);
  if (!hold) return std::optional<std::uint64_t>();
  std::uint64_t bytes = 0;
  rocksdb::PinnableSlice row;
  if (get_row(hash, row).ok()) {
    bytes += row.size();
    rocksdb::WriteBatch batch;
    const auto status = batch.Delete(slice(keys::blob(hash)));
    if (!status.ok()) return write_error(status, folder_);
    HILLSTAR_CHECK(database_.write(batch, Sync::no));
  }
  auto& env = database_.env();
  const auto file = file_of(to_hex(hash));
  if (env.FileExists(file).ok()) {
    std::uint64_t size = 0;
    auto status = env.GetFileSize(file, &size);
    if (status.ok()) status = env.DeleteFile(file);
    if (!status.ok()) return write_error(status, file);
    bytes += size;
  }
  return std::optional<std::uint64_t>(bytes);
}

std::unique_ptr<BlobSink> BlobStore::sink() { return std::make_unique<Sink>(*this); }

}  // namespace hillstar::persistence
