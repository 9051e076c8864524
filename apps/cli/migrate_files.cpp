// SPDX-License-Identifier: Apache-2.0
// Which files of a folder are Hillstar's, and how their findings are shown.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <filesystem>

#include "apps/cli/environment.hpp"
#include "apps/cli/migrate_command.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;
using policy::MigrationLevel;

constexpr int kDepthMax = 8;
constexpr std::size_t kEntriesMax = 200'000;
constexpr std::size_t kFilesMax = 2'000;
constexpr std::size_t kPeekBytesMax = 64U << 20U;

bool has_workflow_name(const std::string& name) {
  constexpr std::array<std::string_view, 3> kStarts{"step_", "phase_", "pre_phase_"};
  return name == "workflow.json" ||
         std::any_of(kStarts.begin(), kStarts.end(), [&](auto start) { return name.starts_with(start); });
}

/// By its name; nothing if that does not tell.
std::optional<OldFileKind> kind_by_name(const std::string& name) {
  if (name == "provider_registry.json") return OldFileKind::registry;
  if (name == "secrets.env") return OldFileKind::secrets;
  if (name == ".env") return OldFileKind::project_env;
  if (name == "governance_policy.json") return OldFileKind::policy;
  if (name == "commit_ready.json") return OldFileKind::marker;
  if (name == "dev_mode_active") return OldFileKind::dev_flag;
  if (name.starts_with("checkpoint_") && name.ends_with(".json")) return OldFileKind::checkpoint;
  if (name.ends_with(".json") && has_workflow_name(name)) return OldFileKind::workflow;
  return std::nullopt;
}

/// By what is in it: a JSON object with a graph, or a checkpoint's state.
std::optional<OldFileKind> kind_by_content(const std::string& path) {
  const auto text = read_file(path, Errc::io, kPeekBytesMax);
  const auto document = text ? json::parse(*text) : Result<bj::value>(text.error());
  if (!document) return std::nullopt;
  if (json::member(*document, "node_id") != nullptr && json::member(*document, "state") != nullptr)
    return OldFileKind::checkpoint;
  const auto* graph = json::member(*document, "graph");
  if (graph != nullptr && json::member(*graph, "nodes") != nullptr) return OldFileKind::workflow;
  return std::nullopt;
}

void look_at(const fs::directory_entry& entry, OldFiles& found) {
  const auto name = entry.path().filename().string();
  const auto path = entry.path().lexically_normal().string();
  auto kind = kind_by_name(name);
  if (!kind && name.ends_with(".json")) kind = kind_by_content(path);
  if (kind) found.files.push_back({path, *kind, {}});
}

std::size_t count(const OldFile& file, MigrationLevel level) {
  const auto& all = file.report.findings;
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const auto& finding) { return finding.level == level; }));
}

std::size_t count(const std::vector<OldFile>& files, MigrationLevel level) {
  std::size_t sum = 0;
  for (const auto& file : files) sum += count(file, level);
  return sum;
}

std::string counts_of(const OldFile& file) {
  std::string out;
  for (const auto& [level, words] :
       {std::pair{MigrationLevel::change, "must change"}, std::pair{MigrationLevel::differs, "differ"},
        std::pair{MigrationLevel::advice, "to look at"}})
    if (const auto n = count(file, level); n > 0) out += (out.empty() ? "" : ", ") + fmt::format("{} {}", n, words);
  return out.empty() ? "nothing to change" : out;
}

Tone tone_of(MigrationLevel level) {
  if (level == MigrationLevel::change) return Tone::bad;
  return level == MigrationLevel::differs ? Tone::warning : Tone::plain;
}

void print_finding(Output& output, const OldFile& file, const policy::MigrationFinding& finding) {
  const auto place = finding.position.line == 0
                         ? visible(file.path)
                         : fmt::format("{}:{}:{}", visible(file.path), finding.position.line, finding.position.column);
  output.data(fmt::format("{}: {} [{}]{}", place,
                          output.paint_data(tone_of(finding.level), policy::level_name(finding.level)), finding.rule,
                          finding.pointer.empty() ? "" : " at " + visible(finding.pointer)));
  const auto line = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) output.data(fmt::format("    {:<9} {}", name, one_line(text, 2'000)));
  };
  line("here", finding.here);
  line("Hillstar", finding.hillstar);
  line("change", finding.mend);
}

std::string json_level(MigrationLevel level) {
  return level == MigrationLevel::change ? "must_change" : std::string(policy::level_name(level));
}

bj::object json_of(const OldFile& file) {
  bj::array findings;
  for (const auto& finding : file.report.findings) {
    const bool placed = finding.position.line > 0;
    findings.push_back(bj::object{{"level", json_level(finding.level)},
                                  {"rule", finding.rule},
                                  {"line", placed ? bj::value(finding.position.line) : bj::value()},
                                  {"column", placed ? bj::value(finding.position.column) : bj::value()},
                                  {"pointer", finding.pointer},
                                  {"here", finding.here},
                                  {"hillstar", finding.hillstar},
                                  {"change", finding.mend}});
  }
  bj::array keeps;
  for (const auto& sentence : file.report.keeps) keeps.emplace_back(sentence);
  return {{"file", json::to_utf8(file.path)},
          {"kind", kind_name(file.kind)},
          {"must_change", count(file, MigrationLevel::change)},
          {"findings", findings},
          {"keeps", keeps}};
}

}  // namespace

std::string_view kind_name(OldFileKind kind) {
  constexpr std::array<std::string_view, 8> kNames{"workflow", "registry", "secrets",  "env",
                                                   "policy",   "marker",   "dev_mode", "checkpoint"};
  return kNames[static_cast<std::size_t>(kind)];
}

OldFiles find_old_files(const std::string& target) {
  OldFiles found;
  std::error_code failed;
  if (!fs::is_directory(target, failed)) {
    const auto kind = kind_by_name(fs::path(target).filename().string());
    const auto content = kind && *kind != OldFileKind::workflow ? kind : kind_by_content(target);
    found.files.push_back({target, content.value_or(kind.value_or(OldFileKind::workflow)), {}});
    return found;
  }
  std::vector<std::pair<std::string, int>> folders{{target, 0}};
  std::size_t seen = 0;
  while (!folders.empty() && !found.is_cut) {
    const auto [folder, depth] = std::move(folders.back());
    folders.pop_back();
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
      if (++seen > kEntriesMax || found.files.size() >= kFilesMax) {
        found.is_cut = true;
        break;
      }
      std::error_code gone;
      const auto status = entry->symlink_status(gone);
      const auto name = entry->path().filename().string();
      const bool is_hidden = name.starts_with('.') && name != ".hillstar";
      if (fs::is_directory(status) && !is_hidden && name != "node_modules" && depth < kDepthMax)
        folders.emplace_back(entry->path().string(), depth + 1);
      else if (fs::is_regular_file(status))
        look_at(*entry, found);
    }
  }
  std::sort(found.files.begin(), found.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return found;
}

void print_migration(Output& output, const std::vector<OldFile>& files) {
  for (const auto& file : files) {
    output.data(output.paint_data(Tone::strong, visible(file.path)) +
                fmt::format(" ({}): {}", kind_name(file.kind), counts_of(file)));
    for (const auto& finding : file.report.findings) print_finding(output, file, finding);
    for (const auto& sentence : file.report.keeps) output.data("    stays     " + one_line(sentence, 2'000));
    output.data("");
  }
  const auto must = count(files, MigrationLevel::change);
  output.data(fmt::format("{} file{}: {} must change, {} differ, {} to look at. Nothing was changed.", files.size(),
                          files.size() == 1 ? "" : "s", must, count(files, MigrationLevel::differs),
                          count(files, MigrationLevel::advice)));
}

Json migration_json(const std::vector<OldFile>& files) {
  bj::array all;
  for (const auto& file : files) all.push_back(json_of(file));
  return Json::of(bj::object{{"files", all},
                             {"must_change", count(files, MigrationLevel::change)},
                             {"differs", count(files, MigrationLevel::differs)},
                             {"look", count(files, MigrationLevel::advice)}});
}

}  // namespace hillstar::cli
