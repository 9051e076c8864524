// SPDX-License-Identifier: Apache-2.0
// Checking a whole store, and the explicit way back after damage. Nothing here runs unless a person asks for it.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "persistence/event_store.hpp"
#include "persistence/rocksdb_store.hpp"

namespace hillstar::persistence {

/// A run that refuses to be read.
struct Damage {
  std::string run;
  std::uint64_t from_seq = 0;  ///< First record that cannot be trusted; 0: the run's row.
  std::string problem;
};
BOOST_DESCRIBE_STRUCT(Damage, (), (run, from_seq, problem))

struct Verification {
  std::uint64_t runs = 0;
  std::uint64_t records = 0;  ///< In all runs that can be read.
  std::uint64_t streams = 0;  ///< Histories of streams, besides,
  std::uint64_t states = 0;   ///< and those of shared state.
  std::uint64_t removed_runs = 0;
  std::uint64_t removed_records = 0;  ///< By gc: their hashes are there.
  std::optional<UtcTime> removed_last = {};
  std::uint64_t blobs = 0;  ///< Blobs named by those records, each counted once.
  std::vector<Damage> damaged;
  std::vector<std::string> blob_problems;
  std::string log_problem;  ///< Empty if all records, in order of commit, make the head's chain.

  [[nodiscard]] bool ok() const { return damaged.empty() && blob_problems.empty() && log_problem.empty(); }
};

/// Every run's chain, every blob that an event names, and the chain of the whole log against its head.
/// Memory: about 160 MiB at most, whatever the size of the store.
Result<Verification> verify_all(const RocksStore& store);

/// What repair found. Kept in the store as a recovery note.
struct RepairReport {
  UtcTime at;
  std::uint64_t head_count = 0;    ///< Records according to the head file; 0 if there was none.
  std::uint64_t log_count = 0;     ///< Records in the log as it can be read now.
  std::uint64_t records_lost = 0;  ///< At least so many: the head file may have lagged behind the log.
  std::string head_problem;        ///< What open would have refused; empty if nothing.
  std::vector<Damage> damaged;
  std::vector<std::string> blob_problems;
  std::string log_problem;
};
BOOST_DESCRIBE_STRUCT(RepairReport, (),
                      (at, head_count, log_count, records_lost, head_problem, damaged, blob_problems, log_problem))

/// Opens the store up to the first damage of its write-ahead log, writes a recovery note, and a head file for what is
/// there. Damaged runs are reported and stay refused; nothing is removed. store_busy if the store is in use,
/// store_open if the database cannot be opened even so.
Result<RepairReport> repair(const std::string& folder, UtcTime now, const std::shared_ptr<rocksdb::Env>& env = {});

/// The notes of all repairs, oldest first, as JSON.
Result<std::vector<std::string>> recovery_notes(const RocksStore& store);

}  // namespace hillstar::persistence
