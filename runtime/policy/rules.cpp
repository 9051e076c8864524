// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/rules.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "messages/json.hpp"
#include "messages/json_codec.hpp"
#include "runtime/workflow/did_you_mean.hpp"
#include "runtime/workflow/fields.hpp"

namespace hillstar::policy {

// What a policy file may say. Absent: it says nothing about it.
struct SandboxText {
  std::optional<bool> allow_none;
};
BOOST_DESCRIBE_STRUCT(SandboxText, (), (allow_none))

struct AirGapText {
  std::optional<bool> always;
  std::optional<bool> allow_script_network;
  std::optional<bool> allow_unconfined_scripts;
  std::optional<std::vector<std::string>> endpoints;
};
BOOST_DESCRIBE_STRUCT(AirGapText, (), (always, allow_script_network, allow_unconfined_scripts, endpoints))

struct ClearanceText {
  std::optional<std::string> cloud;
  std::optional<std::string> near;
  std::map<std::string, std::string> providers;
  std::map<std::string, std::string> tools;
};
BOOST_DESCRIBE_STRUCT(ClearanceText, (), (cloud, near, providers, tools))

struct DataText {
  std::vector<std::string> classes;
  std::optional<ClearanceText> clearance;
  std::map<std::string, std::string> files;
  std::optional<std::uint32_t> approvals;
  std::vector<std::string> approvers;
};
BOOST_DESCRIBE_STRUCT(DataText, (), (classes, clearance, files, approvals, approvers))

struct RedactionText {
  std::vector<std::string> on;
};
BOOST_DESCRIBE_STRUCT(RedactionText, (), (on))

// The first seven are about commits: governance_reader.cpp.
struct PolicyFile {
  std::optional<std::uint64_t> max_age_seconds;
  std::optional<bool> allow_force_override;
  std::optional<bool> allow_dev_mode;
  std::optional<bool> require_workflow_id;
  std::optional<bool> require_record;
  std::vector<std::string> blocked_patterns;
  std::vector<std::string> exempt_patterns;
  std::optional<SandboxText> sandbox;
  std::optional<AirGapText> air_gap;
  std::optional<DataText> data;
  std::optional<RedactionText> redaction;
};
BOOST_DESCRIBE_STRUCT(PolicyFile, (),
                      (max_age_seconds, allow_force_override, allow_dev_mode, require_workflow_id, require_record,
                       blocked_patterns, exempt_patterns, sandbox, air_gap, data, redaction))

namespace {

constexpr std::array<std::string_view, 4> kClasses = {"public", "internal", "confidential", "restricted"};
constexpr std::uint32_t kApprovalsMax = 100;

std::string who_may(PolicyPlace place) {
  switch (place) {
    case PolicyPlace::site:
      return "Whoever administers this machine may change it.";
    case PolicyPlace::user:
      return "It is yours to change.";
    case PolicyPlace::project:
      return "It belongs to the project; nothing runs until it is mended.";
  }
  return {};
}

/// `file:line:column /pointer`, as far as the text can be read.
std::string place_of(const PolicyText& source, const std::string& pointer) {
  const auto located = json::parse_located(source.text);
  if (!located) return source.file + ":" + located.error().where;
  const auto at = located->at(pointer);
  return source.file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
         (pointer.empty() ? "" : " at " + pointer);
}

Error refuse(const PolicyText& source, const std::string& pointer, const std::string& what, const std::string& mend) {
  return Error{Errc::policy_invalid, what, place_of(source, pointer),
               (mend.empty() ? "" : mend + " ") + who_may(source.place)};
}

class Merge {
 public:
  explicit Merge(Rules& rules) : rules_(rules) {}

  /// All files, before anything else is merged: the classes that the rest is written in.
  Result<void> classes(const PolicyText& source, const PolicyFile& file) {
    if (!file.data || file.data->classes.empty()) return {};
    const auto& given = file.data->classes;
    const auto sorted = [&] {
      auto names = given;
      std::sort(names.begin(), names.end());
      return names;
    }();
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end() ||
        std::find(given.begin(), given.end(), "") != given.end())
      return refuse(source, "/data/classes", "A class stands there twice, or has no name.",
                    "Name each class once, the lowest first.");
    if (classes_from_.empty()) {
      rules_.data.classes = given;
      rules_.data.cloud = given.front();
      rules_.data.near = given.back();
      classes_from_ = source.file;
    } else if (given != rules_.data.classes) {
      return refuse(source, "/data/classes", "They are not those of " + classes_from_ + ".",
                    "Name the same classes in the same order, or none.");
    }
    return {};
  }

  Result<void> add(const PolicyText& source, const PolicyFile& file) {
    if (file.sandbox) HILLSTAR_CHECK(permit(source, "/sandbox/allow_none", file.sandbox->allow_none, none_));
    if (file.air_gap) HILLSTAR_CHECK(air_gap(source, *file.air_gap));
    if (file.data) HILLSTAR_CHECK(data(source, *file.data));
    if (file.redaction) HILLSTAR_CHECK(redaction(source, *file.redaction));
    rules_.files.push_back(source.file);
    return {};
  }

  void finish() {
    rules_.sandbox.allow_none = none_.value_or(false);
    rules_.air_gap.allow_script_network = script_network_.value_or(false);
    rules_.air_gap.allow_unconfined_scripts = unconfined_.value_or(false);
  }

 private:
  /// What lets more happen: an operator's files agree on it, a project may only take it away.
  static Result<void> permit(const PolicyText& source, const std::string& pointer, const std::optional<bool>& given,
                             std::optional<bool>& rule) {
    if (!given) return {};
    if (*given && source.place == PolicyPlace::project)
      return refuse(source, pointer, "A project's policy may not allow this.",
                    "Allow it in the policy of the user, ~/.config/hillstar/policy.json, or of the site.");
    rule = rule.value_or(true) && *given;
    return {};
  }

  Result<void> air_gap(const PolicyText& source, const AirGapText& text) {
    rules_.air_gap.always = rules_.air_gap.always || text.always.value_or(false);
    HILLSTAR_CHECK(permit(source, "/air_gap/allow_script_network", text.allow_script_network, script_network_));
    HILLSTAR_CHECK(permit(source, "/air_gap/allow_unconfined_scripts", text.allow_unconfined_scripts, unconfined_));
    if (!text.endpoints) return {};
    auto& endpoints = rules_.air_gap.endpoints;
    if (!endpoints && source.place == PolicyPlace::project)
      return refuse(source, "/air_gap/endpoints", "A project's policy may not name endpoints that nobody allowed.",
                    "Name them in the policy of the user, ~/.config/hillstar/policy.json, or of the site.");
    if (!endpoints) {
      endpoints = text.endpoints;
      return {};
    }
    const auto& both = *text.endpoints;
    std::erase_if(*endpoints,
                  [&](const auto& name) { return std::find(both.begin(), both.end(), name) == both.end(); });
    return {};
  }

  Result<std::size_t> rank(const PolicyText& source, const std::string& pointer, const std::string& name) const {
    if (const auto found = rank_of(rules_.data, name)) return *found;
    const std::vector<std::string_view> names(rules_.data.classes.begin(), rules_.data.classes.end());
    std::string all;
    for (const auto& one : names) all += (all.empty() ? "" : ", ") + std::string(one);
    auto mend = workflow::did_you_mean(name, names);
    if (mend.empty()) mend = "There are " + all + ".";
    return refuse(source, pointer, "There is no data class '" + name + "'.", mend);
  }

  /// The lower of the two; but an operator's first word about something is taken as it is.
  Result<void> lower(const PolicyText& source, const std::string& pointer, const std::string& given, bool first,
                     std::string& rule) {
    HILLSTAR_TRY(const auto wanted, rank(source, pointer, given));
    if ((first && source.place != PolicyPlace::project) || wanted < *rank_of(rules_.data, rule)) rule = given;
    return {};
  }

  Result<void> each(const PolicyText& source, const std::string& pointer,
                    const std::map<std::string, std::string>& given, const std::string& otherwise,
                    std::map<std::string, std::string>& rule) {
    for (const auto& [name, clearance] : given) {
      const auto [place, first] = rule.try_emplace(name, otherwise);
      HILLSTAR_CHECK(lower(source, pointer + "/" + json::pointer_token(name), clearance, first, place->second));
    }
    return {};
  }

  Result<void> data(const PolicyText& source, const DataText& text) {
    auto& rule = rules_.data;
    if (text.clearance) {
      const auto& given = *text.clearance;
      const std::string at = "/data/clearance/";
      const bool operators = source.place != PolicyPlace::project;
      if (given.cloud) {
        HILLSTAR_CHECK(lower(source, at + "cloud", *given.cloud, !cloud_stated_, rule.cloud));
        cloud_stated_ = cloud_stated_ || operators;
      }
      if (given.near) {
        HILLSTAR_CHECK(lower(source, at + "near", *given.near, !near_stated_, rule.near));
        near_stated_ = near_stated_ || operators;
      }
      // A project does not know which providers are near: what it names is at most what any cloud may get.
      HILLSTAR_CHECK(each(source, at + "providers", given.providers, rule.cloud, rule.providers));
      HILLSTAR_CHECK(each(source, at + "tools", given.tools, rule.classes.back(), rule.tools));
    }
    for (const auto& [pattern, data_class] : text.files) {
      HILLSTAR_TRY(const auto wanted, rank(source, "/data/files/" + json::pointer_token(pattern), data_class));
      const auto [place, first] = rule.files.try_emplace(pattern, data_class);
      if (!first && wanted > *rank_of(rule, place->second)) place->second = data_class;
    }
    if (text.approvals) {
      if (*text.approvals < 1 || *text.approvals > kApprovalsMax)
        return refuse(source, "/data/approvals", "Between 1 and 100 people must approve.", "Write a number from 1.");
      rule.approvals = std::max(rule.approvals, *text.approvals);
    }
    if (text.approvers.empty()) return {};
    if (rule.approvers.empty()) {
      rule.approvers = text.approvers;
      return {};
    }
    std::erase_if(rule.approvers, [&](const auto& name) {
      return std::find(text.approvers.begin(), text.approvers.end(), name) == text.approvers.end();
    });
    if (rule.approvers.empty())
      return refuse(source, "/data/approvers", "Nobody stands in the lists of all policy files.",
                    "Name at least one person whom the others name too.");
    return {};
  }

  Result<void> redaction(const PolicyText& source, const RedactionText& text) {
    for (const auto& name : text.on) {
      const auto& all = secret_rules();
      const auto found = std::find_if(all.begin(), all.end(), [&](const auto& rule) { return rule.name == name; });
      if (found == all.end()) {
        std::vector<std::string_view> names;
        for (const auto& rule : all)
          if (rule.optional) names.push_back(rule.name);
        return refuse(source, "/redaction/on", "There is no redaction rule '" + name + "'.",
                      workflow::did_you_mean(name, names));
      }
      if (std::find(rules_.redact.begin(), rules_.redact.end(), name) == rules_.redact.end())
        rules_.redact.push_back(name);
    }
    return {};
  }

  Rules& rules_;
  std::optional<bool> none_;
  std::optional<bool> script_network_;
  std::optional<bool> unconfined_;
  std::string classes_from_;
  bool cloud_stated_ = false;
  bool near_stated_ = false;
};

Result<PolicyFile> parse(const PolicyText& source) {
  const std::string what = "The policy cannot be read, so nothing is allowed: ";
  auto tree = json::parse(source.text);
  if (!tree) return refuse(source, "", what + tree.error().message + ".", tree.error().hint);
  if (auto* object = tree->if_object()) {  // `_note` and the like are for people
    std::vector<std::string> notes;
    for (const auto& [name, value] : *object)
      if (workflow::is_private_field(name)) notes.emplace_back(name);
    for (const auto& name : notes) object->erase(name);
  }
  auto file = json::read<PolicyFile>(*tree);
  if (!file) return refuse(source, file.error().where, what + file.error().message + ".", file.error().hint);
  return *std::move(file);
}

}  // namespace

Result<Rules> read_rules(const std::vector<PolicyText>& texts) {
  auto rules = default_rules();
  std::vector<PolicyFile> files;
  Merge merge(rules);
  for (const auto& source : texts) {
    HILLSTAR_TRY(auto file, parse(source));
    HILLSTAR_CHECK(merge.classes(source, file));
    files.push_back(std::move(file));
  }
  for (std::size_t i = 0; i < files.size(); ++i) HILLSTAR_CHECK(merge.add(texts[i], files[i]));
  merge.finish();
  return rules;
}

const Rules& default_rules() {
  static const auto rules = [] {
    Rules made;
    made.data.classes.assign(kClasses.begin(), kClasses.end());
    made.data.cloud = made.data.classes.front();
    made.data.near = made.data.classes.back();
    return made;
  }();
  return rules;
}

RuleChoice rule_choice(const std::vector<std::string>& environment, const Rules* rules) {
  auto choice = rule_choice(environment);
  if (rules != nullptr) choice.on.insert(choice.on.end(), rules->redact.begin(), rules->redact.end());
  return choice;
}

std::optional<std::size_t> rank_of(const DataRules& rules, std::string_view data_class) {
  const auto found = std::find(rules.classes.begin(), rules.classes.end(), data_class);
  if (found == rules.classes.end()) return std::nullopt;
  return static_cast<std::size_t>(found - rules.classes.begin());
}

Rules strictest(Rules rules, const Rules& other) {
  rules.sandbox.allow_none = rules.sandbox.allow_none && other.sandbox.allow_none;
  auto& gap = rules.air_gap;
  gap.always = gap.always || other.air_gap.always;
  gap.allow_script_network = gap.allow_script_network && other.air_gap.allow_script_network;
  gap.allow_unconfined_scripts = gap.allow_unconfined_scripts && other.air_gap.allow_unconfined_scripts;
  if (const auto& theirs = other.air_gap.endpoints; theirs && gap.endpoints)
    std::erase_if(*gap.endpoints, [&](const std::string& endpoint) {
      return std::find(theirs->begin(), theirs->end(), endpoint) == theirs->end();
    });
  else if (theirs)
    gap.endpoints = theirs;
  for (const auto& name : other.redact)
    if (std::find(rules.redact.begin(), rules.redact.end(), name) == rules.redact.end()) rules.redact.push_back(name);
  return rules;
}

std::string to_text(const Rules& rules) {
  std::string text;
  json::write(text, rules);
  return text;
}

Result<Rules> rules_from_text(std::string_view text) {
  HILLSTAR_TRY(const auto tree, json::parse(text));
  HILLSTAR_TRY(auto rules, json::read<Rules>(tree));
  if (rules.data.classes.empty() || !rank_of(rules.data, rules.data.cloud) || !rank_of(rules.data, rules.data.near))
    return Error{Errc::record_corrupt, "the run's rules name classes that they do not have"};
  return rules;
}

}  // namespace hillstar::policy
