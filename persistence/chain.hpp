// SPDX-License-Identifier: Apache-2.0
// The two hash chains: one through a run's records, one through the whole log in order of commit.
#pragma once

#include <cstdint>
#include <string_view>

#include "messages/error.hpp"
#include "messages/ids.hpp"
#include "persistence/event_store.hpp"

namespace hillstar::persistence {

/// The whole log's chain after one more record: SHA-256("hslog1" NUL || chain || record hash).
Hash fold(const Hash& chain, const Hash& record);
/// `head` after one more record.
LogHead fold(const LogHead& head, const Hash& record);

/// An error about one record: `run 01J..., seq 7`.
Error record_error(Errc code, std::string message, const RunId& run, std::uint64_t seq);

/// Decodes the record that stands at `seq`; record_corrupt if it names another. Errors name run and `seq`.
Result<Recorded> decode_at(std::string_view line, const RunId& run, std::uint64_t seq);

/// Follows the chain of one run, record by record.
class ChainWalk {
 public:
  /// The walk starts behind record `seq`, whose hash is `hash`; {0, zero bytes} is the start of the run.
  explicit ChainWalk(RunId run, std::uint64_t seq = 0, const Hash& hash = {});

  /// chain_broken unless this is the record that follows; the walk does not move then.
  Result<void> step(std::uint64_t seq, const Hash& hash, std::string_view line);
  /// chain_broken unless the walk has arrived at record `version`.
  [[nodiscard]] Result<void> ends_at(std::uint64_t version) const;
  [[nodiscard]] std::uint64_t seq() const { return seq_; }
  [[nodiscard]] const Hash& hash() const { return hash_; }

 private:
  RunId run_;
  std::uint64_t seq_;
  Hash hash_;
};

/// What a store demands of an append that meets its expected version: a proper run id, at least one record, lines
/// within the limit, each linked to the one before (`previous` to the first), and a summary of just this history.
/// Else `internal`: the caller has a bug, and the history would be unreadable for ever.
Result<void> check_append(const Append& append, const Hash& previous);

}  // namespace hillstar::persistence
