// SPDX-License-Identifier: Apache-2.0
// The folder in which a host and a job of a cluster leave each other what they have to say: the machines of a cluster
// share their files, and can rarely reach the host.
//
// Every file is written whole or not at all, and durable before anything is done that relies on it. Whoever makes the
// claim first has the attempt: a job that makes it, or the host that gives it up. So an attempt is never made twice,
// whatever was submitted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/services.hpp"
#include "messages/remote.hpp"
#include "persistence/blobs_only_store.hpp"

namespace hillstar::actors {

/// Files of the folder.
inline constexpr const char* kSpoolOrder = "order.json";
inline constexpr const char* kSpoolScript = "job.sh";
inline constexpr const char* kSpoolLog = "job.log";    ///< Of the batch script itself.
inline constexpr const char* kSpoolJob = "job";        ///< The id that sbatch gave.
inline constexpr const char* kSpoolClaim = "claim";    ///< Who has the attempt: the id of a job, or kClaimOfHost.
inline constexpr const char* kSpoolAgain = "again";    ///< The same job came a second time, and made nothing.
inline constexpr const char* kSpoolStop = "stop";      ///< The host wants it to stop.
inline constexpr const char* kSpoolOutput = "output";  ///< What the script says, as it comes.
inline constexpr const char* kSpoolReport = "report.json";
inline constexpr const char* kSpoolBlobs = "blobs";
inline constexpr const char* kClaimOfHost = "host";
/// In the name of a folder that was put aside, behind its own.
inline constexpr const char* kSpoolAside = ".gone-";

/// Of an order or a report.
inline constexpr std::size_t kSpoolTextMax = 64U << 20U;
/// Of live output; what comes after it is in the result alone.
inline constexpr std::uint64_t kSpoolOutputMax = 1U << 20U;

/// What a job needs to know. No variable in it is a secret.
struct SpoolOrder {
  std::string key;
  std::string workspace;
  std::string output_dir;
  std::vector<std::string> allow_paths;
  std::vector<std::string> environment;
  remote::Order order;
};
BOOST_DESCRIBE_STRUCT(SpoolOrder, (), (key, workspace, output_dir, allow_paths, environment, order))

/// Blocks on disks. Belongs to one thread.
class SlurmSpool {
 public:
  explicit SlurmSpool(std::string folder) : folder_(std::move(folder)) {}
  /// A name that is safe on any file system, and of this attempt alone.
  static SlurmSpool of(const std::string& root, const std::string& key);

  /// The folder, and those above it; only for its owner. Errors: io, permission_denied.
  Result<void> make() const;
  [[nodiscard]] bool exists() const;
  [[nodiscard]] bool has(const char* name) const;
  /// Certain that there is no order any more; not merely that nothing can be read at the moment.
  [[nodiscard]] bool is_gone() const;
  /// A regular file of ours; at most `most` bytes of it, from byte `from` on. Errors: not_found, io, too_large.
  [[nodiscard]] Result<std::string> read(const char* name, std::size_t most = kSpoolTextMax) const;
  [[nodiscard]] Result<std::string> read_from(const char* name, std::uint64_t from, std::size_t most) const;
  Result<void> write(const std::string& name, std::string_view bytes) const;
  /// True: it is `who` that has the attempt, from now on.
  Result<bool> claim(const std::string& who) const;
  [[nodiscard]] std::optional<std::string> claimed_by() const;
  /// Out of the way of a job that comes late, and of the next attempt.
  void put_aside();
  void remove() const;

  [[nodiscard]] std::string at(const char* name) const { return folder_ + "/" + name; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

/// Everything that the order needs, then the order. Errors: io, blob_missing.
Result<void> write_order(const SlurmSpool& spool, const SpoolOrder& order, const persistence::EventStore& store);
Result<SpoolOrder> read_order(const SlurmSpool& spool);

/// Bytes by content in the folder of an attempt: all that an attempt needs of a store. Thread-safe.
class SpoolStore final : public persistence::BlobsOnlyStore {
 public:
  explicit SpoolStore(const std::string& spool) : folder_(spool + "/" + kSpoolBlobs) {}

  Result<std::string> put_blob(std::string_view bytes) override;
  [[nodiscard]] Result<std::string> read_blob(const std::string& sha256) const override;
  [[nodiscard]] bool has_blob(const std::string& sha256) const override;
  std::unique_ptr<BlobSink> blob_sink() override;
  /// Piece by piece into another store, which gets nothing that has not this hash.
  Result<void> copy_to(const std::string& sha256, persistence::EventStore& store) const;

 private:
  std::string folder_;
};

}  // namespace hillstar::actors
