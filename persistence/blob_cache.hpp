// SPDX-License-Identifier: Apache-2.0
// Blobs that can be had again from somewhere else, in files of a folder: as many as fit, for as long as the process
// lives. Nothing is synced; what a process before this one left is removed.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "persistence/blobs_only_store.hpp"

namespace hillstar::persistence {

/// Thread-safe. Bytes that do not have their hash any more are an error of whoever reads them, and are gone then.
class BlobCache final : public BlobsOnlyStore {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  /// Makes the folder, or empties it. Errors: io.
  static Result<std::unique_ptr<BlobCache>> open(const std::string& folder);

  Result<std::string> put_blob(std::string_view bytes) override;
  [[nodiscard]] Result<std::string> read_blob(const std::string& sha256) const override;
  [[nodiscard]] Result<void> copy_blob(const std::string& sha256,
                                       const std::function<Result<void>(std::string_view)>& take) const override;
  [[nodiscard]] Result<void> pass_blob(const std::string& sha256,
                                       const std::function<Result<void>(std::string_view)>& take) const override;
  [[nodiscard]] bool has_blob(const std::string& sha256) const override;
  std::unique_ptr<BlobSink> blob_sink() override;

  /// Removes what was not used since `before`, the longest unused first, until the rest has at most `most` bytes.
  void shrink(std::uint64_t most, Moment before);
  [[nodiscard]] std::uint64_t bytes() const;
  /// Why the last blob could not be kept; nothing once one was kept again.
  [[nodiscard]] std::optional<Error> failure() const;

 private:
  class Sink;
  struct Blob {
    std::string sha256;
    std::uint64_t bytes = 0;
    Moment used;
  };

  explicit BlobCache(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::string path_of(const std::string& sha256) const { return folder_ + "/" + sha256; }
  bool touch(const std::string& sha256) const;
  Result<void> keep(const std::string& temporary, const std::string& sha256, std::uint64_t bytes);
  void forget(const std::string& sha256) const;
  void note(const std::optional<Error>& failure);
  [[nodiscard]] std::string temporary();

  std::string folder_;
  mutable std::mutex mutex_;
  mutable std::list<Blob> blobs_;  ///< The longest unused first.
  mutable std::unordered_map<std::string, std::list<Blob>::iterator> places_;
  mutable std::uint64_t bytes_ = 0;
  std::uint64_t temporaries_ = 0;
  std::optional<Error> failure_;
};

}  // namespace hillstar::persistence
