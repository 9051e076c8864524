// SPDX-License-Identifier: Apache-2.0
// The files of commit governance: the policy strictly, the marker as it is.
#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "messages/json.hpp"
#include "runtime/policy/governance.hpp"
#include "runtime/policy/path_patterns.hpp"
#include "runtime/workflow/field_reader.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using workflow::Place;

constexpr double kAgeMax = 366.0 * 24 * 3'600;
constexpr std::size_t kProblemsNamed = 10;
constexpr json::Limits kLimits{.bytes_max = 1U << 20U, .depth_max = 64};

/// Ours, and those that other rules of the same file have.
const std::vector<std::string_view>& known_keys() {
  static const std::vector<std::string_view> keys{"max_age_seconds",
                                                  "allow_force_override",
                                                  "allow_dev_mode",
                                                  "require_workflow_id",
                                                  "require_record",
                                                  "blocked_patterns",
                                                  "exempt_patterns",
                                                  "sandbox",
                                                  "data",
                                                  "air_gap",
                                                  "redaction"};
  return keys;
}

void check_keys(const bj::object& object, const Place& at, workflow::Problems& problems) {
  for (const auto& [key, value] : object) {
    const std::string_view name(key.data(), key.size());
    bool is_known = workflow::is_private_field(name);
    for (const auto known : known_keys()) is_known = is_known || known == name;
    const auto here = at.key(name);
    if (!is_known)
      problems.error(Errc::permission_denied, here.pointer(), "there is no rule '" + std::string(name) + "'",
                     problems.suggest(name, known_keys()));
    else if (value.is_null())
      problems.error(Errc::permission_denied, here.pointer(), "null says nothing", "leave the key out");
  }
}

std::optional<std::vector<std::string>> patterns_of(const workflow::FieldReader& reader, std::string_view name,
                                                    const Place& at, workflow::Problems& problems) {
  if (reader.find(name) == nullptr) return std::nullopt;
  auto patterns = reader.strings(name);
  const auto here = at.key(name);
  if (patterns.size() > kGovernancePatternsMax)
    problems.error(Errc::permission_denied, here.pointer(),
                   "more than " + std::to_string(kGovernancePatternsMax) + " patterns");
  for (std::size_t i = 0; i < patterns.size(); ++i)
    if (const auto problem = problem_with_pattern(patterns[i]))
      problems.error(Errc::permission_denied, here.element(i).pointer(), "the pattern " + *problem);
  return patterns;
}

Error refused(const std::string& what, const std::string& where, const std::string& file) {
  return {Errc::permission_denied,
          "The governance policy cannot be understood, so everything is refused: " + what + ".", where,
          "Who may write " + file + " mends it, or removes it for the defaults."};
}

std::string text_of(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : std::string(*text);
}

std::uint64_t count_of(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  const auto* count = value == nullptr ? nullptr : value->if_int64();
  return count != nullptr && *count > 0 ? static_cast<std::uint64_t>(*count) : 0;
}

/// `digits` digits at `at`, which moves on.
bool number_at(std::string_view text, std::size_t& at, std::size_t digits, int& number) {
  if (text.size() < at + digits) return false;
  const auto* end = text.data() + at + digits;
  const auto read = std::from_chars(text.data() + at, end, number);
  if (read.ec != std::errc() || read.ptr != end || text[at] == '-') return false;
  at += digits;
  return true;
}

/// Minutes to take away for UTC; nothing if `text` is no offset.
std::optional<int> offset_of(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  int hours = 0;
  int minutes = 0;
  std::size_t at = 1;
  if ((text[0] != '+' && text[0] != '-') || !number_at(text, at, 2, hours)) return std::nullopt;
  if (at < text.size() && text[at] == ':') ++at;
  if (!number_at(text, at, 2, minutes) || at != text.size() || hours > 23 || minutes > 59) return std::nullopt;
  return (text[0] == '+' ? 1 : -1) * (hours * 60 + minutes);
}

}  // namespace

Result<GovernanceText> read_governance_policy(std::string text, const std::string& file) {
  const auto parsed = json::parse(text, kLimits);
  if (!parsed) return refused(parsed.error().message, file + ":" + parsed.error().where, file);
  workflow::Problems problems(true);
  const Place top;
  GovernanceText policy;
  policy.file = file;
  if (const auto* object = workflow::as_object(*parsed, top, problems)) {
    check_keys(*object, top, problems);
    const workflow::FieldReader reader(*object, top, problems);
    policy.max_age_seconds = reader.integer("max_age_seconds", {0, kAgeMax, "seconds"});
    policy.allow_force_override = reader.boolean("allow_force_override");
    policy.allow_dev_mode = reader.boolean("allow_dev_mode");
    policy.require_workflow_id = reader.boolean("require_workflow_id");
    policy.require_record = reader.boolean("require_record");
    policy.blocked_patterns = patterns_of(reader, "blocked_patterns", top, problems);
    policy.exempt_patterns = patterns_of(reader, "exempt_patterns", top, problems);
  }
  if (!problems.has_errors()) return policy;
  const auto found = problems.take(text);
  std::string what;
  std::string where;
  std::size_t named = 0;
  for (const auto& problem : found) {
    const auto place =
        file + ":" + std::to_string(problem.position.line) + ":" + std::to_string(problem.position.column);
    if (where.empty()) where = place;
    if (++named > kProblemsNamed) break;
    what += (what.empty() ? "" : "; ") + ("line " + std::to_string(problem.position.line)) +
            (problem.pointer.empty() ? "" : " at " + problem.pointer) + ": " + problem.message +
            (problem.hint.empty() ? "" : " (" + problem.hint + ")");
  }
  if (named > kProblemsNamed) what += "; and " + std::to_string(found.size() - kProblemsNamed) + " more";
  return refused(what, where, file);
}

GovernancePolicy governance_policy(const std::vector<GovernanceText>& texts) {
  GovernancePolicy policy;
  // `stricter` says whether a file's word takes the place of an earlier file's; the first word always counts.
  const auto hold = [&](const char* rule, const auto& said, auto& holds, const std::string& file, bool stricter) {
    if (!said || (policy.stated_by.contains(rule) && !stricter)) return;
    holds = *said;
    policy.stated_by[rule] = file;
  };
  for (const auto& text : texts) {
    const auto& file = text.file;
    hold("max_age_seconds", text.max_age_seconds, policy.max_age_seconds, file,
         text.max_age_seconds < policy.max_age_seconds);
    hold("allow_force_override", text.allow_force_override, policy.allow_force_override, file,
         text.allow_force_override == false);
    hold("allow_dev_mode", text.allow_dev_mode, policy.allow_dev_mode, file, text.allow_dev_mode == false);
    hold("require_workflow_id", text.require_workflow_id, policy.require_workflow_id, file,
         text.require_workflow_id == true);
    hold("require_record", text.require_record, policy.require_record, file, text.require_record == true);
    if (text.blocked_patterns) {
      auto& blocked = policy.blocked_patterns;
      blocked.insert(blocked.end(), text.blocked_patterns->begin(), text.blocked_patterns->end());
      policy.stated_by["blocked_patterns"] = file;
    }
    if (text.exempt_patterns) {
      if (policy.stated_by.contains("exempt_patterns")) policy.exempt_limits.push_back(policy.exempt_patterns);
      policy.exempt_patterns = *text.exempt_patterns;
      policy.stated_by["exempt_patterns"] = file;
    }
  }
  return policy;
}

Result<CommitMarker> read_commit_marker(std::string_view text) {
  HILLSTAR_TRY(const auto parsed, json::parse(text, kLimits));
  const auto* object = parsed.if_object();
  if (object == nullptr) return Error{Errc::json_type, "it is no JSON object"};
  CommitMarker marker;
  marker.workflow_id = text_of(*object, "workflow_id");
  marker.workflow_file = text_of(*object, "workflow_file");
  marker.workspace = text_of(*object, "workspace");
  marker.workflow_sha256 = text_of(*object, "workflow_sha256");
  marker.executed_at = text_of(*object, "executed_at");
  marker.run = text_of(*object, "run");
  marker.chain = text_of(*object, "chain");
  marker.seq = count_of(*object, "seq");
  marker.nodes_executed = count_of(*object, "nodes_executed");
  marker.nodes_given = count_of(*object, "nodes_given");
  const auto* git = object->if_contains("git");
  if (const auto* place = git == nullptr ? nullptr : git->if_object()) {
    marker.git_error = text_of(*place, "error");
    if (place->contains("folder")) marker.git_folder = text_of(*place, "folder");
    marker.head = text_of(*place, "head");
  }
  return marker;
}

std::optional<UtcTime> parse_iso_time(std::string_view text) {
  // Its parts as they are, then the strict reader, which knows how long months are.
  constexpr std::size_t kSecondsEnd = 19;
  constexpr std::size_t kMicrosDigits = 6;
  if (text.size() < kSecondsEnd) return std::nullopt;
  std::string strict(text.substr(0, kSecondsEnd));
  if (strict[10] == ' ') strict[10] = 'T';
  auto rest = text.substr(kSecondsEnd);
  std::string micros;
  if (rest.starts_with('.')) {
    const auto end = rest.find_first_not_of("0123456789", 1);
    micros = rest.substr(1, end == std::string_view::npos ? end : end - 1);
    if (micros.empty()) return std::nullopt;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  }
  micros.resize(kMicrosDigits, '0');
  const auto offset = offset_of(rest);
  const auto time = from_rfc3339(strict + "." + micros + "Z");
  if (!offset || !time) return std::nullopt;
  return UtcTime{time->micros - std::int64_t{*offset} * 60'000'000};
}

}  // namespace hillstar::policy
