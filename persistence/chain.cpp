// SPDX-License-Identifier: Apache-2.0
#include "persistence/chain.hpp"

#include <string>
#include <utility>

#include "persistence/keys.hpp"
#include "persistence/limits.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::persistence {

using namespace std::string_view_literals;

Hash fold(const Hash& chain, const Hash& record) {
  return sha256("hslog1\0"sv, keys::bytes_of(chain), keys::bytes_of(record));
}

LogHead fold(const LogHead& head, const Hash& record) { return {head.count + 1, fold(head.chain, record)}; }

Error record_error(Errc code, std::string message, const RunId& run, std::uint64_t seq) {
  return {code, std::move(message), "run " + run.str() + ", seq " + std::to_string(seq),
          "Other runs are not affected; `hillstar-actors verify` lists every damaged run."};
}

Result<Recorded> decode_at(std::string_view line, const RunId& run, std::uint64_t seq) {
  auto recorded = decode(line, run);
  if (!recorded) {
    auto error = std::move(recorded).error();
    const std::string place = "run " + run.str() + ", seq " + std::to_string(seq);
    if (error.where.compare(0, place.size(), place) != 0) error.where = place;
    return error;
  }
  if (recorded->seq != seq)
    return record_error(Errc::record_corrupt,
                        "the record says that it is number " + std::to_string(recorded->seq) + ".", run, seq);
  return recorded;
}

ChainWalk::ChainWalk(RunId run, std::uint64_t seq, const Hash& hash) : run_(std::move(run)), seq_(seq), hash_(hash) {}

Result<void> ChainWalk::step(std::uint64_t seq, const Hash& hash, std::string_view line) {
  const std::uint64_t expected = seq_ + 1;
  if (seq != expected)
    return record_error(Errc::chain_broken, "the record is missing; the next one is " + std::to_string(seq) + ".", run_,
                        expected);
  if (link(hash_, line) != hash)
    return record_error(Errc::chain_broken, "the record does not match its hash: it or the one before was changed.",
                        run_, expected);
  seq_ = expected;
  hash_ = hash;
  return {};
}

Result<void> ChainWalk::ends_at(std::uint64_t version) const {
  if (seq_ == version) return {};
  if (seq_ < version)
    return record_error(Errc::chain_broken,
                        "the record is missing; the history should have " + std::to_string(version) + " records.", run_,
                        seq_ + 1);
  return record_error(Errc::chain_broken,
                      "the history has more records than the " + std::to_string(version) + " that were committed.",
                      run_, version + 1);
}

Result<void> check_append(const Append& append, const Hash& previous) {
  const auto bug = [&](std::string message) {
    return Error(Errc::internal, std::move(message), "append to run " + append.run.str());
  };
  if (append.run.str().size() != kRunIdBytes) return bug("a run id has 26 characters.");
  if (append.records.empty()) return bug("an append has at least one record.");
  if (append.summary.run != append.run) return bug("the summary is of run " + append.summary.run.str() + ".");
  if (append.summary.version != append.expected_version + append.records.size())
    return bug("the summary is of version " + std::to_string(append.summary.version) + ".");
  ChainWalk walk(append.run, append.expected_version, previous);
  for (const auto& record : append.records) {
    if (record.line.size() > kRecordBytesMax) return bug("a record is longer than 64 MiB.");
    if (auto linked = walk.step(record.seq, record.hash, record.line); !linked) return bug(linked.error().message);
  }
  return {};
}

}  // namespace hillstar::persistence
