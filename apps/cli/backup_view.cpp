// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/backup_view.hpp"

#include <boost/json.hpp>

#include "apps/cli/report.hpp"
#include "runtime/run/run.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::cli {

namespace bj = boost::json;

Result<void> history_folds(const persistence::EventStore& store, const RunId& history) {
  HILLSTAR_TRY(const auto stored, load_run(store, history));
  HILLSTAR_TRY(const auto row, store.summary(history));
  if (run::agrees(row, run::summarize(stored.state, history))) return {};
  return Error{Errc::replay_differs, "The history folds to another state than the stored row.", history.str(), {}};
}

Json backup_document(const persistence::BackupManifest& manifest, const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const auto& file : manifest.files) bytes += file.bytes;
  return Json::of(bj::object{{"ok", manifest.problems.empty()},
                             {"at", to_rfc3339(manifest.at)},
                             {"folder", folder},
                             {"program", manifest.program},
                             {"runs", manifest.runs},
                             {"records", manifest.records},
                             {"blobs", manifest.blobs},
                             {"files", manifest.files.size()},
                             {"bytes", bytes},
                             {"log_chain", manifest.log_chain},
                             {"seal", manifest.seal},
                             {"problems", bj::value_from(manifest.problems)}});
}

}  // namespace hillstar::cli
