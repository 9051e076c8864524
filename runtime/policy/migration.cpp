// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/migration.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "runtime/policy/credential_check.hpp"
#include "runtime/policy/migration_notes.hpp"
#include "runtime/workflow/literal_keys.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using migration::Notes;
using workflow::Diagnostic;

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// What Hillstar did where `validate` finds something here; empty if it is not known, or was the same.
std::string hillstar_did(const Diagnostic& diagnostic) {
  const std::string_view pointer = diagnostic.pointer;
  const std::string_view message = diagnostic.message;
  if (diagnostic.code == Errc::reference)
    return has(message, "has no key") ? "filled in nothing" : "left the braces in the text, also in prompts";
  if (diagnostic.code == Errc::json_duplicate_key) return "took the last of them";
  if (diagnostic.code == Errc::tool_unknown) return "failed when the node was reached";
  if (diagnostic.code == Errc::tool_parameters && has(message, "is missing")) return "failed when the node was reached";
  if (diagnostic.code == Errc::terms_not_accepted && has(message, "'openai'")) return "asked it without that";
  if (diagnostic.code == Errc::json_type && pointer.ends_with("/max_attempts") && has(message, "found true"))
    return "counted it as 1";
  if (has(message, "cycle:") && has(diagnostic.hint, "template or condition"))
    return "had no edge to go by: references made nobody wait, and the early ones kept their braces";
  if (pointer.starts_with("/permissions/") || pointer.starts_with("/state/checkpoints")) return "ignored it";
  if (has(message, "cycle:") || pointer.starts_with("/graph/loops") || has(pointer, "max_concurrency"))
    return diagnostic.severity == workflow::Severity::error ? "let `validate` pass, and found it when the run started"
                                                            : std::string();
  if (has(message, "graph without nodes")) return "reported success";
  return {};
}

void add_diagnostics(const workflow::Compiled& compiled, Notes& notes) {
  for (const auto& diagnostic : compiled.diagnostics) {
    // The rule `literal-key` says more.
    if (diagnostic.pointer.starts_with("/model_config/") && diagnostic.pointer.ends_with("/api_key")) continue;
    const bool is_error = diagnostic.severity == workflow::Severity::error;
    notes.add(is_error ? MigrationLevel::change : MigrationLevel::advice, number(diagnostic.code), diagnostic.pointer,
              {diagnostic.message, hillstar_did(diagnostic), diagnostic.hint});
  }
}

/// A text without positions: its diagnostics bring theirs.
MigrationReport without_json(const workflow::Compiled& compiled) {
  MigrationReport report;
  for (const auto& diagnostic : compiled.diagnostics)
    report.findings.push_back({MigrationLevel::change, number(diagnostic.code), diagnostic.pointer, diagnostic.position,
                               diagnostic.message, hillstar_did(diagnostic), diagnostic.hint});
  return report;
}

/// Masks what looks like a credential: messages quote the file.
void mask(MigrationReport& report, const Redactor& redactor) {
  if (redactor.empty()) return;
  for (auto& finding : report.findings)
    for (auto* text : {&finding.here, &finding.hillstar, &finding.mend}) *text = redactor.redact(*text);
}

void check_credentials(const std::string& text, const Redactor& redactor, Notes& notes) {
  const auto found = first_credential(redactor, workflow::without_literal_keys(text));
  if (!found) return;
  notes.add(
      MigrationLevel::change, number(Errc::credential_found), found->pointer,
      {"the run is refused: it looks like a credential (" + found->rule + "), and the file is recorded with the run",
       "wrote it into traces and checkpoints",
       "keep it as a variable that the script names in \"sandbox\": {\"env\": [...]}, or with `hillstar-actors "
       "secrets`"});
}

bool has_cycle(const workflow::Compiled& compiled) {
  return std::any_of(compiled.diagnostics.begin(), compiled.diagnostics.end(),
                     [](const Diagnostic& diagnostic) { return has(diagnostic.message, "cycle:"); });
}

void keep_checkpoints(const bj::value& root, Notes& notes) {
  const auto* state = json::member(root, "state");
  const auto* list = state == nullptr ? nullptr : json::member(*state, "checkpoints");
  if (list == nullptr) list = json::member(root, "checkpoints");
  if (list == nullptr || !list->is_array() || list->get_array().empty()) return;
  std::vector<std::string> names;
  for (const auto& id : list->get_array())
    if (id.is_string()) names.emplace_back(id.get_string());
  notes.keep("Checkpoints after " + migration::named(names) + "; `run FILE --resume-from " +
             (names.empty() ? "X" : names.back()) + "` starts there.");
}

}  // namespace

MigrationReport migrate_workflow(const std::string& text, const workflow::Compiled& compiled,
                                 const MigrationWorld& world) {
  const auto located = json::parse_located(text);
  if (!located) return without_json(compiled);
  const auto old = migration::read_old(*located->root);
  Notes notes(*located);
  if (!old.nodes.empty())
    notes.keep("Nodes: " + std::to_string(old.nodes.size()) + ", edges: " + std::to_string(old.edges) +
               "; ties are broken by the order of the file; parameters and results of the tools.");
  add_diagnostics(compiled, notes);
  migration::check_graph(old, notes);
  migration::check_references(old, notes);
  migration::check_loops(old, notes);
  if (old.root->is_object()) migration::check_fields(old, notes);
  migration::check_tools(old, world, notes);
  migration::check_scripts(old, world, notes);
  migration::check_models(old, compiled.plan ? &*compiled.plan : nullptr, world, notes);
  keep_checkpoints(*old.root, notes);
  check_credentials(text, world.redactor, notes);
  auto report = notes.take();
  // Where references go round in circles nobody waits for anybody.
  if (has_cycle(compiled))
    std::erase_if(report.findings, [](const auto& finding) { return finding.rule == "reference-waits"; });
  mask(report, world.redactor);
  return report;
}

}  // namespace hillstar::policy
