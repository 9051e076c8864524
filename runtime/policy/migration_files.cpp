// SPDX-License-Identifier: Apache-2.0
// Rules of migration about a person's and a project's own files: the registry, keys, the policy and the marker.
#include <algorithm>
#include <array>

#include "runtime/policy/governance.hpp"
#include "runtime/policy/migration_notes.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using migration::Notes;
using enum MigrationLevel;

/// What Hillstar took from the registry file as if it stood in every workflow's model_config. Source: section 1.2.
constexpr std::array<std::string_view, 9> kModelConfig{"mode",
                                                       "preset",
                                                       "budget",
                                                       "provider_preferences",
                                                       "provider_preference",
                                                       "sampling_params",
                                                       "custom_providers",
                                                       "max_concurrency",
                                                       "explainability"};

constexpr json::Position kWhole{.line = 0, .column = 0};

MigrationReport failed(const Error& error, std::string hillstar) {
  MigrationReport report;
  report.findings.push_back({change,
                             number(error.code),
                             {},
                             kWhole,
                             error.message,
                             std::move(hillstar),
                             error.where + (error.hint.empty() ? "" : ": " + error.hint)});
  return report;
}

void check_provider(std::string_view name, const bj::value& entry, const std::string& base, Notes& notes) {
  const auto at = base + "/" + json::pointer_token(name);
  if (json::member(entry, "api_key") != nullptr)
    notes.add(differs, "plain-key", at + "/api_key",
              {"the key is used after all other places, with a warning at every run", "used it before the environment",
               "`hillstar-actors secrets move` takes it to where keys are kept"});
  if (base != "/providers" || shipped_registry().find(name) == nullptr) return;
  if (json::member(entry, "models") == nullptr)
    notes.add(differs, "registry-deep", at,
              {"the entry is laid over the known one, whose models, prices and terms stay",
               "replaced the provider: its models were unknown, calls cost 0, terms were not asked for", ""});
}

}  // namespace

MigrationReport migrate_registry(const std::string& text, const std::string& file) {
  const auto located = json::parse_located(text);
  const auto registry = read_registry({{"providers.default.json", std::string(shipped_registry_text())}, {file, text}});
  if (!located || !located->root->is_object())
    return failed(registry ? Error{Errc::provider_config, "It must be one JSON object.", file, {}} : registry.error(),
                  "went on without it");
  Notes notes(*located);
  const auto& root = *located->root;
  if (!registry)
    notes.add(change, number(registry.error().code), "",
              {registry.error().message + " (" + registry.error().where + ")", "did not look",
               registry.error().hint.empty() ? "nothing runs until it is mended" : registry.error().hint});
  for (const auto name : kModelConfig)
    if (json::member(root, name) != nullptr)
      notes.add(change, "registry-model-config", "/" + std::string(name),
                {"it has no effect here", "took it for every workflow that did not say otherwise in model_config",
                 "write it into model_config of the workflows that need it"});
  if (const auto* overrides = json::member(root, "user_overrides"); overrides != nullptr && overrides->is_object()) {
    notes.add(differs, "registry-overrides", "/user_overrides",
              {"it is laid over the known providers", "wrote it, and never read it", ""});
    if (const auto* providers = json::member(*overrides, "providers"); providers != nullptr && providers->is_object())
      for (const auto& [name, entry] : providers->get_object())
        check_provider(name, entry, "/user_overrides/providers", notes);
  }
  if (const auto* providers = json::member(root, "providers"); providers != nullptr && providers->is_object())
    for (const auto& [name, entry] : providers->get_object()) check_provider(name, entry, "/providers", notes);
  if (registry)
    for (const auto& warning : registry->warnings) {
      const bool is_known = std::any_of(kModelConfig.begin(), kModelConfig.end(), [&](std::string_view name) {
        return warning.find(file + " /" + std::string(name)) != std::string::npos;
      });
      if (!is_known) notes.add(advice, "registry", "", {warning, "", ""});
    }
  notes.keep("The file is read at every run; `hillstar-actors providers ls` shows what it makes of it.");
  return notes.take();
}

MigrationReport migrate_secrets(const std::string& text) {
  MigrationReport report;
  json::Position position;
  std::size_t count = 0;
  const auto add = [&](MigrationLevel level, std::string rule, migration::Words words) {
    report.findings.push_back({level, std::move(rule), {}, position, words.here, words.hillstar, words.mend});
  };
  for (std::size_t at = 0; at < text.size(); ++position.line) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) {
      add(advice, "secrets-line", {"the line is skipped: it has no `=`", "did the same", ""});
      continue;
    }
    ++count;
    const auto value = line.find_first_not_of(" \t", equals + 1);
    if (line.substr(begin).starts_with("export "))
      add(differs, "secrets-export",
          {"`export` is understood", "took it for a part of the name: the key was missing", ""});
    if (value != std::string_view::npos && (line[value] == '"' || line[value] == '\''))
      add(differs, "secrets-quotes", {"the quotes are taken away", "kept them as a part of the key", ""});
  }
  report.keeps.push_back("Keys: " + std::to_string(count) +
                         ", read at every run after the environment and .env; scripts do not see them.");
  return report;
}

MigrationReport migrate_policy(const std::string& text, const std::string& file) {
  const auto policy = read_governance_policy(text, file);
  if (!policy) return failed(policy.error(), "took the defaults, with a warning");
  const auto located = json::parse_located(text);
  if (!located) return {};
  Notes notes(*located);
  const auto add = [&](const char* key, migration::Words words) {
    if (located->root->is_object() && located->root->get_object().contains(key))
      notes.add(differs, std::string("policy-") + key, "/" + std::string(key), std::move(words));
  };
  add("blocked_patterns", {"a commit that changes such a file needs a run, also if the file is exempt", "never read it",
                           "take out what may be committed without a run"});
  add("exempt_patterns", {"a commit of such files alone needs no run", "never read it", ""});
  add("max_age_seconds", {"it is the age of the one run that the commit rests on; each run licenses one commit",
                          "let any number of commits pass within that time", ""});
  const bool forces = policy->allow_force_override.value_or(true);
  const bool says_so = located->root->is_object() && located->root->get_object().contains("allow_force_override");
  notes.add(differs, "policy-allow_force_override", says_so ? "/allow_force_override" : "",
            {forces ? "HILLSTAR_FORCE_COMMIT=1 lets a commit pass, and is recorded"
                    : "HILLSTAR_FORCE_COMMIT=1 is refused, in the hook as well",
             forces ? "recorded nothing" : "let it pass in the hook all the same", ""});
  notes.keep("`enforce check`, `status`, `install` and `uninstall` go by it.");
  return notes.take();
}

MigrationReport migrate_marker(const std::string& text) {
  const auto marker = read_commit_marker(text);
  if (!marker) return failed(marker.error(), "could not read it, either");
  MigrationReport report;
  if (!marker->run.empty()) {
    report.keeps.push_back("It was written by hillstar-actors: `enforce check` says whether it holds.");
    return report;
  }
  report.findings.push_back({differs,
                             "marker-old",
                             {},
                             kWhole,
                             "it licenses no commit: it does not say which run, commit and file it stands for",
                             "let every commit pass for an hour, also after a run that failed",
                             "run the workflow '" + marker->workflow_id + "' again before the next commit"});
  return report;
}

}  // namespace hillstar::policy
