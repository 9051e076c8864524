// SPDX-License-Identifier: Apache-2.0
// A store in memory over another one that is only read: what is written here leaves no trace there.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "persistence/memory_store.hpp"

namespace hillstar::persistence {

/// Thread-safe if the store below is.
class OverlayStore final : public EventStore {
 public:
  explicit OverlayStore(std::shared_ptr<const EventStore> below) : below_(std::move(below)) {}

  Result<std::vector<std::size_t>> commit(const std::vector<Append>& appends) override {
    return above_.commit(appends);
  }
  [[nodiscard]] Result<std::vector<Recorded>> read(const RunId& run) const override;
  [[nodiscard]] Result<std::vector<Record>> read_records(const RunId& run, std::uint64_t from,
                                                         std::size_t limit) const override;
  /// The runs above, then those below.
  Result<void> list(const std::function<bool(const run::Summary&)>& visit) const override;
  [[nodiscard]] Result<std::vector<RunId>> histories(char letter) const override;
  [[nodiscard]] Result<run::Summary> summary(const RunId& run) const override;
  /// Bytes that are below already are not held twice.
  Result<std::string> put_blob(std::string_view bytes) override;
  [[nodiscard]] Result<std::string> read_blob(const std::string& sha256) const override;
  [[nodiscard]] bool has_blob(const std::string& sha256) const override;
  std::unique_ptr<BlobSink> blob_sink() override { return above_.blob_sink(); }
  /// Of what was written above.
  [[nodiscard]] LogHead head() const override { return above_.head(); }

 private:
  MemoryStore above_;
  std::shared_ptr<const EventStore> below_;
};

}  // namespace hillstar::persistence
