// SPDX-License-Identifier: Apache-2.0
// For stores that keep blobs and no histories: machines that make attempts for a host elsewhere.
#pragma once

#include <functional>
#include <vector>

#include "persistence/event_store.hpp"

namespace hillstar::persistence {

class BlobsOnlyStore : public EventStore {
 public:
  Result<std::vector<std::size_t>> commit(const std::vector<Append>&) override { return none(); }
  [[nodiscard]] Result<std::vector<Recorded>> read(const RunId&) const override { return none(); }
  [[nodiscard]] Result<std::vector<Record>> read_records(const RunId&, std::uint64_t, std::size_t) const override {
    return none();
  }
  Result<void> list(const std::function<bool(const run::Summary&)>&) const override { return none(); }
  [[nodiscard]] Result<std::vector<RunId>> histories(char) const override { return none(); }
  [[nodiscard]] Result<run::Summary> summary(const RunId&) const override { return none(); }
  [[nodiscard]] LogHead head() const override { return {}; }

 private:
  static Error none() { return {Errc::internal, "this store keeps no histories", {}, {}}; }
};

}  // namespace hillstar::persistence
