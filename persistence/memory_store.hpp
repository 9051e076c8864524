// SPDX-License-Identifier: Apache-2.0
// EventStore in memory: for tests and for runs that shall leave nothing behind. Same contract, no durability.
#pragma once

#include <map>
#include <shared_mutex>
#include <string>
#include <vector>

#include "persistence/event_store.hpp"

namespace hillstar::persistence {

/// Thread-safe; commit() too.
class MemoryStore final : public EventStore {
 public:
  Result<std::vector<std::size_t>> commit(const std::vector<Append>& appends) override;
  [[nodiscard]] Result<std::vector<Recorded>> read(const RunId& run) const override;
  [[nodiscard]] Result<std::vector<Record>> read_records(const RunId& run, std::uint64_t from,
                                                         std::size_t limit) const override;
  Result<void> list(const std::function<bool(const run::Summary&)>& visit) const override;
  [[nodiscard]] Result<std::vector<RunId>> histories(char letter) const override;
  [[nodiscard]] Result<run::Summary> summary(const RunId& run) const override;
  Result<std::string> put_blob(std::string_view bytes) override;
  [[nodiscard]] Result<std::string> read_blob(const std::string& sha256) const override;
  [[nodiscard]] bool has_blob(const std::string& sha256) const override;
  std::unique_ptr<BlobSink> blob_sink() override;
  [[nodiscard]] LogHead head() const override;

 private:
  class Sink;
  struct History {
    std::vector<Record> records;
    run::Summary summary;
  };
  [[nodiscard]] Result<const History*> find(const RunId& run) const;

  mutable std::shared_mutex mutex_;
  std::map<RunId, History> runs_;
  std::map<std::string, std::string> blobs_;
  LogHead head_;
};

}  // namespace hillstar::persistence
