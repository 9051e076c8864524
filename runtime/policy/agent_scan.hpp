// SPDX-License-Identifier: Apache-2.0
// What is dangerous in configurations of MCP servers and in skills of agents: a table of rules. Pure.
//
// Evidence never holds a secret: what looks like one is masked. Source of rules and severities: Hillstar
// specification 8.5; the patterns are our own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::policy {

enum class ScanSeverity : std::uint8_t { info, low, medium, high, critical };
/// `CRITICAL`.
std::string_view severity_name(ScanSeverity severity);

struct ScanRule {
  std::string_view id;  ///< `MCP-001`.
  ScanSeverity severity = ScanSeverity::info;
  std::string_view title;
  std::string_view about;  ///< Why it matters and what to do.
};
/// All of them, by id.
const std::vector<ScanRule>& scan_rules();

/// Characters of evidence.
inline constexpr std::size_t kEvidenceMax = 200;
/// Findings in one file; a file that is wrong throughout is wrong in the same way.
inline constexpr std::size_t kFindingsPerFileMax = 1'000;

struct ScanFinding {
  const ScanRule* rule = nullptr;
  std::string file;
  std::string evidence;
  std::size_t line = 0;  ///< 0: not known.
  std::string server;    ///< Of an MCP configuration; may be empty.
};

struct ScanReport {
  std::size_t files = 0;
  std::size_t servers = 0;
  std::size_t unreadable = 0;  ///< Files that could not be read or understood.
  std::vector<ScanFinding> findings;
};

struct ScanPatternSet;

/// Immutable; threads may share it.
class AgentScanner {
 public:
  AgentScanner();
  ~AgentScanner();
  AgentScanner(const AgentScanner&) = delete;
  AgentScanner& operator=(const AgentScanner&) = delete;

  /// A JSON file with `mcpServers` (or `servers`), also below `projects`. One that is no JSON is SCAN-002, and its text
  /// is looked through for secrets all the same.
  void scan_config(const std::string& file, std::string_view text, ScanReport& report) const;
  /// Markdown.
  void scan_skill(const std::string& file, std::string_view text, ScanReport& report) const;
  /// SCAN-001 and SCAN-003.
  static void note(std::string_view rule, const std::string& file, const std::string& why, ScanReport& report);

 private:
  std::unique_ptr<const ScanPatternSet> patterns_;
};

}  // namespace hillstar::policy
