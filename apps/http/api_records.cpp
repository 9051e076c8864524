// SPDX-License-Identifier: Apache-2.0
// Histories as they are kept: records with their hashes, and blobs. Enough to fold, to check and to copy a run
// elsewhere.
#include "apps/cli/call_list.hpp"
#include "apps/http/api_context.hpp"
#include "persistence/export.hpp"

namespace hillstar::http {
namespace {

constexpr std::uint64_t kRecordsMax = 1'000;
/// Longest blob that is handed out in one answer.
constexpr std::size_t kBlobBytesMax = 64U << 20U;
/// Bytes of records after which a page ends.
constexpr std::size_t kPageBytes = 8U << 20U;

/// Lines as in an export. The first record of a page after the first names the hash of the one before it.
Result<Response> records(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"from", "limit"}));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_TRY(const auto from, number_in(request, "from", {1, INT64_MAX, 1}));
  HILLSTAR_TRY(const auto limit, number_in(request, "limit", {1, kRecordsMax, kRecordsMax}));
  const auto& store = api.parts.store;
  persistence::Hash previous{};
  if (from > 1) {
    HILLSTAR_TRY(const auto before, store.read_records(row.run, from - 1, 1));
    if (!before.empty()) previous = before.front().hash;
  }
  HILLSTAR_TRY(const auto page, store.read_records(row.run, from, limit));
  Response response;
  response.content_type = "application/jsonl";
  std::uint64_t next = from;
  for (const auto& record : page) {
    response.body += persistence::export_line(record, previous) + "\n";
    previous = record.hash;
    next = record.seq + 1;
    if (response.body.size() > kPageBytes) break;
  }
  if (!page.empty() && (page.size() == limit || next <= page.back().seq))
    response.headers.emplace_back("link", "<" + run_path(row.run) + "/records?from=" + std::to_string(next) +
                                              "&limit=" + std::to_string(limit) + ">; rel=\"next\"");
  return response;
}

/// What went to models and came back: names of blobs, which /v1/blobs has.
Result<Response> calls(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_TRY(const auto history, api.parts.store.read(row.run));
  return json_response(cli::calls_document(history));
}

Result<Response> blob(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  const auto& name = param(request, "sha256");
  const bool is_hash = name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_hash || !api.parts.store.has_blob(name))
    return Error{Errc::not_found, "There is no blob of this hash.", name.substr(0, 64), {}};
  Response response;
  response.content_type = "application/octet-stream";
  HILLSTAR_CHECK(api.parts.store.copy_blob(name, [&response](std::string_view piece) -> Result<void> {
    if (response.body.size() + piece.size() > kBlobBytesMax)
      return Error{Errc::too_large, "The blob is longer than 64 MiB.", {}, "Read it where the store is."};
    response.body += piece;
    return {};
  }));
  // What its content names never changes.
  response.headers.emplace_back("cache-control", "private, max-age=31536000, immutable");
  response.headers.emplace_back("x-content-type-options", "nosniff");
  return response;
}

}  // namespace

std::vector<Route> record_routes(const ApiPtr& api) {
  return {{"GET", "/v1/runs/{run}/records", Scope::read, 0, plain(api, records)},
          {"GET", "/v1/runs/{run}/calls", Scope::read, 0, plain(api, calls)},
          {"GET", "/v1/blobs/{sha256}", Scope::read, 0, plain(api, blob)}};
}

}  // namespace hillstar::http
