// SPDX-License-Identifier: Apache-2.0
// Policies, markers, patterns and agents' files of any bytes: what cannot be read is refused, evidence shows no key.
#include "messages/json.hpp"
#include "runtime/policy/agent_scan.hpp"
#include "runtime/policy/governance.hpp"
#include "runtime/policy/path_patterns.hpp"
#include "tests/fuzz/target.hpp"

namespace {

using hillstar::fuzz::hold;
using namespace hillstar::policy;

void scan(std::string_view bytes) {
  static const AgentScanner kScanner;
  const auto text = std::string(bytes) + "\nAKIAQ7FUZZ3TARGET9KE\n";
  ScanReport report;
  kScanner.scan_config("mcp.json", text, report);
  kScanner.scan_skill("SKILL.md", text, report);
  hold(report.findings.size() <= 2 * kFindingsPerFileMax, "findings are bounded");
  bool is_found = false;
  for (const auto& finding : report.findings) {
    is_found = is_found || finding.rule->id == "MCP-008";
    hold(finding.evidence.find("Q7FUZZ3TARGET") == std::string::npos, "evidence shows no key");
    hold(hillstar::json::is_utf8(finding.evidence), "evidence is UTF-8");
    for (const char c : finding.evidence) hold(static_cast<unsigned char>(c) >= 0x20, "evidence is one line of text");
  }
  hold(is_found || report.findings.size() >= kFindingsPerFileMax, "a key in the text is found");
}

void judge(std::string_view bytes) {
  const std::string text(bytes);
  CommitFacts facts;
  facts.paths = {text.substr(0, 100), "a/b.md"};
  if (const auto said = read_governance_policy(text, "p.json")) {
    const auto policy = governance_policy({*said});
    const auto governed = governed_paths(policy, facts.paths);
    hold(governed.size() <= facts.paths.size(), "no path is made up");
    const auto verdict = judge_commit(policy, facts);
    hold(verdict.compliant == governed.empty(), "without a marker only exempt paths pass");
  }
  if (auto marker = read_commit_marker(text)) {
    facts.marker = std::move(marker).value();
    facts.paths = {"a.py"};
    hold(!judge_commit({}, facts).compliant, "a marker from 1970's future licenses nothing");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = hillstar::fuzz::text_of(data, size);
  scan(bytes);
  judge(bytes);
  const auto half = bytes.substr(0, size / 2);
  if (!problem_with_pattern(half)) {
    (void)fits_path(half, bytes.substr(size / 2));
    hold(fits_path("**", half) && fits_path("/**", half), "two stars fit everything");
  }
  (void)parse_iso_time(bytes);
  return 0;
}
