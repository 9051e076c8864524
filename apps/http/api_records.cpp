// SPDX-License-Identifier: Apache-2.0
// Histories as they are kept: records with their hashes, blobs, and the log that holds all of them. Enough to fold, to
// check and to copy a run elsewhere, and to check a whole store from outside.
#include <algorithm>

#include "apps/cli/call_list.hpp"
#include "apps/http/api_context.hpp"
#include "persistence/export.hpp"
#include "persistence/limits.hpp"
#include "persistence/log_view.hpp"
#include "persistence/rocksdb_store.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;

constexpr std::uint64_t kRecordsMax = 1'000;
/// Records that are read at a time: a page may end long before its last one.
constexpr std::size_t kRecordsRead = 64;
/// Entries of the log in one answer: about 13 MiB.
constexpr std::uint64_t kLogEntriesMax = 100'000;
constexpr std::uint64_t kRemovedMax = 10'000;
/// Bytes of a blob in one answer.
constexpr std::size_t kBlobBytesMax = 48U << 20U;
/// Bytes of records after which a page ends.
constexpr std::size_t kPageBytes = 8U << 20U;

/// Lines as in an export. The first record of a page after the first names the hash of the one before it.
Result<Response> record_page(Api& api, const Request& request, const RunId& history, const std::string& path) {
  HILLSTAR_CHECK(check_query(request, {"from", "limit"}));
  HILLSTAR_TRY(const auto from, number_in(request, "from", {1, INT64_MAX, 1}));
  HILLSTAR_TRY(const auto limit, number_in(request, "limit", {1, kRecordsMax, kRecordsMax}));
  const auto& store = api.parts.store;
  persistence::Hash previous{};
  if (from > 1) {
    HILLSTAR_TRY(const auto before, store.read_records(history, from - 1, 1));
    if (!before.empty()) previous = before.front().hash;
  }
  Response response;
  response.content_type = "application/jsonl";
  std::uint64_t next = from;
  bool ended = false;
  while (!ended && next - from < limit && response.body.size() <= kPageBytes) {
    const auto count = std::min<std::uint64_t>(kRecordsRead, limit - (next - from));
    HILLSTAR_TRY(const auto some, store.read_records(history, next, count));
    ended = some.size() < count;
    for (const auto& record : some) {
      response.body += persistence::export_line(record, previous) + "\n";
      previous = record.hash;
      next = record.seq + 1;
      if (response.body.size() <= kPageBytes) continue;
      ended = false;
      break;
    }
  }
  if (!ended)
    response.headers.emplace_back("link", "<" + path + "/records?from=" + std::to_string(next) +
                                              "&limit=" + std::to_string(limit) + ">; rel=\"next\"");
  return response;
}

Result<Response> records(Api& api, const Request& request) {
  HILLSTAR_TRY(const auto row, run_row(api, request));
  return record_page(api, request, row.run, run_path(row.run));
}

/// The row of a stream's history, or of that of shared state.
Result<run::Summary> history_row(const Api& api, const Request& request) {
  const RunId id(param(request, "history"));
  const bool is_one = id.str().size() == persistence::kRunIdBytes && !is_run_history(id);
  if (is_one) {
    auto row = api.parts.store.summary(id);
    if (row || row.error().code != Errc::run_not_found) return row;
  }
  return Error{Errc::run_not_found, "There is no history of this id.", id.str().substr(0, persistence::kRunIdBytes),
               "GET /v1/histories lists them; those of runs are below /v1/runs."};
}

/// Histories that are not those of runs. They are few: as many as streams and places of shared state.
Result<Response> histories(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  bj::array rows;
  for (const char letter : {kStreamLetter, kStateLetter}) {
    HILLSTAR_TRY(const auto ids, api.parts.store.histories(letter));
    for (const auto& id : ids) {
      HILLSTAR_TRY(const auto row, api.parts.store.summary(id));
      rows.push_back(cli::row_object(row).value());
    }
  }
  return json_response(Json::of(rows));
}

Result<Response> history(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto row, history_row(api, request));
  return json_response(cli::row_object(row));
}

Result<Response> history_records(Api& api, const Request& request) {
  HILLSTAR_TRY(const auto row, history_row(api, request));
  return record_page(api, request, row.run, "/v1/histories/" + row.run.str());
}

/// A store in memory has no log of its own.
Result<const persistence::RocksStore*> kept_store(const Api& api) {
  const auto* store = dynamic_cast<const persistence::RocksStore*>(&api.parts.store);
  if (store == nullptr) return Error{Errc::usage, "A store in memory has no log.", {}, {}};
  return store;
}

/// The whole log as names and hashes.
Result<Response> log(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"from", "limit"}));
  HILLSTAR_TRY(const auto from, number_in(request, "from", {1, INT64_MAX, 1}));
  HILLSTAR_TRY(const auto limit, number_in(request, "limit", {1, kLogEntriesMax, kLogEntriesMax}));
  HILLSTAR_TRY(const auto* store, kept_store(api));
  HILLSTAR_TRY(const auto view, persistence::read_log(*store, from, limit));
  bj::array entries;
  for (const auto& entry : view.entries) {
    if (entry)
      entries.push_back(bj::array{entry->run.str(), entry->seq, persistence::to_hex(entry->hash)});
    else
      entries.emplace_back(nullptr);
  }
  return json_response(Json::of(
      bj::object{{"count", view.head.count}, {"chain", persistence::to_hex(view.head.chain)}, {"entries", entries}}));
}

/// What gc removed, in order of ids.
Result<Response> removed(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"after", "limit"}));
  HILLSTAR_TRY(const auto limit, number_in(request, "limit", {1, kRemovedMax, kRemovedMax}));
  HILLSTAR_TRY(const auto* store, kept_store(api));
  const RunId after(std::string(request.asked("after").value_or("")));
  HILLSTAR_TRY(const auto runs, persistence::removed_runs(*store, after, limit));
  bj::array rows;
  for (const auto& run : runs)
    rows.push_back(
        bj::object{{"run", run.run.str()}, {"records", run.records}, {"removed_at", to_rfc3339(run.removed_at)}});
  return json_response(Json::of(rows));
}

/// What went to models and came back: names of blobs, which /v1/blobs has.
Result<Response> calls(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_TRY(const auto history, api.parts.store.read(row.run));
  return json_response(cli::calls_document(history));
}

Result<Response> blob(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"from"}));
  HILLSTAR_TRY(const auto from, number_in(request, "from", {0, INT64_MAX, 0}));
  const auto& name = param(request, "sha256");
  const bool is_hash = name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_hash || !api.parts.store.has_blob(name))
    return Error{Errc::not_found, "There is no blob of this hash.", name.substr(0, 64), {}};
  Response response;
  response.content_type = "application/octet-stream";
  std::uint64_t at = 0;
  bool more = false;
  const auto take = [&](std::string_view piece) -> Result<void> {
    const auto skipped = std::min<std::uint64_t>(piece.size(), from > at ? from - at : 0);
    at += piece.size();
    piece.remove_prefix(skipped);
    const auto taken = piece.substr(0, kBlobBytesMax - response.body.size());
    response.body += taken;
    more = taken.size() < piece.size();
    if (more) return Error{Errc::output_limit, "The answer is full.", {}, {}};
    return {};
  };
  // The first page is of a blob that was looked at as a whole; who asks for the next ones knows its hash.
  const auto read = from == 0 ? api.parts.store.copy_blob(name, take) : api.parts.store.pass_blob(name, take);
  if (!read && !more) return read.error();
  if (more)
    response.headers.emplace_back(
        "link", "</v1/blobs/" + name + "?from=" + std::to_string(from + response.body.size()) + ">; rel=\"next\"");
  // What its content names never changes.
  response.headers.emplace_back("cache-control", "private, max-age=31536000, immutable");
  response.headers.emplace_back("x-content-type-options", "nosniff");
  return response;
}

}  // namespace

std::vector<Route> record_routes(const ApiPtr& api) {
  return {{"GET", "/v1/runs/{run}/records", Scope::read, 0, plain(api, records)},
          {"GET", "/v1/runs/{run}/calls", Scope::read, 0, plain(api, calls)},
          {"GET", "/v1/blobs/{sha256}", Scope::read, 0, plain(api, blob)},
          {"GET", "/v1/histories", Scope::read, 0, plain(api, histories)},
          {"GET", "/v1/histories/{history}", Scope::read, 0, plain(api, history)},
          {"GET", "/v1/histories/{history}/records", Scope::read, 0, plain(api, history_records)},
          {"GET", "/v1/log", Scope::read, 0, plain(api, log)},
          {"GET", "/v1/removed", Scope::read, 0, plain(api, removed)}};
}

}  // namespace hillstar::http
