// SPDX-License-Identifier: Apache-2.0
#include "persistence/overlay_store.hpp"

#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {

Result<std::vector<Recorded>> OverlayStore::read(const RunId& run) const {
  return above_.summary(run) ? above_.read(run) : below_->read(run);
}

Result<std::vector<Record>> OverlayStore::read_records(const RunId& run, std::uint64_t from, std::size_t limit) const {
  return above_.summary(run) ? above_.read_records(run, from, limit) : below_->read_records(run, from, limit);
}

Result<void> OverlayStore::list(const std::function<bool(const run::Summary&)>& visit) const {
  bool more = true;
  HILLSTAR_CHECK(above_.list([&](const run::Summary& row) { return more = visit(row); }));
  return more ? below_->list(visit) : Result<void>();
}

Result<std::vector<RunId>> OverlayStore::histories(char letter) const { return below_->histories(letter); }

Result<run::Summary> OverlayStore::summary(const RunId& run) const {
  auto row = above_.summary(run);
  return row ? row : below_->summary(run);
}

Result<std::string> OverlayStore::put_blob(std::string_view bytes) {
  auto name = sha256_hex(bytes);
  if (below_->has_blob(name)) return name;
  return above_.put_blob(bytes);
}

Result<std::string> OverlayStore::read_blob(const std::string& sha256) const {
  return above_.has_blob(sha256) ? above_.read_blob(sha256) : below_->read_blob(sha256);
}

bool OverlayStore::has_blob(const std::string& sha256) const {
  return above_.has_blob(sha256) || below_->has_blob(sha256);
}

}  // namespace hillstar::persistence
