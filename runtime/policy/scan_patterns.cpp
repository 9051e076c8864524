// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/scan_patterns.hpp"

#include <re2/re2.h>

#include <algorithm>

#include "messages/json.hpp"

namespace hillstar::policy {
namespace {

constexpr std::size_t kMaskedHead = 4;
constexpr std::size_t kMaskedFrom = 16;
constexpr std::size_t kAround = 300;
constexpr std::int64_t kPatternMemory = 8LL << 20U;

constexpr std::array<std::string_view, 30> kSecretNames{"AWS_SECRET_ACCESS_KEY",
                                                        "AWS_ACCESS_KEY_ID",
                                                        "AWS_SESSION_TOKEN",
                                                        "ANTHROPIC_API_KEY",
                                                        "ANTHROPIC_AUTH_TOKEN",
                                                        "OPENAI_API_KEY",
                                                        "MISTRAL_API_KEY",
                                                        "GOOGLE_API_KEY",
                                                        "GEMINI_API_KEY",
                                                        "AZURE_OPENAI_API_KEY",
                                                        "HF_TOKEN",
                                                        "DATABASE_PASSWORD",
                                                        "DB_PASSWORD",
                                                        "POSTGRES_PASSWORD",
                                                        "PGPASSWORD",
                                                        "MYSQL_PASSWORD",
                                                        "REDIS_PASSWORD",
                                                        "ADMIN_TOKEN",
                                                        "AUTH_TOKEN",
                                                        "SECRET_KEY",
                                                        "PRIVATE_KEY",
                                                        "CLIENT_SECRET",
                                                        "API_SECRET",
                                                        "JWT_SECRET",
                                                        "GITHUB_TOKEN",
                                                        "GITHUB_PERSONAL_ACCESS_TOKEN",
                                                        "GITLAB_TOKEN",
                                                        "NPM_TOKEN",
                                                        "SLACK_BOT_TOKEN",
                                                        "STRIPE_SECRET_KEY"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

}  // namespace

struct ScanPatterns::Compiled {
  std::string_view what;
  std::unique_ptr<re2::RE2> regex;
};

ScanPatterns::ScanPatterns(const std::vector<Pattern>& patterns) {
  re2::RE2::Options options;
  options.set_max_mem(kPatternMemory);
  options.set_log_errors(false);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);  // any bytes: nobody promises UTF-8
  for (const auto& pattern : patterns) {
    compiled_.push_back({pattern.what, std::make_unique<re2::RE2>(pattern.regex, options)});
    HILLSTAR_ASSERT(compiled_.back().regex->ok());
  }
}

ScanPatterns::~ScanPatterns() = default;
ScanPatterns::ScanPatterns(ScanPatterns&&) noexcept = default;
ScanPatterns& ScanPatterns::operator=(ScanPatterns&&) noexcept = default;

void ScanPatterns::each(std::string_view text, const std::function<bool(const ScanMatch&)>& take) const {
  const re2::StringPiece whole(text.data(), text.size());
  for (const auto& pattern : compiled_) {
    std::array<re2::StringPiece, 2> groups;
    const int count = pattern.regex->NumberOfCapturingGroups() > 0 ? 2 : 1;
    for (std::size_t at = 0; at <= text.size();) {
      if (!pattern.regex->Match(whole, at, text.size(), re2::RE2::UNANCHORED, groups.data(), count)) break;
      const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
      const auto end = begin + groups[0].size();
      std::string_view part;
      if (count == 2 && groups[1].data() != nullptr) part = {groups[1].data(), groups[1].size()};
      if (!take({begin, end, pattern.what, part})) break;
      at = std::max(end, begin + 1);
    }
  }
}

std::optional<ScanMatch> ScanPatterns::first(std::string_view text) const {
  std::optional<ScanMatch> found;
  each(text, [&](const ScanMatch& match) {
    if (!found) found = match;
    return false;
  });
  return found;
}

ScanPatterns secret_patterns() {
  return ScanPatterns({
      {"AWS access key", R"re(\b((?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[0-9A-Z]{16})\b)re"},
      {"AWS secret key",
       R"re((?i)aws[a-z_ .-]{0,20}secret[a-z_ .-]{0,20}["']?\s{0,4}[:=]\s{0,4}["']?([0-9a-z/+]{40}))re"
       R"re((?:[^0-9a-z/+=]|$))re"},
      {"API key", R"re((?i)\bapi[_-]?key["']?\s{0,4}[:=]\s{0,4}["']?([0-9a-z_\-]{16,}))re"},
      {"Anthropic key", R"re(\b(sk-ant-[a-z]{1,10}[0-9]{2}-[A-Za-z0-9_-]{20,}))re"},
      {"OpenAI key", R"re(\b(sk-(?:[a-z]{1,10}-)?[A-Za-z0-9]{20,}))re"},
      {"password, secret or token",
       R"re((?i)(?:passwd|password|secret|token)["']?\s{0,4}[:=]\s{0,4}["']([^"'$<{\s][^"'\n]{7,})["'])re"},
      {"private key", R"re((-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----))re"},
      {"bearer token", R"re((?i)\bbearer\s+([a-z0-9._~+/=-]{20,}))re"},
  });
}

ScanPatterns shell_patterns() {
  return ScanPatterns({
      {"command substitution", R"re(\$\([^)\n]*\))re"},
      {"backticks", "`[^`\n]+`"},
      {"pipe", R"re(\|)re"},
      {"chained commands", "&&"},
      {"second command", R"re(;[ \t]*[A-Za-z_./])re"},
      {"writes to an absolute path", R"re(>[ \t]*/[^\s]+)re"},
      {"download", R"re((?i)\b(?:curl|wget)\b[^\n]{0,400}\b(?:https?|ftp)://)re"},
      {"network listener", R"re((?i)\b(?:nc|ncat|netcat)\b[^\n]{0,200}\s-[a-z]*[lp])re"},
      {"reads credentials", R"re((?i)\bcat\b[^\n]{0,200}(?:/etc/passwd|/etc/shadow|\.ssh\b|\.env\b|\.aws\b))re"},
  });
}

ScanPatterns flag_patterns() {
  return ScanPatterns({
      {"--no-sandbox", R"re((?:^|[^\w-])--no-sandbox(?:[^\w-]|$))re"},
      {"--disable-security", R"re((?:^|[^\w-])--disable-(?:web-)?security(?:[^\w-]|$))re"},
      {"--allow-all", R"re((?:^|[^\w-])--allow-all(?:[^\w-]|$))re"},
      {"--privileged", R"re((?:^|[^\w-])--privileged(?:[^\w-]|$))re"},
      {"--no-verify", R"re((?:^|[^\w-])--no-verify(?:-ssl|-tls)?(?:[^\w-]|$))re"},
      {"--insecure", R"re((?:^|[^\w-])--insecure(?:[^\w-]|$))re"},
      {"--trust-all", R"re((?:^|[^\w-])--trust-all(?:[^\w-]|$))re"},
  });
}

ScanPatterns injection_patterns() {
  return ScanPatterns({
      {"tells the agent to ignore its instructions",
       R"re((?i)\b(?:ignore|disregard|forget|override)\s+(?:(?:all|any|of|the|your|my|)re"
       R"re(every)\s+){0,3}(?:previous|prior|above|earlier|)re"
       R"re(preceding)\s+(?:\w+\s+){0,2}?(?:instruction|prompt|rule|direction|message|guideline)s?)re"},
      {"gives the agent another role",
       R"re((?i)\byou\s+are\s+now\s+(?:\w+\s+){0,3}?(?:maintenance|admin|administrator|root|debug|)re"
       R"re(developer|god)\s*-?\s*mode)re"},
      {"turns safety off",
       R"re((?i)\b(?:bypass|disable|circumvent|deactivate|turn\s+off|switch\s+off)\s+(?:(?:all|any|)re"
       R"re(the|your|its|every)\s+){0,3}(?:safety|security\s+(?:check|filter|control|polic|measure|)re"
       R"re(restriction)|content\s+filter|guard\s?-?rail))re"},
      {"hides what it does",
       R"re((?i)\b(?:silently|secretly|covertly)\s+(?:\w+\s+)?(?:send|upload|post|run|execut|read|)re"
       R"re(collect|copy|delet|remov|install|transmit|exfiltrat|forward|includ|append|fetch|download|)re"
       R"re(stor|writ|modif|chang|extract|gather|access|perform)\w*)re"},
      {"hides what it does",
       R"re((?i)\b(?:do|run|execute|perform)\s+(?:\w+\s+){0,4}?(?:silently|secretly|covertly)\b)re"},
      {"hides what it does", R"re((?i)\bwithout\s+(?:showing|telling|informing|notifying|mentioning|alerting)\b)re"},
  });
}

ScanPatterns comment_patterns() {
  return ScanPatterns(std::vector<ScanPatterns::Pattern>{
      {"instructions in a comment", R"re((?i)\b(?:ignore|override|execute|bypass|admin)\b)re"}});
}

ScanPatterns theft_patterns() {
  return ScanPatterns({
      {"SSH keys", R"re((?i)(?:\.ssh/|\bid_(?:rsa|dsa|ecdsa|ed25519)\b))re"},
      {"AWS credentials", R"re((?i)\.aws/(?:credentials|config)\b)re"},
      {".env files", R"re((?i)\b(?:cat|read|reads|source|copy|cp|open|upload|send|print|less|head|tail|type|get|)re"
                     R"re(grep|curl|collect|extract|load)\b[^\n]{0,80}[\s/"'`~*]\.env\b)re"},
      {"password hashes", R"re(/etc/shadow\b)re"},
      {"browser credentials",
       R"re((?i)(?:(?:chrome|chromium|firefox|safari|brave|edge|browser)\b[^\n]{0,80}(?:login\s?data|)re"
       R"re(logins\.json|key4\.db|cookies|passwords?|credentials?)|\bLogin Data\b))re"},
      {"request to a foreign server",
       R"re((?i)\b(?:curl|wget|fetch|requests?\.[a-z]+|httpx\.[a-z]+|axios(?:\.[a-z]+)?|)re"
       R"re(urlopen)\b[^\n]{0,200}?((?:https?|ftp)://[^\s"'`)<>]+))re"},
      {"upload to a foreign server",
       R"re((?i)\bcurl\b[^\n]{0,200}?(?:-X\s*(?:POST|PUT)|--request[ =](?:POST|PUT)|--data\b|)re"
       R"re(--data-\w+|-d\s|-F\s|-T\s|--upload-file)[^\n]{0,200}?(https?://[^\s"'`)<>]+))re"},
  });
}

ScanPatterns ruin_patterns() {
  return ScanPatterns({
      {"removes whole folders", R"re(\brm\s+(?:-[A-Za-z-]+\s+){0,4}(?:-[A-Za-z]*[rR][A-Za-z]*|)re"
                                R"re(--recursive)\s+(?:-[A-Za-z-]+\s+){0,4}["']?(?:/|~|\$HOME|\$\{HOME\}))re"},
      {"formats a disk", R"re(\bmkfs(?:\.\w+)?\s)re"},
      {"overwrites a disk", R"re(\bdd\b[^\n]{0,200}\bof=/dev/(?:sd|nvme|hd|vd|mmcblk|disk))re"},
      {"drops a database", R"re((?i)\bDROP\s+(?:DATABASE|TABLE|SCHEMA)\b)re"},
      {"kills every process", R"re(\bkill\s+-(?:9|KILL|SIGKILL|s\s+(?:SIG)?KILL)\s+(?:--\s+)?-1\b)re"},
      {"fork bomb", R"re(:\s*\(\s*\)\s*\{\s*:\s*\|\s*:\s*&\s*\}\s*;\s*:)re"},
  });
}

ScanPatterns hiding_patterns() {
  return ScanPatterns({
      {"quoted value",
       R"re((?i)(?:pass(?:wd|word|phrase)?|token|secret|api[-_]?key|access[-_]?key|auth|credentials?))re"
       R"re(["']?\s{0,4}[=:]\s{0,4}["']([^"'\n]{3,}))re"},
      {"argument", R"re((?i)(?:pass(?:wd|word|phrase)?|token|secret|api[-_]?key|access[-_]?key|auth|)re"
                   R"re(credentials?)["']?(?:\s{0,4}[=:]\s{0,4}|\s{1,4})["']?([^\s"',;|&)]{3,}))re"},
      {"address", R"re(://[^/\s:@"']*:([^@\s/"']+)@)re"},
  });
}

bool is_secret_name(std::string_view name) {
  return std::any_of(kSecretNames.begin(), kSecretNames.end(), [&](std::string_view known) {
    return std::equal(known.begin(), known.end(), name.begin(), name.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
  });
}

ScanAddress scan_address(std::string_view url) {
  const auto colon = url.find("://");
  if (colon == std::string_view::npos || colon == 0) return {};
  ScanAddress address;
  address.scheme = lowered(url.substr(0, colon));
  auto rest = url.substr(colon + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  if (rest.starts_with('[')) {
    rest = rest.substr(1, rest.find(']') - 1);
  } else {
    rest = rest.substr(0, rest.find(':'));
  }
  address.host = lowered(rest);
  return address;
}

bool is_local_host(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost") || host == "::1" || host == "0.0.0.0") return true;
  // 127.x.y.z and nothing that only begins so.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string masked(std::string_view secret) {
  const auto head = secret.substr(0, kMaskedHead);
  const bool is_plain = std::all_of(head.begin(), head.end(), [](char c) { return c > ' ' && c < 0x7F; });
  return (secret.size() < kMaskedFrom || !is_plain ? std::string() : std::string(head)) + "****";
}

std::string ScanPatternSet::evidence(std::string_view text) const {
  std::vector<std::pair<std::size_t, std::size_t>> hidden;
  const auto hide = [&](const ScanMatch& match) {
    const auto part = match.part.empty() ? text.substr(match.begin, match.end - match.begin) : match.part;
    const auto begin = static_cast<std::size_t>(part.data() - text.data());
    hidden.emplace_back(begin, begin + part.size());
    return true;
  };
  secrets.each(text, hide);
  hiding.each(text, hide);
  std::sort(hidden.begin(), hidden.end());
  std::string out;
  std::size_t at = 0;
  for (const auto& [begin, end] : hidden) {
    if (begin >= at) out += std::string(text.substr(at, begin - at)) + masked(text.substr(begin, end - begin));
    at = std::max(at, end);
  }
  out += text.substr(at);
  out = redactor.redact(json::to_utf8(out));
  std::string line;
  std::size_t characters = 0;
  for (const char c : out) {
    const bool starts = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    if (starts && ++characters > kEvidenceMax) break;
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  const auto first = line.find_first_not_of(' ');
  return first == std::string::npos ? std::string() : line.substr(first);
}

ScanFile::ScanFile(const std::string& file, std::string_view text, ScanReport& report)
    : file_(file), text_(text), report_(report), line_starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') line_starts_.push_back(i + 1);
}

void ScanFile::add(std::string_view rule, std::string evidence, std::size_t line, const std::string& server) {
  if (++added_ > kFindingsPerFileMax) return;
  const auto& rules = scan_rules();
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const ScanRule& one) { return one.id == rule; });
  HILLSTAR_ASSERT(found != rules.end());
  report_.findings.push_back({&*found, file_, std::move(evidence), line, server});
}

std::size_t ScanFile::line_of(std::size_t offset) const {
  return static_cast<std::size_t>(std::upper_bound(line_starts_.begin(), line_starts_.end(), offset) -
                                  line_starts_.begin());
}

std::string_view ScanFile::line_around(std::size_t begin, std::size_t end) const {
  auto from = text_.rfind('\n', begin == 0 ? 0 : begin - 1);
  from = begin == 0 || from == std::string_view::npos ? 0 : from + 1;
  auto to = std::min(text_.find('\n', end), text_.size());
  from = std::max(from, begin > kAround ? begin - kAround : 0);
  to = std::min(to, end + kAround);
  return text_.substr(from, to - from);
}

}  // namespace hillstar::policy
