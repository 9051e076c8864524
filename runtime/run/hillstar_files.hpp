// SPDX-License-Identifier: Apache-2.0
// Hillstar's files (traces, logs, audit folders, checkpoints, marker) as a fold over a run's history. Pure.
//
// The same code follows a live run and writes a past one again: it takes events in order and says what to do to files.
// docs/reference/files.md describes them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/events.hpp"
#include "messages/ids.hpp"
#include "messages/json.hpp"
#include "messages/value.hpp"
#include "runtime/run/hillstar_names.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::run {

/// One thing to do in the output folder. Paths are relative to it; their parts are safe as file names.
struct FileOperation {
  enum class Kind : std::uint8_t {
    make_folder,  ///< With its parents.
    append,       ///< Creates the file if there is none.
    replace,      ///< The whole file, in one step.
    copy,         ///< The same, with the content of `from`.
  };
  Kind kind = Kind::append;
  std::string path;
  std::string text;
  std::string from;
  /// A name that every run of the step uses: a file of a newer run stays, and one that no run of ours wrote is kept
  /// under another name. Holds the id of the run that writes.
  RunId newest_of;
  bool durable = false;  ///< Synced: others act on it.

  bool operator==(const FileOperation&) const = default;
};

/// The file with an ended run's own name that is written after all others of its kind.
std::string last_file(const RunId& run, const WorkflowId& workflow);
/// The copy under a stable name that is written after all other copies, when a run of the workflow has ended.
std::string last_copy(const WorkflowId& workflow);

/// Text that merged() puts into one operation.
inline constexpr std::size_t kMergedBytesMax = 4U << 20U;
/// The same operations in fewer: appends join the write before them of the same file.
std::vector<FileOperation> merged(std::vector<FileOperation> operations);

struct HillstarOptions {
  /// Write `commit_ready.json` when the run completes: while it happens, not when a past run is written again, for the
  /// marker may have been used up since.
  bool marker = true;
  /// For the marker: where the repository of a workspace stands, `{"folder", "head"}` or null.
  std::function<Json(const std::string&)> git = {};
};

class HillstarFiles {
 public:
  HillstarFiles(RunId run, std::shared_ptr<const workflow::Plan> plan, HashText sha256_hex, ReadBlob read_blob,
                HillstarOptions options = {});
  ~HillstarFiles();
  HillstarFiles(HillstarFiles&&) noexcept;
  HillstarFiles& operator=(HillstarFiles&&) noexcept;

  /// What the next event asks for. `chain` is the hex hash of its record. Events come in order, from the first on.
  /// Errors: those of ReadBlob; record_corrupt if the event does not follow the one before or does not fit the plan.
  Result<std::vector<FileOperation>> next(const Recorded& recorded, const std::string& chain);

  /// Events taken so far.
  [[nodiscard]] std::uint64_t seq() const;
  [[nodiscard]] bool is_ended() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hillstar::run
