// SPDX-License-Identifier: Apache-2.0
#include "runtime/run/hillstar_files.hpp"

#include <string_view>
#include <unordered_map>
#include <utility>

#include "runtime/run/hillstar_documents.hpp"
#include "runtime/run/hillstar_history.hpp"
#include "runtime/run/hillstar_trace.hpp"
#include "runtime/run/run.hpp"

namespace hillstar::run {
namespace {

using Kind = FileOperation::Kind;
using Operations = std::vector<FileOperation>;

/// `.hillstar` of `/project/.hillstar`.
std::string folder_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

/// Names of one run's files, relative to the output folder.
struct Names {
  std::string trace;
  std::string log;
  std::string audit;   ///< Folder.
  std::string number;  ///< NN
  std::string run;

  [[nodiscard]] std::string audited(const std::string& stem, const std::string& ending) const {
    return audit + "/" + stem + "_" + number + ending;
  }
  [[nodiscard]] std::string audited_run(const std::string& stem, const std::string& ending) const {
    return audited(stem, "_" + run + ending);
  }
};

Names audit_names(const RunId& run, const WorkflowId& workflow) {
  const auto step = step_of(workflow.str());
  Names names;
  names.run = run.str();
  names.number = step.empty() ? "00" : step;
  names.audit = "audit/step_" + names.number;
  return names;
}

}  // namespace

Operations merged(Operations operations) {
  Operations out;
  std::unordered_map<std::string, std::size_t> open;  // path -> the write that appends may join
  for (auto& operation : operations) {
    if (operation.kind == Kind::append) {
      const auto found = open.find(operation.path);
      if (found != open.end() && out[found->second].text.size() + operation.text.size() <= kMergedBytesMax) {
        out[found->second].text += operation.text;
        continue;
      }
    } else if (operation.kind == Kind::copy) {
      open.clear();  // a copy must see what was written before it, and not what comes after
    }
    if (operation.kind == Kind::append || operation.kind == Kind::replace) open[operation.path] = out.size();
    out.push_back(std::move(operation));
  }
  return out;
}

struct HillstarFiles::State {
  State(RunId run, std::shared_ptr<const workflow::Plan> plan) : history(std::move(run), std::move(plan)) {}

  HillstarHistory history;
  HashText sha256_hex;
  ReadBlob read_blob;
  HillstarOptions options;
  Names names;
  HillstarPlaces places;

  void name_files(const RunStarted& started);
  void begin(const RunStarted& started, Operations& out);
  void add_line(const Event& event, bool first, Operations& out) const;
  void copy_to_audit(Operations& out) const;
  void end(Operations& out) const;
  Result<void> checkpoint(const NodeId& node, Operations& out) const;
};

void HillstarFiles::State::name_files(const RunStarted& started) {
  const auto& run = history.run.str();
  const auto stamp = file_stamp(history.at);
  names = audit_names(history.run, started.workflow);
  names.trace = "traces/trace_" + stamp + "_" + run + ".jsonl";
  names.log = "logs/execution_" + safe_name(started.workflow.str(), sha256_hex) + "_" + stamp + "_" + run + ".log";
  const auto folder = folder_name(started.output_dir) + "/";
  places = {folder + names.trace, folder + names.log, folder + names.audited_run("trace", ".jsonl"),
            folder + names.audited_run("log", ".log")};
}

void HillstarFiles::State::begin(const RunStarted& started, Operations& out) {
  name_files(started);
  for (const auto* folder : {"traces", "logs", "checkpoints", "data_stores"})
    out.push_back({.kind = Kind::make_folder, .path = folder, .text = {}, .from = {}, .newest_of = {}});
  out.push_back({.kind = Kind::make_folder, .path = names.audit, .text = {}, .from = {}, .newest_of = {}});
  out.push_back({.kind = Kind::replace, .path = names.log, .text = log_header(history), .from = {}, .newest_of = {}});
}

void HillstarFiles::State::add_line(const Event& event, bool first, Operations& out) const {
  const TraceEntry entry(history, event, places, sha256_hex);
  out.push_back({.kind = first ? Kind::replace : Kind::append,
                 .path = names.trace,
                 .text = entry.trace_line(),
                 .from = {},
                 .newest_of = {}});
  out.push_back({.kind = Kind::append, .path = names.log, .text = entry.log_line(), .from = {}, .newest_of = {}});
}

void HillstarFiles::State::copy_to_audit(Operations& out) const {
  const auto copy = [&](const std::string& from, std::string path) {
    out.push_back({.kind = Kind::copy, .path = std::move(path), .text = {}, .from = from, .newest_of = {}});
  };
  copy(names.trace, names.audited_run("trace", ".jsonl"));
  copy(names.log, names.audited_run("log", ".log"));
}

void HillstarFiles::State::end(Operations& out) const {
  out.push_back(
      {.kind = Kind::append, .path = names.log, .text = log_footer(history, places), .from = {}, .newest_of = {}});
  copy_to_audit(out);
  const auto metadata = names.audited_run("metadata", ".json");
  out.push_back(
      {.kind = Kind::replace, .path = metadata, .text = metadata_text(history, places), .from = {}, .newest_of = {}});
  const auto latest = [&](const std::string& from, std::string path) {
    out.push_back({.kind = Kind::copy, .path = std::move(path), .text = {}, .from = from, .newest_of = history.run});
  };
  latest(names.audited_run("trace", ".jsonl"), names.audited("trace", ".jsonl"));
  latest(names.audited_run("log", ".log"), names.audited("log", ".log"));
  latest(metadata, names.audited("metadata", ".json"));
  latest(metadata, names.audit + "/metadata.json");
  if (history.state.status == RunStatus::completed && options.marker)
    out.push_back({.kind = Kind::replace,
                   .path = "commit_ready.json",
                   .text = marker_text(history, options.git ? options.git(history.state.started.workspace) : Json()),
                   .from = {},
                   .newest_of = {},
                   .durable = true});
}

Result<void> HillstarFiles::State::checkpoint(const NodeId& node, Operations& out) const {
  HILLSTAR_TRY(auto text, checkpoint_text(history, node, read_blob));
  out.push_back({.kind = Kind::replace,
                 .path = "checkpoints/checkpoint_" + safe_name(node.str(), sha256_hex) + "_" + file_stamp(history.at) +
                         "_" + names.run + ".json",
                 .text = std::move(text),
                 .from = {},
                 .newest_of = {}});
  return {};
}

std::string last_file(const RunId& run, const WorkflowId& workflow) {
  const auto names = audit_names(run, workflow);
  return names.audited_run("metadata", ".json");
}

std::string last_copy(const WorkflowId& workflow) { return audit_names(RunId(), workflow).audit + "/metadata.json"; }

HillstarFiles::HillstarFiles(RunId run, std::shared_ptr<const workflow::Plan> plan, HashText sha256_hex,
                             ReadBlob read_blob, HillstarOptions options)
    : state_(std::make_unique<State>(std::move(run), std::move(plan))) {
  state_->sha256_hex = std::move(sha256_hex);
  state_->read_blob = std::move(read_blob);
  state_->options = std::move(options);
}

HillstarFiles::~HillstarFiles() = default;
HillstarFiles::HillstarFiles(HillstarFiles&&) noexcept = default;
HillstarFiles& HillstarFiles::operator=(HillstarFiles&&) noexcept = default;

std::uint64_t HillstarFiles::seq() const { return state_->history.seq; }
bool HillstarFiles::is_ended() const { return is_terminal(state_->history.state); }

Result<std::vector<FileOperation>> HillstarFiles::next(const Recorded& recorded, const std::string& chain) {
  auto& history = state_->history;
  const auto* started = std::get_if<RunStarted>(&recorded.event);
  const bool first = history.seq == 0;
  if (recorded.seq != history.seq + 1 || first != (started != nullptr))
    return Error{Errc::record_corrupt, "the events are not those of one run, in order", history.run.str()};
  Operations out;
  try {
    history.take(recorded, chain);
    if (started != nullptr) state_->begin(*started, out);
    state_->add_line(recorded.event, first, out);
    if (const auto* reached = std::get_if<CheckpointReached>(&recorded.event))
      HILLSTAR_CHECK(state_->checkpoint(reached->node, out));
    if (std::holds_alternative<RunPaused>(recorded.event)) state_->copy_to_audit(out);
    if (is_ended()) state_->end(out);
  } catch (const InvariantError& bug) {
    return Error{Errc::record_corrupt, "an event does not fit the plan: " + bug.message, history.run.str()};
  }
  return out;
}

}  // namespace hillstar::run
