// SPDX-License-Identifier: Apache-2.0
// A store that hands every call to another one: a test's store says only what it does differently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/event_store.hpp"

namespace hillstar::testing {

/// Does what `under` does, which must outlive it. Threads: as `under`.
class ForwardingStore : public persistence::EventStore {
 public:
  explicit ForwardingStore(persistence::EventStore& under) : under_(under) {}

  Result<std::vector<std::size_t>> commit(const std::vector<persistence::Append>& appends) override {
    return under_.commit(appends);
  }
  [[nodiscard]] Result<std::vector<Recorded>> read(const RunId& run) const override { return under_.read(run); }
  [[nodiscard]] Result<std::vector<persistence::Record>> read_records(const RunId& run, std::uint64_t from,
                                                                      std::size_t limit) const override {
    return under_.read_records(run, from, limit);
  }
  Result<void> list(const std::function<bool(const run::Summary&)>& visit) const override { return under_.list(visit); }
  [[nodiscard]] Result<persistence::RunPage> query(const persistence::RunQuery& asked) const override {
    return under_.query(asked);
  }
  [[nodiscard]] Result<std::vector<RunId>> histories(char letter) const override { return under_.histories(letter); }
  [[nodiscard]] Result<run::Summary> summary(const RunId& run) const override { return under_.summary(run); }
  Result<std::string> put_blob(std::string_view bytes) override { return under_.put_blob(bytes); }
  [[nodiscard]] Result<std::string> read_blob(const std::string& sha256) const override {
    return under_.read_blob(sha256);
  }
  [[nodiscard]] bool has_blob(const std::string& sha256) const override { return under_.has_blob(sha256); }
  std::unique_ptr<BlobSink> blob_sink() override { return under_.blob_sink(); }
  [[nodiscard]] persistence::LogHead head() const override { return under_.head(); }

 private:
  persistence::EventStore& under_;
};

}  // namespace hillstar::testing
