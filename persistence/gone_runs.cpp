// SPDX-License-Identifier: Apache-2.0
#include "persistence/gone_runs.hpp"

#include <utility>

#include "messages/json_codec.hpp"
#include "persistence/chain.hpp"
#include "persistence/files.hpp"
#include "persistence/keys.hpp"

namespace hillstar::persistence {
namespace {

Result<GoneRun> parse(std::string_view row, const RunId& run) {
  const auto bad = [&](const std::string& message) {
    return Error(Errc::record_corrupt, "the row of the removed run cannot be read: " + message, "run " + run.str());
  };
  auto parsed = json::parse(row);
  if (!parsed) return bad(parsed.error().message);
  auto gone = json::read<GoneRun>(*parsed);
  if (!gone) return bad(gone.error().message);
  if (gone->run != run) return bad("it belongs to another run.");
  return gone;
}

}  // namespace

Result<std::optional<GoneRun>> read_gone(const Database& database, const rocksdb::ReadOptions& options,
                                         const RunId& run) {
  if (run.str().size() != kRunIdBytes) return std::optional<GoneRun>();
  rocksdb::PinnableSlice row;
  auto& db = database.db();
  const auto status = db.Get(options, db.DefaultColumnFamily(), slice(keys::gone(run)), &row);
  if (status.IsNotFound()) return std::optional<GoneRun>();
  if (!status.ok()) return open_error(status, database.folder());
  HILLSTAR_TRY(auto gone, parse({row.data(), row.size()}, run));
  return std::optional<GoneRun>(std::move(gone));
}

Result<void> each_gone(const Database& database, const RunId& after, const std::function<bool(const GoneRun&)>& visit) {
  const auto table = keys::table(keys::Table::gone);
  const Rows rows(database, table);
  for (rows->Seek(table.first + after.str()); rows->Valid(); rows->Next()) {
    const RunId run(std::string(rows.key().substr(1)));
    if (run == after) continue;
    HILLSTAR_TRY(const auto gone, parse(rows.value(), run));
    if (!visit(gone)) return {};
  }
  if (!rows->status().ok()) return open_error(rows->status(), database.folder());
  return {};
}

Error gone_error(const GoneRun& gone) {
  return {Errc::run_not_found,
          "run " + gone.run.str() + " of workflow '" + gone.workflow.str() + "' (" + gone.status +
              ") was removed by gc on " + to_rfc3339(gone.removed_at) + "; the hashes of its " +
              std::to_string(gone.records) + " records are kept.",
          {},
          "`hillstar-actors ls` shows the runs."};
}

Result<void> check_gone(const Database& database, const GoneRun& gone) {
  const Rows rows(database, keys::events_of(gone.run, 1));
  std::uint64_t seq = 0;
  std::string last;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const auto key = keys::read_event_key(rows.key());
    const auto value = keys::read_event(rows.value());
    if (!key || !value || key->seq != ++seq)
      return record_error(Errc::chain_broken, "the hash of the removed record is missing.", gone.run, seq);
    if (gone.stripped && !value->line.empty())
      return record_error(Errc::chain_broken, "the record was removed, but there is one.", gone.run, seq);
    last = to_hex(value->hash);
  }
  if (!rows->status().ok()) return open_error(rows->status(), database.folder());
  if (seq == gone.records && last == gone.last_hash) return {};
  return record_error(Errc::chain_broken, "the hashes of the removed records are not those that were kept.", gone.run,
                      seq);
}

}  // namespace hillstar::persistence
