// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/verify_service.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <set>

#include "apps/cli/report.hpp"
#include "apps/cli/stream_histories.hpp"
#include "messages/json.hpp"
#include "persistence/blob_names.hpp"
#include "persistence/chain.hpp"
#include "persistence/run_start.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using persistence::Hash;

/// Looks at a history that goes on meanwhile.
constexpr int kLooksMax = 5;
/// Names of blobs that are known to be good; beyond it a blob may be fetched twice.
constexpr std::size_t kCheckedBlobsMax = 200'000;
constexpr std::size_t kProblemsMax = 10'000;

/// As its errors say it; 0: the row.
std::uint64_t seq_in(const Error& error) {
  constexpr std::string_view kEvent = " event ";
  const auto at = error.where.rfind(kEvent);
  std::uint64_t seq = 0;
  if (at != std::string::npos)
    std::from_chars(error.where.data() + at + kEvent.size(), error.where.data() + error.where.size(), seq);
  return seq;
}

Error strange() {
  return {Errc::host_protocol,
          "The service answers in words of another version.",
          {},
          "Use the same version of hillstar-actors on both sides."};
}

std::uint64_t number_of(const bj::value* value) {
  return value != nullptr && value->is_int64() && value->get_int64() >= 0
             ? static_cast<std::uint64_t>(value->get_int64())
             : 0;
}

std::string text_of(const bj::value* value) {
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

class Auditor {
 public:
  Auditor(const http::Remote& remote, const persistence::EventStore& store) : remote_(remote), store_(store) {}

  Result<persistence::Verification> run() {
    std::vector<RunId> ids;
    HILLSTAR_CHECK(store_.list([&ids](const run::Summary& row) {
      ids.push_back(row.run);
      return true;
    }));
    for (const char letter : {kStreamLetter, kStateLetter}) {
      HILLSTAR_TRY(const auto more, store_.histories(letter));
      ids.insert(ids.end(), more.begin(), more.end());
    }
    std::sort(ids.begin(), ids.end());
    for (const auto& id : ids) HILLSTAR_CHECK(look_at(id));
    HILLSTAR_CHECK(check_log());
    return std::move(found_);
  }

 private:
  /// An error only if the service is gone.
  Result<void> look_at(const RunId& id) {
    ++(is_stream_history(id) ? found_.streams : is_state_history(id) ? found_.states : found_.runs);
    Result<void> looked;
    for (int look = 0; look < kLooksMax; ++look) {
      looked = check(id);
      if (looked || looked.error().code != Errc::replay_differs) break;
    }
    const auto& hashes = hashes_[id];
    found_.records += hashes.size();
    if (looked) return {};
    const auto code = looked.error().code;
    if (code == Errc::host_unreachable || code == Errc::unauthenticated || code == Errc::forbidden) return looked;
    const auto from = code == Errc::replay_differs ? 0 : seq_in(looked.error());
    if (found_.damaged.size() < kProblemsMax) found_.damaged.push_back({id.str(), from, to_string(looked.error())});
    return {};
  }

  Result<void> check(const RunId& id) {
    StoredRun stored;
    stored.run = id;
    HILLSTAR_TRY(const auto records, store_.read_records(id, 1, SIZE_MAX));
    auto& hashes = hashes_[id];
    hashes.clear();
    for (const auto& record : records) {
      HILLSTAR_TRY(auto recorded, persistence::decode_at(record.line, id, record.seq));
      for (const auto& sha256 : persistence::blobs_named_by(recorded.event)) check_blob(sha256, id, record.seq);
      hashes.push_back(record.hash);
      stored.history.push_back(std::move(recorded));
    }
    if (!is_run_history(id)) {
      const auto folded = is_stream_history(id) ? check_stream(store_, id) : check_scope(store_, id);
      return folded ? Result<void>() : Result<void>(folded.error());
    }
    HILLSTAR_TRY(const auto* started, persistence::run_start(stored.history, id));
    HILLSTAR_TRY(auto plan, load_plan(store_, started->plan_sha256));
    HILLSTAR_TRY(const auto row, store_.summary(id));
    if (run::agrees(row, run::summarize(run::replay(std::move(plan), stored.history), id))) return {};
    return Error{Errc::replay_differs, "The history folds to another state than its row.", id.str(), {}};
  }

  void check_blob(const std::string& sha256, const RunId& id, std::uint64_t seq) {
    if (checked_.contains(sha256)) return;
    if (checked_.size() >= kCheckedBlobsMax) checked_.clear();
    checked_.insert(sha256);
    ++found_.blobs;
    const auto copied = store_.copy_blob(sha256, [](std::string_view) { return Result<void>(); });
    if (!copied && found_.blob_problems.size() < kProblemsMax)
      found_.blob_problems.push_back(to_string(copied.error()) + " Named by run " + id.str() + ", seq " +
                                     std::to_string(seq) + ".");
  }

  Result<void> check_log() {
    persistence::LogHead folded;
    std::uint64_t end = 1;  // not known yet
    std::string chain;
    while (folded.count < end) {
      HILLSTAR_TRY(const auto page, remote_.get("/v1/log?from=" + std::to_string(folded.count + 1)));
      HILLSTAR_TRY(const auto said, json::parse(page.body));
      const auto* entries = json::member(said, "entries");
      if (entries == nullptr || !entries->is_array()) return strange();
      if (chain.empty()) {
        // What is committed from now on is none of this look's.
        end = number_of(json::member(said, "count"));
        chain = text_of(json::member(said, "chain"));
      }
      if (entries->get_array().empty()) break;
      for (const auto& entry : entries->get_array()) {
        if (folded.count == end) break;
        if (!take(entry, folded)) return {};
      }
    }
    if (folded.count != end || persistence::to_hex(folded.chain) != chain)
      found_.log_problem = "the records do not make the chain of the log's head";
    else if (in_log_ < found_.records)
      found_.log_problem =
          std::to_string(found_.records - in_log_) + " records that were handed out are not in the log";
    HILLSTAR_CHECK(fetch_removed());
    return check_others();
  }

  /// False: it does not fit, and nothing more is looked at.
  bool take(const bj::value& entry, persistence::LogHead& folded) {
    const auto at = std::to_string(folded.count + 1);
    const auto* parts = entry.if_array();
    const auto hash = parts != nullptr && parts->size() == 3 ? persistence::hash_from_hex(text_of(&(*parts)[2]))
                                                             : std::optional<Hash>();
    if (!hash) {
      found_.log_problem = "record " + at + " of the log is missing";
      return false;
    }
    folded = persistence::fold(folded, *hash);
    const RunId id(text_of(&(*parts)[0]));
    const auto seq = number_of(&(*parts)[1]);
    const auto known = hashes_.find(id);
    if (known == hashes_.end()) {
      ++others_[id];
    } else if (seq >= 1 && seq <= known->second.size()) {
      ++in_log_;
      if (known->second[seq - 1] == *hash) return true;
      found_.log_problem =
          "record " + at + " of the log has another hash than event " + std::to_string(seq) + " of " + id.str();
      return false;
    }
    return true;
  }

  Result<void> fetch_removed() {
    for (std::string after;;) {
      HILLSTAR_TRY(const auto page, remote_.get("/v1/removed" + (after.empty() ? "" : "?after=" + after)));
      HILLSTAR_TRY(const auto rows, json::parse(page.body));
      if (!rows.is_array()) return strange();
      if (rows.get_array().empty()) return {};
      for (const auto& row : rows.get_array()) {
        after = text_of(json::member(row, "run"));
        const auto records = number_of(json::member(row, "records"));
        const auto at = from_rfc3339(text_of(json::member(row, "removed_at")));
        if (after.size() != 26 || !at) return strange();
        ++found_.removed_runs;
        found_.removed_records += records;
        found_.removed_last = std::max(found_.removed_last.value_or(*at), *at);
        const auto left = others_.find(RunId(after));
        if (left == others_.end()) continue;
        if (left->second != records && found_.damaged.size() < kProblemsMax)
          found_.damaged.push_back({after, 1, "the log does not hold the hashes of all records that were removed"});
        others_.erase(left);
      }
    }
  }

  /// What the log names besides began while this went on, or is kept from us.
  Result<void> check_others() {
    for (const auto& [id, records] : others_) {
      const auto row = store_.summary(id);
      if (!row && row.error().code == Errc::host_unreachable) return row.error();
      if (!row && found_.damaged.size() < kProblemsMax)
        found_.damaged.push_back(
            {id.str(), 1, "the log has " + std::to_string(records) + " records of it, and the service hands out none"});
    }
    return {};
  }

  const http::Remote& remote_;
  const persistence::EventStore& store_;
  std::map<RunId, std::vector<Hash>> hashes_;
  std::map<RunId, std::uint64_t> others_;  // in the log alone: records
  std::uint64_t in_log_ = 0;
  std::set<std::string> checked_;
  persistence::Verification found_;
};

}  // namespace

Result<persistence::Verification> verify_service(const http::Remote& remote, const persistence::EventStore& store) {
  return Auditor(remote, store).run();
}

}  // namespace hillstar::cli
