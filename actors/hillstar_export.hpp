// SPDX-License-Identifier: Apache-2.0
// Hillstar's files on disk: does what runtime/run/hillstar_files says, and writes a whole run's files again.
//
// The files can be derived from the store at any time, so they are not synced, except for those marked durable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/output_folder.hpp"
#include "messages/error.hpp"
#include "messages/ids.hpp"
#include "persistence/event_store.hpp"
#include "runtime/run/hillstar_files.hpp"

namespace hillstar::actors {

/// Records read at once.
inline constexpr std::size_t kExportPage = 512;

/// Does the operations in order, as OutputFolder does them. What was done before an error stays.
Result<void> write_operations(const std::string& folder, const std::vector<run::FileOperation>& operations,
                              const std::string& workspace = {});

/// Creates the output folder with all its sub-folders, so that scripts find them from the first node on.
Result<void> prepare_output_folder(const std::string& folder, const std::string& workflow_id,
                                   const std::string& workspace = {});

/// Follows one run in the store, page by page. One thread at a time.
class RunExport {
 public:
  /// `folder` empty: where the run says. `store` outlives the export.
  RunExport(const persistence::EventStore& store, RunId run, std::string folder, run::HillstarOptions options);
  ~RunExport();

  /// Writes what the next page of records asks for. False: there is no more for now. After an error the export is of
  /// no further use; a new one begins again.
  Result<bool> advance();
  /// The run's last event is written.
  [[nodiscard]] bool is_ended() const;

 private:
  Result<void> begin();

  const persistence::EventStore& store_;
  RunId run_;
  std::string folder_;
  std::string workspace_;  ///< Scripts may have laid links in it; empty: the folder is not theirs.
  run::HillstarOptions options_;
  std::unique_ptr<run::HillstarFiles> files_;
};

/// Writes the files of a run into `dir`, from its first event on: all of them but `commit_ready.json`. Errors: those of
/// EventStore, io, permission_denied.
Result<void> export_run(const persistence::EventStore& store, const RunId& run, const std::string& dir);

/// For an ended run whose process died before its last files were there: writes all of them into the run's own output
/// folder, the marker too. False: nothing was missing. Nobody else may be writing the run's files.
Result<bool> finish_export(const persistence::EventStore& store, const RunId& run);

}  // namespace hillstar::actors
