// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/resume_point.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "apps/cli/carry.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/inheritance.hpp"
#include "runtime/run/fork.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::cli {
namespace {

constexpr std::size_t kCheckpointBytesMax = 1U << 30U;
/// Runs of the workflow, newest first, that are searched for the checkpoint.
constexpr std::size_t kRunsSearchedMax = 1'000;
constexpr std::size_t kFilesSearchedMax = 10'000;

Result<std::string> no_blob(const std::string&) {
  return Error{Errc::blob_missing, "A checkpoint file holds its results in place."};
}

Result<ResumePoint> from_file(const std::string& file, const workflow::Plan& plan) {
  HILLSTAR_TRY(const auto text, read_file(file, Errc::workflow_file, kCheckpointBytesMax));
  return resume_point_of(text, file, plan);
}

/// The results of a run at its checkpoint of `node`, or nothing if it has none.
std::optional<Checkpoint> checkpoint_of(const StoredRun& stored, const std::string& node) {
  const auto last = std::find_if(stored.history.rbegin(), stored.history.rend(), [&](const Recorded& recorded) {
    const auto* reached = std::get_if<CheckpointReached>(&recorded.event);
    return reached != nullptr && reached->node.str() == node;
  });
  if (last == stored.history.rend()) return std::nullopt;
  auto state = run::initial(stored.state.plan);
  for (const auto& recorded : stored.history) {
    if (recorded.seq > last->seq) break;
    run::evolve(state, recorded.event, recorded.at);
  }
  Checkpoint checkpoint;
  checkpoint.place = "run " + stored.run.str();
  checkpoint.node = node;
  checkpoint.workflow = state.plan->workflow.str();
  checkpoint.origin = Origin{stored.run, last->seq};
  for (NodeIndex i = 0; i < state.nodes.size(); ++i)
    if (state.nodes[i].status == run::NodeStatus::completed)
      checkpoint.results.emplace_back(state.plan->nodes[i].id.str(), run::result_of(state, i));
  return checkpoint;
}

/// The newest checkpoint file of the node. Names hold the time, but only to the second, so the file's own time counts.
Result<std::optional<ResumePoint>> from_folder(const std::string& folder, const std::string& node,
                                               const workflow::Plan& plan) {
  namespace fs = std::filesystem;
  std::error_code failed;
  std::vector<std::pair<fs::file_time_type, std::string>> files;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (name.rfind("checkpoint_", 0) == 0 && files.size() < kFilesSearchedMax)
      files.emplace_back(entry->last_write_time(failed), entry->path().string());
  }
  std::sort(files.rbegin(), files.rend());
  for (const auto& [time, file] : files) {
    const auto text = read_file(file, Errc::workflow_file, kCheckpointBytesMax);
    const auto checkpoint = text ? read_checkpoint(*text, file) : Result<Checkpoint>(text.error());
    // Other people's files may lie here too; one that is named by hand is judged strictly.
    if (!checkpoint || checkpoint->node != node || checkpoint->workflow != plan.workflow.str()) continue;
    HILLSTAR_TRY(auto point, from_file(file, plan));
    return std::optional<ResumePoint>(std::move(point));
  }
  return std::optional<ResumePoint>();
}

}  // namespace

Result<ResumePoint> find_resume_point(Context& context, const std::string& from, const workflow::Plan& plan,
                                      const std::string& output_dir) {
  std::error_code failed;
  if (std::filesystem::is_regular_file(from, failed)) return from_file(from, plan);
  if (const auto store = read_store(context)) {
    HILLSTAR_TRY(auto stored, find_stored_point(**store, from, plan));
    if (stored) return *std::move(stored);
  } else if (store.error().code != Errc::not_found) {
    return store.error();
  }
  HILLSTAR_TRY(auto exported, from_folder(output_dir + "/checkpoints", from, plan));
  if (exported) return *std::move(exported);
  return Error{
      Errc::not_found,
      "Checkpoint not found: " + from + ".",
      {},
      "Name a checkpoint file, or a node listed in `state.checkpoints` that a run of this workflow has reached."};
}

Result<std::optional<ResumePoint>> find_stored_point(const persistence::EventStore& store, const std::string& node,
                                                     const workflow::Plan& plan) {
  std::vector<RunId> runs;
  HILLSTAR_CHECK(store.each({.workflow = plan.workflow}, [&](const run::Summary& row) {
    runs.push_back(row.run);
    return runs.size() < kRunsSearchedMax;
  }));
  for (const auto& run : runs) {
    HILLSTAR_TRY(const auto stored, load_run(store, run));
    const auto checkpoint = checkpoint_of(stored, node);
    if (!checkpoint) continue;
    const auto read = [&store](const std::string& sha256) { return store.read_blob(sha256); };
    HILLSTAR_TRY(auto inherited, inherit(*checkpoint, plan, read));
    auto history = stored.history;
    history.resize(checkpoint->origin->seq);
    auto cells = run::inherit_cells(history, inherited);
    return std::optional<ResumePoint>(ResumePoint{"checkpoint " + node + " of run " + run.str(), checkpoint->origin,
                                                  std::move(inherited), std::move(cells), Json::string(node)});
  }
  return std::optional<ResumePoint>();
}

Result<ResumePoint> resume_point_of(const std::string& text, const std::string& file, const workflow::Plan& plan) {
  HILLSTAR_TRY(const auto checkpoint, read_checkpoint(text, file));
  HILLSTAR_TRY(auto inherited, inherit(checkpoint, plan, no_blob));
  ResumePoint point{"checkpoint " + checkpoint.node + " (" + file + ")", std::nullopt, std::move(inherited)};
  if (const auto source = json::parse(text)) point.source = Json::of(*source);
  return point;
}

}  // namespace hillstar::cli
