// SPDX-License-Identifier: Apache-2.0
// Findings for other programs. Source: Static Analysis Results Interchange Format 2.1.0, OASIS.
#include <boost/json.hpp>
#include <cstdint>

#include "apps/cli/agent_scan_command.hpp"
#include "apps/cli/version.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using policy::ScanSeverity;

constexpr std::string_view kSchema = "https://json.schemastore.org/sarif-2.1.0.json";
constexpr std::string_view kBase = "TARGET";

std::string_view level_of(ScanSeverity severity) {
  if (severity >= ScanSeverity::high) return "error";
  return severity == ScanSeverity::medium ? "warning" : "note";
}

/// What services that show SARIF sort by: 0 to 10.
std::string_view score_of(ScanSeverity severity) {
  switch (severity) {
    case ScanSeverity::critical:
      return "9.5";
    case ScanSeverity::high:
      return "8.0";
    case ScanSeverity::medium:
      return "5.5";
    case ScanSeverity::low:
      return "3.0";
    case ScanSeverity::info:
      return "0.0";
  }
  return "0.0";
}

/// A path as a part of a URI. Source: RFC 3986, section 3.3.
std::string for_uri(std::string_view path) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (kPlain.find(c) != std::string_view::npos)
      out += c;
    else
      out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
  }
  return out;
}

bj::object text(std::string_view words) { return {{"text", words}}; }

bj::array rules() {
  bj::array all;
  for (const auto& rule : policy::scan_rules())
    all.push_back(bj::object{
        {"id", rule.id},
        {"shortDescription", text(rule.title)},
        {"fullDescription", text(rule.about)},
        {"defaultConfiguration", bj::object{{"level", level_of(rule.severity)}}},
        {"properties", bj::object{{"security-severity", score_of(rule.severity)}, {"tags", bj::array{"security"}}}}});
  return all;
}

bj::object result_of(const policy::ScanFinding& finding, const std::string& root) {
  const bool is_below = finding.file.size() > root.size() + 1 && finding.file.starts_with(root + "/");
  bj::object artifact;
  if (is_below || root == "/") {
    artifact = {{"uri", for_uri(std::string_view(finding.file).substr(root == "/" ? 1 : root.size() + 1))},
                {"uriBaseId", kBase}};
  } else {
    artifact = {{"uri", "file://" + for_uri(finding.file)}};
  }
  bj::object place{{"artifactLocation", artifact}};
  if (finding.line > 0) place["region"] = bj::object{{"startLine", finding.line}};
  const auto words = std::string(finding.rule->title) + (finding.server.empty() ? "" : " (" + finding.server + ")") +
                     ": " + finding.evidence;
  bj::object result{{"ruleId", finding.rule->id},
                    {"ruleIndex", finding.rule - policy::scan_rules().data()},
                    {"level", level_of(finding.rule->severity)},
                    {"message", text(words)},
                    {"locations", bj::array{bj::object{{"physicalLocation", place}}}}};
  if (!finding.server.empty()) result["properties"] = bj::object{{"server", finding.server}};
  return result;
}

}  // namespace

Json sarif_of(const policy::ScanReport& report, const std::string& root) {
  bj::array results;
  for (const auto& finding : report.findings) results.push_back(result_of(finding, root));
  const bj::object driver{{"name", "hillstar-actors agent-scan"}, {"version", version()}, {"rules", rules()}};
  const bj::object base{{"uri", "file://" + for_uri(root) + (root == "/" ? "" : "/")}};
  return Json::of(bj::object{{"$schema", kSchema},
                             {"version", "2.1.0"},
                             {"runs", bj::array{bj::object{{"tool", bj::object{{"driver", driver}}},
                                                           {"originalUriBaseIds", bj::object{{kBase, base}}},
                                                           {"columnKind", "utf16CodeUnits"},
                                                           {"results", results}}}}});
}

}  // namespace hillstar::cli
