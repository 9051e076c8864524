// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/agent_scan_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>
#include <map>

#include "apps/cli/environment.hpp"
#include "apps/cli/text.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/run/hillstar_json.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;
using policy::ScanFinding;
using policy::ScanReport;
using policy::ScanSeverity;

constexpr std::size_t kFileBytesMax = 16U << 20U;
constexpr std::size_t kEntriesMax = 1'000'000;
constexpr int kDepthMax = 64;

std::string lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

bool is_config_name(const std::string& name) {
  return name == "mcp.json" || name == ".mcp.json" || name == ".claude.json";
}

/// `path` is relative to the folder that is scanned.
bool is_skill_path(const std::string& path) {
  const auto small = lowered(path);
  if (!small.ends_with(".md")) return false;
  return small.substr(small.rfind('/') + 1).find("skill") != std::string::npos ||
         small.find("skills") != std::string::npos;
}

/// Configurations and skills below a folder, each kind sorted. Also in hidden folders, where agents keep them; neither
/// through symbolic links nor in what git keeps for itself.
std::vector<std::string> files_below(const std::string& root, bool& is_cut) {
  std::vector<std::string> configs;
  std::vector<std::string> skills;
  std::vector<std::pair<std::string, int>> folders{{root, 0}};
  std::size_t seen = 0;
  while (!folders.empty() && !is_cut) {
    const auto [folder, depth] = std::move(folders.back());
    folders.pop_back();
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
      if (++seen > kEntriesMax) {
        is_cut = true;
        break;
      }
      std::error_code gone;
      const auto status = entry->symlink_status(gone);
      const auto path = entry->path().string();
      const auto name = entry->path().filename().string();
      if (fs::is_directory(status)) {
        if (name == ".git") continue;
        is_cut = is_cut || depth == kDepthMax;
        if (depth < kDepthMax) folders.emplace_back(path, depth + 1);
      } else if (fs::is_regular_file(status)) {
        if (is_config_name(name)) configs.push_back(path);
        if (is_skill_path(path.substr(root.size()))) skills.push_back(path);
      }
    }
  }
  std::sort(configs.begin(), configs.end());
  std::sort(skills.begin(), skills.end());
  configs.insert(configs.end(), skills.begin(), skills.end());
  return configs;
}

/// Pipes and devices are none of the files that were looked for, also if one came in the place of a file; nor are
/// symbolic links, unless a person names one.
Result<std::string> read_plain(const std::string& path, bool is_named) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | (is_named ? 0 : O_NOFOLLOW)));
  if (!file.is_open()) return io_error(errno, "read", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return Error{Errc::io, "It is no regular file."};
  return read_file("/proc/self/fd/" + std::to_string(file.get()), Errc::io, kFileBytesMax);
}

void scan_file(const policy::AgentScanner& scanner, const std::string& path, bool is_named, ScanReport& report) {
  const auto shown = json::to_utf8(path);
  const auto small = lowered(path);
  const bool is_config = small.ends_with(".json");
  if (!is_config && !small.ends_with(".md")) return policy::AgentScanner::note("SCAN-003", shown, "", report);
  const auto text = read_plain(path, is_named);
  if (!text) return policy::AgentScanner::note("SCAN-001", shown, text.error().message, report);
  if (is_config)
    scanner.scan_config(shown, *text, report);
  else
    scanner.scan_skill(shown, *text, report);
}

ScanSeverity severity_of(const std::string& name) {
  constexpr std::array<std::string_view, 5> kNames{"info", "low", "medium", "high", "critical"};
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  return static_cast<ScanSeverity>(found - kNames.begin());
}

/// Files with the gravest findings first; in a file the gravest first, then by line.
void sort_findings(std::vector<ScanFinding>& findings) {
  std::map<std::string, ScanSeverity> worst;
  for (const auto& finding : findings) {
    auto& most = worst[finding.file];
    most = std::max(most, finding.rule->severity);
  }
  std::stable_sort(findings.begin(), findings.end(), [&](const ScanFinding& a, const ScanFinding& b) {
    if (a.file != b.file) {
      const auto first = worst[a.file];
      const auto second = worst[b.file];
      return first != second ? first > second : a.file < b.file;
    }
    if (a.rule->severity != b.rule->severity) return a.rule->severity > b.rule->severity;
    return a.line < b.line;
  });
}

std::string counts_of(const ScanReport& report) {
  std::map<ScanSeverity, std::size_t> counts;
  for (const auto& finding : report.findings) ++counts[finding.rule->severity];
  std::string out;
  for (const auto severity :
       {ScanSeverity::critical, ScanSeverity::high, ScanSeverity::medium, ScanSeverity::low, ScanSeverity::info})
    if (counts[severity] > 0)
      out += (out.empty() ? "" : ", ") + fmt::format("{} {}", counts[severity], policy::severity_name(severity));
  return out;
}

Tone tone_of(ScanSeverity severity) {
  if (severity >= ScanSeverity::high) return Tone::bad;
  return severity == ScanSeverity::medium ? Tone::warning : Tone::plain;
}

void print_text(Output& output, const ScanReport& report) {
  const std::string* file = nullptr;
  for (const auto& finding : report.findings) {
    if (file == nullptr || *file != finding.file) output.data("[SCAN] " + visible(finding.file));
    file = &finding.file;
    const auto& rule = *finding.rule;
    output.data(fmt::format(
        "  {} {}: {}{}{}",
        output.paint_data(tone_of(rule.severity), "[" + std::string(policy::severity_name(rule.severity)) + "]"),
        rule.id, rule.title, finding.server.empty() ? "" : " (" + one_line(finding.server, 80) + ")",
        finding.line > 0 ? fmt::format(" line {}", finding.line) : ""));
    output.data("    " + std::string(rule.about));
    if (!finding.evidence.empty()) output.data("    Evidence: " + visible(finding.evidence));
    output.data("");
  }
  if (report.findings.empty()) {
    output.data(output.paint_data(Tone::good, "[OK] No security issues found"));
  } else {
    output.data("---");
    output.data(fmt::format("Summary: {} finding(s) [{}]", report.findings.size(), counts_of(report)));
  }
  output.data(fmt::format("Scanned: {} file(s), {} server(s)", report.files, report.servers) +
              (report.unreadable > 0 ? fmt::format("; {} file(s) could not be read", report.unreadable) : ""));
}

std::string json_text(const ScanReport& report) {
  bj::array findings;
  for (const auto& finding : report.findings) {
    findings.push_back(bj::object{{"rule_id", finding.rule->id},
                                  {"severity", policy::severity_name(finding.rule->severity)},
                                  {"title", finding.rule->title},
                                  {"description", finding.rule->about},
                                  {"file_path", finding.file},
                                  {"evidence", finding.evidence},
                                  {"line_number", finding.line > 0 ? bj::value(finding.line) : bj::value()},
                                  {"server_name", finding.server.empty() ? bj::value() : bj::value(finding.server)}});
  }
  return run::indented_json(bj::object{{"files_scanned", report.files},
                                       {"servers_scanned", report.servers},
                                       {"files_unreadable", report.unreadable},
                                       {"findings", findings}}) +
         "\n";
}

}  // namespace

Result<Exit> agent_scan(Context& context, const AgentScanArgs& args) {
  auto& output = context.output;
  const bool as_json = args.json || output.is_json();
  const bool as_text = !as_json && !args.sarif;
  const auto target = absolute_path(args.target);
  if (as_text) output.data("[SCAN] Scanning: " + visible(target) + "\n");
  std::error_code failed;
  const auto status = fs::status(target, failed);
  if (!fs::exists(status)) {
    if (as_text)
      output.data("[FAIL] Target not found: " + visible(target));
    else
      output.data(Json::of(bj::object{{"error", "Target not found: " + json::to_utf8(target)}}));
    return Exit::run_failed;
  }
  const bool is_folder = fs::is_directory(status);
  bool is_cut = false;
  const policy::AgentScanner scanner;
  ScanReport report;
  for (const auto& path : is_folder ? files_below(target, is_cut) : std::vector{target})
    scan_file(scanner, path, !is_folder, report);
  if (is_cut)
    output.warn(fmt::format("warning: more than {} entries, or deeper than {}: the rest was not looked at", kEntriesMax,
                            kDepthMax));
  const auto least = severity_of(args.severity);
  std::erase_if(report.findings, [&](const ScanFinding& finding) { return finding.rule->severity < least; });
  sort_findings(report.findings);
  if (as_text)
    print_text(output, report);
  else if (args.sarif)
    output.data(sarif_of(report, is_folder ? target : fs::path(target).parent_path().string()));
  else
    output.bytes(json_text(report));
  const bool is_grave = std::any_of(report.findings.begin(), report.findings.end(), [](const ScanFinding& finding) {
    return finding.rule->severity >= ScanSeverity::high;
  });
  return is_grave ? Exit::run_failed : Exit::done;
}

}  // namespace hillstar::cli
