// SPDX-License-Identifier: Apache-2.0
// The patterns behind agent_scan. For the agent_scan*.cpp files only.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/policy/agent_scan.hpp"
#include "runtime/policy/redaction.hpp"

namespace re2 {
class RE2;
}

namespace hillstar::policy {

struct ScanMatch {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string_view what;  ///< Name of the pattern.
  std::string_view part;  ///< The first group; empty if the pattern has none, or it took no part.
};

/// Patterns of one kind.
class ScanPatterns {
 public:
  struct Pattern {
    std::string_view what;
    const char* regex;
  };
  explicit ScanPatterns(const std::vector<Pattern>& patterns);
  ~ScanPatterns();
  ScanPatterns(ScanPatterns&&) noexcept;
  ScanPatterns& operator=(ScanPatterns&&) noexcept;

  /// Every match of every pattern, pattern by pattern; `take` returns false for the next pattern.
  void each(std::string_view text, const std::function<bool(const ScanMatch&)>& take) const;
  /// The first match of the first pattern that has one.
  [[nodiscard]] std::optional<ScanMatch> first(std::string_view text) const;

 private:
  struct Compiled;
  std::vector<Compiled> compiled_;
};

ScanPatterns secret_patterns();  ///< The group is the secret.
ScanPatterns hiding_patterns();  ///< For evidence alone: what may be a secret is not shown; the group is it.
ScanPatterns shell_patterns();
ScanPatterns flag_patterns();
ScanPatterns injection_patterns();
ScanPatterns comment_patterns();  ///< Inside of an HTML comment.
ScanPatterns theft_patterns();    ///< A group is an address, which must not be local.
ScanPatterns ruin_patterns();

bool is_secret_name(std::string_view name);
/// `http://user:secret@host:80/x?y` -> scheme `http`, host `host`.
struct ScanAddress {
  std::string scheme;  ///< In lower case.
  std::string host;    ///< In lower case, without brackets; empty: it is no address.
};
ScanAddress scan_address(std::string_view url);
bool is_local_host(std::string_view host);

struct ScanPatternSet {
  ScanPatterns secrets = secret_patterns();
  ScanPatterns hiding = hiding_patterns();
  ScanPatterns shell = shell_patterns();
  ScanPatterns flags = flag_patterns();
  ScanPatterns injection = injection_patterns();
  ScanPatterns comment = comment_patterns();
  ScanPatterns theft = theft_patterns();
  ScanPatterns ruin = ruin_patterns();
  Redactor redactor{{}, std::make_shared<const SecretRules>()};

  /// `text` with what looks like a secret masked, on one line, at most kEvidenceMax characters.
  [[nodiscard]] std::string evidence(std::string_view text) const;
};

/// `sk-a****`, or only asterisks for what is short.
std::string masked(std::string_view secret);

/// Adds findings of one file, as long as they are not too many.
class ScanFile {
 public:
  ScanFile(const std::string& file, std::string_view text, ScanReport& report);
  void add(std::string_view rule, std::string evidence, std::size_t line = 0, const std::string& server = {});
  [[nodiscard]] std::size_t line_of(std::size_t offset) const;
  /// The line around a place, of it at most a few hundred bytes on each side.
  [[nodiscard]] std::string_view line_around(std::size_t begin, std::size_t end) const;
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  const std::string& file_;
  std::string_view text_;
  ScanReport& report_;
  std::vector<std::size_t> line_starts_;
  std::size_t added_ = 0;
};

}  // namespace hillstar::policy
