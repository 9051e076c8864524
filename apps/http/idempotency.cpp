// SPDX-License-Identifier: Apache-2.0
#include "apps/http/idempotency.hpp"

namespace hillstar::http {

Result<void> IdempotencyKeys::load(const persistence::EventStore& store, UtcTime now) {
  persistence::RunQuery query;
  query.since = UtcTime{now.micros - std::int64_t{kKeyHours} * 3'600'000'000};
  query.limit = persistence::kPageRowsMax;
  std::size_t rows = 0;
  for (;;) {
    HILLSTAR_TRY(const auto page, store.query(query));
    for (const auto& row : page.rows)
      if (row.key && !row.stream) put(*row.key, {row.run, {}});
    rows += page.rows.size();
    if (!page.more || page.rows.empty() || rows >= kKeysMax) return {};
    query.before = page.rows.back().run;
  }
}

void IdempotencyKeys::put(const std::string& key, Entry entry) {
  by_age_[entry.run] = key;
  entries_[key] = std::move(entry);
  while (entries_.size() > kKeysMax) {
    entries_.erase(by_age_.begin()->second);
    by_age_.erase(by_age_.begin());
  }
}

Result<IdempotencyKeys::Claim> IdempotencyKeys::claim(const persistence::EventStore& store, const std::string& key,
                                                      const std::string& fingerprint, const RunId& fresh, UtcTime now) {
  const std::lock_guard lock(mutex_);
  if (!loaded_) HILLSTAR_CHECK(load(store, now));
  loaded_ = true;
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    put(key, {fresh, fingerprint});
    return Claim{fresh, false};
  }
  if (!found->second.fingerprint.empty() && found->second.fingerprint != fingerprint)
    return Error{Errc::usage, "This Idempotency-Key came with another request before.", found->second.run.str(),
                 "Use a new key for each run that is to start."};
  return Claim{found->second.run, true};
}

void IdempotencyKeys::release(const std::string& key, const RunId& run) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.run != run) return;
  by_age_.erase(run);
  entries_.erase(found);
}

}  // namespace hillstar::http
