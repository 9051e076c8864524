// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/verify_service.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "apps/cli/report.hpp"
#include "apps/cli/stream_histories.hpp"
#include "messages/json.hpp"
#include "persistence/blob_names.hpp"
#include "persistence/chain.hpp"
#include "persistence/run_start.hpp"
#include "runtime/platform/id_source.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using persistence::Hash;

/// Looks at the history of a stream or of shared state that goes on meanwhile.
constexpr int kLooksMax = 5;
/// Names of blobs that are known to be good; beyond it a blob may be fetched twice.
constexpr std::size_t kCheckedBlobsMax = 200'000;
constexpr std::size_t kProblemsMax = 10'000;

/// As errors of the service's store and of a codec say it; 0: the row.
std::uint64_t seq_in(const Error& error) {
  std::uint64_t seq = 0;
  for (const std::string_view word : {" event ", ", seq "})
    if (const auto at = error.where.rfind(word); at != std::string::npos)
      std::from_chars(error.where.data() + at + word.size(), error.where.data() + error.where.size(), seq);
  return seq;
}

/// Nothing more can be looked at.
bool is_gone(const Error& error) {
  return error.code == Errc::host_unreachable || error.code == Errc::unauthenticated || error.code == Errc::forbidden;
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
    // Before the log: of what was removed by now it has every record.
    HILLSTAR_CHECK(fetch_removed());
    HILLSTAR_CHECK(check_log());
    HILLSTAR_CHECK(check_others());
    report_blobs();
    return std::move(found_);
  }

 private:
  /// An error only if the service is gone.
  Result<void> look_at(const RunId& id) {
    auto& counted = is_stream_history(id) ? found_.streams : is_state_history(id) ? found_.states : found_.runs;
    Result<void> looked;
    for (int look = 0; look < kLooksMax; ++look) {
      looked = check(id);
      if (looked || is_run_history(id) || looked.error().code != Errc::replay_differs) break;
    }
    if (!looked && is_gone(looked.error())) return looked;
    if (!looked && looked.error().code == Errc::run_not_found) {
      // Removed since it was listed, or kept from us: the list of what was removed tells.
      hashes_.erase(id);
      others_[id];
      return {};
    }
    ++counted;
    found_.records += hashes_[id].size();
    if (looked) return {};
    damaged(id, looked.error().code == Errc::replay_differs ? 0 : seq_in(looked.error()), to_string(looked.error()));
    return {};
  }

  void damaged(const RunId& id, std::uint64_t from_seq, std::string problem) {
    if (found_.damaged.size() < kProblemsMax) found_.damaged.push_back({id.str(), from_seq, std::move(problem)});
  }

  Result<void> check(const RunId& id) {
    auto& hashes = hashes_[id];
    hashes.clear();
    // The row first: what is recorded from now on is none of this look's.
    HILLSTAR_TRY(const auto row, store_.summary(id));
    HILLSTAR_TRY(const auto records, store_.read_records(id, 1, row.version));
    std::vector<Recorded> history;
    for (const auto& record : records) {
      HILLSTAR_TRY(auto recorded, persistence::decode_at(record.line, id, record.seq));
      for (const auto& sha256 : persistence::blobs_named_by(recorded.event))
        HILLSTAR_CHECK(check_blob(sha256, id, record.seq));
      hashes.push_back(record.hash);
      history.push_back(std::move(recorded));
    }
    if (history.size() != row.version)
      return Error{Errc::chain_broken,
                   "The history does not have the " + std::to_string(row.version) + " records that its row says.",
                   id.str() + " event " + std::to_string(history.size() + 1),
                   {}};
    if (!is_run_history(id)) {
      const auto folded = is_stream_history(id) ? check_stream(store_, id) : check_scope(store_, id);
      return folded ? Result<void>() : Result<void>(folded.error());
    }
    HILLSTAR_TRY(const auto* started, persistence::run_start(history, id));
    HILLSTAR_TRY(auto plan, load_plan(store_, started->plan_sha256));
    if (run::agrees(row, run::summarize(run::replay(std::move(plan), history), id))) return {};
    return Error{Errc::replay_differs, "The history folds to another state than its row.", id.str(), {}};
  }

  Result<void> check_blob(const std::string& sha256, const RunId& id, std::uint64_t seq) {
    if (checked_.contains(sha256)) return {};
    if (checked_.size() >= kCheckedBlobsMax) checked_.clear();
    checked_.insert(sha256);
    ++found_.blobs;
    const auto copied = store_.copy_blob(sha256, [](std::string_view) { return Result<void>(); });
    if (copied) return {};
    if (is_gone(copied.error())) return copied;
    if (blob_problems_.size() < kProblemsMax)
      blob_problems_.emplace_back(
          id, to_string(copied.error()) + " Named by run " + id.str() + ", seq " + std::to_string(seq) + ".");
    return {};
  }

  /// A run that was removed while this went on took its blobs along.
  void report_blobs() {
    for (auto& [id, problem] : blob_problems_)
      if (!removed_.contains(id)) found_.blob_problems.push_back(std::move(problem));
  }

  Result<void> check_log() {
    persistence::LogHead folded;
    std::optional<std::uint64_t> end;
    std::string chain;
    while (!end || folded.count < *end) {
      HILLSTAR_TRY(const auto page, remote_.get("/v1/log?from=" + std::to_string(folded.count + 1)));
      HILLSTAR_TRY(const auto said, json::parse(page.body));
      const auto* entries = json::member(said, "entries");
      if (entries == nullptr || !entries->is_array()) return strange();
      if (!end) {
        // What is committed from now on is none of this look's.
        end = number_of(json::member(said, "count"));
        chain = text_of(json::member(said, "chain"));
      }
      if (entries->get_array().empty()) break;
      for (const auto& entry : entries->get_array()) {
        if (folded.count == *end) break;
        if (!take(entry, folded)) return {};
      }
    }
    if (folded.count != *end || persistence::to_hex(folded.chain) != chain) {
      found_.log_problem = "the records do not make the chain of the log's head";
      return {};
    }
    std::uint64_t missing = 0;
    for (const auto& [id, hashes] : hashes_)
      missing += hashes.size() - std::min<std::uint64_t>(hashes.size(), named_[id]);
    if (missing > 0) found_.log_problem = std::to_string(missing) + " records that were handed out are not in the log";
    return {};
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
    // Those of one history come in their order, and each of them once.
    const auto seq = ++named_[id];
    if (number_of(&(*parts)[1]) != seq) {
      found_.log_problem = "record " + at + " of the log is not event " + std::to_string(seq) + " of " + id.str();
      return false;
    }
    const auto known = hashes_.find(id);
    if (known == hashes_.end()) {
      others_[id].push_back(*hash);
    } else if (seq <= known->second.size() && known->second[seq - 1] != *hash) {
      found_.log_problem =
          "record " + at + " of the log has another hash than event " + std::to_string(seq) + " of " + id.str();
      return false;
    }
    return true;
  }

  Result<void> fetch_removed() {
    for (RunId after;;) {
      HILLSTAR_TRY(const auto page, remote_.get("/v1/removed" + (after.str().empty() ? "" : "?after=" + after.str())));
      HILLSTAR_TRY(const auto rows, json::parse(page.body));
      if (!rows.is_array()) return strange();
      if (rows.get_array().empty()) return {};
      for (const auto& row : rows.get_array()) {
        const RunId id(text_of(json::member(row, "run")));
        const auto at = from_rfc3339(text_of(json::member(row, "removed_at")));
        // Always behind the one before: what repeats itself would never end.
        if (!is_run_id(id.str()) || id <= after || !at) return strange();
        after = id;
        const auto records = number_of(json::member(row, "records"));
        if (!removed_.emplace(id, records).second) continue;
        ++found_.removed_runs;
        found_.removed_records += records;
        found_.removed_last = std::max(found_.removed_last.value_or(*at), *at);
      }
    }
  }

  /// What the log names besides was removed, began while this went on, or is kept from us.
  Result<void> check_others() {
    const auto known = removed_;
    for (const auto& [id, logged] : others_)
      if (!removed_.contains(id)) {
        HILLSTAR_CHECK(fetch_removed());
        break;
      }
    for (const auto& [id, logged] : std::exchange(others_, {})) {
      const auto removed = removed_.find(id);
      if (removed != removed_.end()) {
        // Of one that was removed meanwhile the end may have come after the log was read.
        const bool fits = known.contains(id) ? logged.size() == removed->second : logged.size() <= removed->second;
        if (!fits && found_.log_problem.empty())
          damaged(id, 1, "the log does not hold the hashes of all records that were removed");
        continue;
      }
      HILLSTAR_CHECK(check_unlisted(id, logged));
    }
    return {};
  }

  Result<void> check_unlisted(const RunId& id, const std::vector<Hash>& logged) {
    HILLSTAR_CHECK(look_at(id));
    const auto found = hashes_.find(id);
    if (found == hashes_.end()) {
      damaged(id, 1, "the log has " + std::to_string(logged.size()) + " records of it, and the service hands out none");
      return {};
    }
    const auto& handed = found->second;
    if (handed.size() < logged.size() || !std::equal(logged.begin(), logged.end(), handed.begin()))
      damaged(id, 1, "the log has other records of it than the service hands out");
    return {};
  }

  const http::Remote& remote_;
  const persistence::EventStore& store_;
  std::map<RunId, std::vector<Hash>> hashes_;  // of what was handed out
  std::map<RunId, std::vector<Hash>> others_;  // in the log alone, or in the list alone
  std::map<RunId, std::uint64_t> named_;       // by the log: events
  std::map<RunId, std::uint64_t> removed_;     // records
  std::set<std::string> checked_;
  std::vector<std::pair<RunId, std::string>> blob_problems_;
  persistence::Verification found_;
};

}  // namespace

Result<persistence::Verification> verify_service(const http::Remote& remote, const persistence::EventStore& store) {
  return Auditor(remote, store).run();
}

}  // namespace hillstar::cli
