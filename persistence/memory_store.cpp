// SPDX-License-Identifier: Apache-2.0
#include "persistence/memory_store.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "persistence/chain.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {

class MemoryStore::Sink final : public BlobSink {
 public:
  explicit Sink(MemoryStore& store) : store_(store) {}

  Result<void> append(std::string_view bytes) override {
    if (finished_) return Error(Errc::internal, "a blob was appended to after its end.");
    bytes_ += bytes;
    return {};
  }
  Result<std::string> finish() override {
    if (std::exchange(finished_, true)) return Error(Errc::internal, "a blob was finished twice.");
    return store_.put_blob(bytes_);
  }

 private:
  MemoryStore& store_;
  std::string bytes_;
  bool finished_ = false;
};

Result<std::vector<std::size_t>> MemoryStore::commit(const std::vector<Append>& appends) {
  const std::unique_lock lock(mutex_);
  // Checked as a whole before anything changes: a batch is committed or it is not.
  struct Tip {
    std::uint64_t version = 0;
    Hash hash{};
  };
  std::map<RunId, Tip> tips;
  std::vector<std::size_t> refused;
  for (std::size_t i = 0; i < appends.size(); ++i) {
    const auto& append = appends[i];
    const auto [entry, is_new] = tips.try_emplace(append.run);
    if (is_new) {
      const auto found = runs_.find(append.run);
      if (found != runs_.end()) entry->second = {found->second.records.size(), found->second.records.back().hash};
    }
    if (entry->second.version != append.expected_version) {
      refused.push_back(i);
      continue;
    }
    HILLSTAR_CHECK(check_append(append, entry->second.hash));
    entry->second = {append.summary.version, append.records.back().hash};
  }
  for (std::size_t i = 0; i < appends.size(); ++i) {
    if (std::binary_search(refused.begin(), refused.end(), i)) continue;
    auto& history = runs_[appends[i].run];
    history.records.insert(history.records.end(), appends[i].records.begin(), appends[i].records.end());
    history.summary = appends[i].summary;
    for (const auto& record : appends[i].records) head_ = fold(head_, record.hash);
  }
  return refused;
}

Result<const MemoryStore::History*> MemoryStore::find(const RunId& run) const {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return Error(Errc::run_not_found, "there is no run " + run.str() + ".");
  return &found->second;
}

Result<std::vector<Recorded>> MemoryStore::read(const RunId& run) const {
  const std::shared_lock lock(mutex_);
  HILLSTAR_TRY(const auto* history, find(run));
  std::vector<Recorded> events;
  events.reserve(history->records.size());
  ChainWalk walk(run);
  for (const auto& record : history->records) {
    HILLSTAR_CHECK(walk.step(record.seq, record.hash, record.line));
    HILLSTAR_TRY(auto recorded, decode_at(record.line, run, record.seq));
    events.push_back(std::move(recorded));
  }
  return events;
}

Result<std::vector<Record>> MemoryStore::read_records(const RunId& run, std::uint64_t from, std::size_t limit) const {
  const std::shared_lock lock(mutex_);
  HILLSTAR_TRY(const auto* history, find(run));
  const std::size_t size = history->records.size();
  const std::size_t begin = std::min<std::uint64_t>(size, from > 0 ? from - 1 : 0);
  const std::size_t end = begin + std::min(limit, size - begin);
  return std::vector<Record>(history->records.begin() + static_cast<std::ptrdiff_t>(begin),
                             history->records.begin() + static_cast<std::ptrdiff_t>(end));
}

Result<void> MemoryStore::list(const std::function<bool(const run::Summary&)>& visit) const {
  std::vector<run::Summary> rows;
  {
    const std::shared_lock lock(mutex_);
    for (auto entry = runs_.rbegin(); entry != runs_.rend(); ++entry)
      if (is_run_history(entry->first)) rows.push_back(entry->second.summary);
  }
  for (const auto& row : rows)
    if (!visit(row)) break;
  return {};
}

Result<std::vector<RunId>> MemoryStore::histories(char letter) const {
  std::vector<RunId> found;
  const std::shared_lock lock(mutex_);
  for (const auto& [id, history] : runs_)
    if (id.str().starts_with(letter)) found.push_back(id);
  return found;
}

Result<run::Summary> MemoryStore::summary(const RunId& run) const {
  const std::shared_lock lock(mutex_);
  HILLSTAR_TRY(const auto* history, find(run));
  return history->summary;
}

Result<std::string> MemoryStore::put_blob(std::string_view bytes) {
  auto name = sha256_hex(bytes);
  const std::unique_lock lock(mutex_);
  blobs_.try_emplace(name, bytes);
  return name;
}

Result<std::string> MemoryStore::read_blob(const std::string& sha256) const {
  const std::shared_lock lock(mutex_);
  const auto found = blobs_.find(sha256);
  if (found == blobs_.end()) return Error(Errc::blob_missing, "the blob is not in the store.", "blob " + sha256);
  return found->second;
}

bool MemoryStore::has_blob(const std::string& sha256) const {
  const std::shared_lock lock(mutex_);
  return blobs_.contains(sha256);
}

std::unique_ptr<BlobSink> MemoryStore::blob_sink() { return std::make_unique<Sink>(*this); }

LogHead MemoryStore::head() const {
  const std::shared_lock lock(mutex_);
  return head_;
}

}  // namespace hillstar::persistence
