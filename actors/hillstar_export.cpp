// SPDX-License-Identifier: Apache-2.0
#include "actors/hillstar_export.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "persistence/run_start.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/git_query.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::actors {
namespace {

using run::FileOperation;
using Kind = FileOperation::Kind;

/// For the marker: it licenses one commit on top of the one that the run ended on.
Json where_git_stands(const std::string& workspace) {
  std::vector<std::string> environment;
  for (const auto* name : {"PATH", "HOME", "XDG_CONFIG_HOME"})
    if (const auto* value = ::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  const auto place = git_place(workspace, environment);
  if (!place) return Json::of(boost::json::object{{"error", json::to_utf8(place.error().message)}});
  if (!*place) return {};
  const auto& head = (*place)->head;
  return Json::of(boost::json::object{{"folder", json::to_utf8((*place)->folder)},
                                      {"head", head.empty() ? boost::json::value() : boost::json::value(head)}});
}

Result<void> write_into(const OutputFolder& output, const std::vector<FileOperation>& operations) {
  for (const auto& operation : operations) HILLSTAR_CHECK(output.carry_out(operation));
  return {};
}

}  // namespace

Result<void> write_operations(const std::string& folder, const std::vector<FileOperation>& operations,
                              const std::string& workspace) {
  HILLSTAR_TRY(const auto output, OutputFolder::open(folder, workspace));
  return write_into(output, operations);
}

Result<void> prepare_output_folder(const std::string& folder, const std::string& workflow_id,
                                   const std::string& workspace) {
  const auto step = run::step_of(workflow_id);
  std::vector<FileOperation> operations;
  for (const std::string name : {"traces", "logs", "checkpoints", "data_stores", "audit/step_"}) {
    FileOperation operation;
    operation.kind = Kind::make_folder;
    operation.path = name + (name.ends_with('_') ? (step.empty() ? "00" : step) : "");
    operations.push_back(std::move(operation));
  }
  return write_operations(folder, operations, workspace);
}

RunExport::RunExport(const persistence::EventStore& store, RunId run, std::string folder, run::HillstarOptions options)
    : store_(store), run_(std::move(run)), folder_(std::move(folder)), options_(std::move(options)) {
  if (!options_.git) options_.git = where_git_stands;
}

RunExport::~RunExport() = default;

bool RunExport::is_ended() const { return files_ != nullptr && files_->is_ended(); }

Result<void> RunExport::begin() {
  HILLSTAR_TRY(const auto started, persistence::read_run_start(store_, run_));
  const bool own = folder_.empty();
  if (own) folder_ = started.output_dir;
  if (folder_.empty()) return Error{Errc::usage, "the run has no output folder", run_.str(), "Name one."};
  if (own) workspace_ = started.workspace;
  HILLSTAR_TRY(const auto text, store_.read_blob(started.plan_sha256));
  HILLSTAR_TRY(auto plan, workflow::plan_from_text(text));
  files_ = std::make_unique<run::HillstarFiles>(
      run_, std::make_shared<const workflow::Plan>(std::move(plan)),
      [](std::string_view bytes) { return sha256_hex(bytes); },
      [this](const std::string& sha256) { return store_.read_blob(sha256); }, options_);
  return {};
}

Result<bool> RunExport::advance() {
  if (!files_) HILLSTAR_CHECK(begin());
  // Not kept open between two pages: many runs wait for days.
  HILLSTAR_TRY(const auto output, OutputFolder::open(folder_, workspace_));
  HILLSTAR_TRY(const auto records, store_.read_records(run_, files_->seq() + 1, kExportPage));
  std::vector<FileOperation> operations;
  for (const auto& record : records) {
    HILLSTAR_TRY(const auto recorded, persistence::decode(record.line, run_));
    HILLSTAR_TRY(auto next, files_->next(recorded, persistence::to_hex(record.hash)));
    const bool large = std::any_of(next.begin(), next.end(), [](const FileOperation& operation) {
      return operation.text.size() > run::kMergedBytesMax;
    });
    std::move(next.begin(), next.end(), std::back_inserter(operations));
    if (large)  // one checkpoint in memory at a time
      HILLSTAR_CHECK(write_into(output, run::merged(std::exchange(operations, {}))));
  }
  HILLSTAR_CHECK(write_into(output, run::merged(std::move(operations))));
  return records.size() == kExportPage;
}

Result<void> export_run(const persistence::EventStore& store, const RunId& run, const std::string& dir) {
  RunExport again(store, run, dir, {.marker = false});
  for (;;) {
    HILLSTAR_TRY(const auto more, again.advance());
    if (!more) return {};
  }
}

Result<bool> finish_export(const persistence::EventStore& store, const RunId& run) {
  HILLSTAR_TRY(const auto started, persistence::read_run_start(store, run));
  const auto& folder = started.output_dir;
  if (folder.empty()) return false;
  HILLSTAR_TRY(const auto output, OutputFolder::open(folder, started.workspace));
  const bool has_last = output.has(run::last_file(run, started.workflow));
  const auto last_copy = run::last_copy(started.workflow);
  if (has_last && output.writer_of(last_copy) >= run.str()) return false;
  // A marker says what was done last: not this, if a newer run has ended here.
  const bool newest = output.writer_of(last_copy) <= run.str() && output.writer_of("commit_ready.json") <= run.str();
  RunExport again(store, run, {}, {.marker = newest});
  for (;;) {
    HILLSTAR_TRY(const auto more, again.advance());
    if (!more) return true;
  }
}

}  // namespace hillstar::actors
