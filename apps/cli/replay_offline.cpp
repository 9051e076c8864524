// SPDX-License-Identifier: Apache-2.0
// replay --offline: the run is made again from what was recorded of it, and compared.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>

#include "actors/replay.hpp"
#include "apps/cli/carry.hpp"
#include "apps/cli/commands.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/selector.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/text_diff.hpp"
#include "messages/json_codec.hpp"
#include "persistence/run_start.hpp"
#include "runtime/platform/hash.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;

constexpr std::size_t kShownDifferencesMax = 50;
constexpr std::size_t kShownLinesMax = 40;
constexpr std::size_t kShownColumnsMax = 200;
/// What a scratch copy may hold.
constexpr std::uintmax_t kCopyBytesMax = std::uintmax_t{1} << 30U;
constexpr std::size_t kCopyEntriesMax = 100'000;

/// A folder that is gone with this object, if it made it.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Copies files, folders and links as links; not the folders in `left_out`. usage if it is too large.
  Result<std::string> copy_of(const std::string& workspace, const std::vector<fs::path>& left_out) {
    std::error_code failed;
    std::string made = (fs::temp_directory_path(failed) / "hillstar-replay-XXXXXX").string();
    if (failed || ::mkdtemp(made.data()) == nullptr)
      return Error{Errc::io, "No folder can be made for the copy of the workspace.", made, {}};
    folder_ = made;
    std::uintmax_t bytes = 0;
    std::size_t entries = 0;
    auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator entry(workspace, options, failed), end; !failed && entry != end;
         entry.increment(failed)) {
      if (std::find(left_out.begin(), left_out.end(), entry->path()) != left_out.end()) {
        entry.disable_recursion_pending();
        continue;
      }
      std::error_code unknown;
      if (entry->is_regular_file(unknown) && !entry->is_symlink(unknown)) bytes += entry->file_size(unknown);
      if (++entries > kCopyEntriesMax || bytes > kCopyBytesMax)
        return Error{Errc::usage, "The workspace is too large to be copied.", workspace,
                     "Name a folder to run the tools in with --workspace."};
      const auto target = fs::path(made) / entry->path().lexically_relative(workspace);
      if (entry->is_symlink(unknown))
        fs::copy_symlink(entry->path(), target, failed);
      else if (entry->is_directory(unknown))
        fs::create_directory(target, entry->path(), failed);
      else if (entry->is_regular_file(unknown))
        fs::copy_file(entry->path(), target, failed);
      if (failed) return Error{Errc::io, "The copy failed: " + failed.message() + ".", entry->path().string(), {}};
    }
    if (failed) return Error{Errc::io, "The workspace cannot be read: " + failed.message() + ".", workspace, {}};
    return made;
  }

 private:
  std::string folder_;
};

Result<std::string> place_of_tools(const Context& context, const ReplayArgs& args, const RunStarted& started,
                                   Scratch& scratch) {
  if (args.workspace.empty())
    return scratch.copy_of(started.workspace, {fs::path(context.store), fs::path(started.output_dir)});
  const auto folder = absolute_path(args.workspace);
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) return Error{Errc::not_found, "There is no such folder.", folder, {}};
  if (!context.yes && fs::equivalent(folder, started.workspace, failed))
    return Error{Errc::usage, "This is the run's own workspace, where its tools would act again.", folder,
                 "Name another folder, or say -y if you mean it."};
  return folder;
}

std::string name_of(const run::Difference& difference) {
  if (difference.unit.empty()) return "the run";
  return difference.unit + (difference.attempt > 0 ? ", attempt " + std::to_string(difference.attempt) : "");
}

/// Values whose only content is words are shown as they are; JSON in lines.
std::string in_lines(const std::string& text) {
  const auto value = json::parse(text);
  return value ? pretty(*value) + "\n" : text + "\n";
}

void show(Output& output, const run::Difference& difference) {
  const auto name = visible(name_of(difference));
  if (difference.kind == run::DifferenceKind::end) {
    output.data(
        fmt::format("  {}: recorded: {}; now: {}", name, visible(difference.recorded), visible(difference.now)));
    return;
  }
  const auto what = json::enum_name(difference.kind);
  output.data(fmt::format("  {}: the {} differs", name, what));
  for (const auto& line : unified_diff(in_lines(difference.recorded), in_lines(difference.now), kShownLinesMax))
    output.data("    " + cut_line(line, kShownColumnsMax));
}

bj::object as_json(const RunId& run, const ReplayReport& report) {
  bj::array differences;
  for (const auto& difference : report.differences) {
    bj::object entry{{"kind", std::string(json::enum_name(difference.kind))}};
    if (!difference.unit.empty()) entry["node"] = difference.unit;
    if (difference.attempt > 0) entry["attempt"] = difference.attempt;
    const bool words = difference.kind == run::DifferenceKind::end;
    entry["recorded"] = difference.recorded;
    entry["now"] = difference.now;
    if (!words) {
      entry["recorded_sha256"] = sha256_hex(difference.recorded);
      entry["now_sha256"] = sha256_hex(difference.now);
    }
    differences.push_back(std::move(entry));
  }
  return {{"run", run.str()},
          {"ok", report.differences_count == 0 && report.unrecorded.empty()},
          {"status", report.status},
          {"nodes", report.nodes},
          {"attempts", report.attempts},
          {"model_calls", report.calls},
          {"tools", report.tools},
          {"tools_run", report.tools_run},
          {"unseen", report.unseen},
          {"results_sha256", report.results_sha256},
          {"differences", std::move(differences)},
          {"differences_count", report.differences_count},
          {"unrecorded", bj::value_from(report.unrecorded)}};
}

std::string counted(std::uint64_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void print(Output& output, const RunId& run, const ReplayReport& report) {
  const bool equal = report.differences_count == 0;
  auto line = fmt::format("{}  {}  {}: {}, {}, {} as recorded, {} ", equal ? "equal  " : "DIFFERS", run.str(),
                          report.status, counted(report.nodes, "node"), counted(report.attempts, "attempt"),
                          counted(report.calls, "model call"), counted(report.tools, "tool"));
  line += report.tools_run > 0 ? fmt::format("of which {} really ran", report.tools_run) : std::string("as recorded");
  output.data(line);
  if (report.unseen > 0)
    output.data(fmt::format("  {} attempts were lost or cancelled: nobody saw an end", report.unseen));
  std::size_t shown = 0;
  for (const auto& difference : report.differences) {
    if (++shown > kShownDifferencesMax || output.broken()) break;
    show(output, difference);
  }
  if (report.differences_count > kShownDifferencesMax)
    output.data(fmt::format("  ... {} differences in all", report.differences_count));
  if (equal) output.data("  results sha256 " + report.results_sha256);
}

}  // namespace

Result<Exit> replay_offline_run(Context& context, const ReplayArgs& args) {
  HILLSTAR_TRY(const auto store, read_store(context));
  HILLSTAR_TRY(const auto row, select_run(*store, args.run));
  HILLSTAR_TRY(const auto started, persistence::read_run_start(*store, row.run));
  Scratch scratch;
  ReplayOptions options;
  HILLSTAR_TRY(options.environment,
               variables_for(context, started.workflow_file, started.workspace, args.env_file, nullptr));
  HILLSTAR_TRY(options.registry, load_registry(context.environment));
  options.run_tools = args.run_tools;
  if (args.run_tools) {
    HILLSTAR_TRY(options.workspace, place_of_tools(context, args, started, scratch));
  }
  HILLSTAR_TRY(const auto report, replay_offline(store, row.run, options));
  auto& output = context.output;
  if (output.is_json())
    output.data(Json::of(as_json(row.run, report)));
  else
    print(output, row.run, report);
  if (report.differences_count > 0) return Exit::integrity;
  if (report.unrecorded.empty()) return Exit::done;
  std::string units;
  for (std::size_t i = 0; i < report.unrecorded.size() && i < 10; ++i)
    units += (i > 0 ? ", " : "") + report.unrecorded[i];
  return Error{
      Errc::not_found,
      fmt::format("What the models answered was not kept for {} ({} in all), so it was taken as it was.", units,
                  report.unrecorded.size()),
      row.run.str(),
      "Older versions kept no calls: `replay` without --offline still checks the history, `replay --live` asks "
      "the models again."};
}

}  // namespace hillstar::cli
