// SPDX-License-Identifier: Apache-2.0
// What files made for Hillstar will do here: what must be changed, what differs, what stays. Pure.
//
// Each rule looks for one deviation and speaks only where a file meets it. Source: Hillstar specification sections 1, 4
// and 6; docs/guides/coming-from-hillstar.md lists the deviations for people.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/redaction.hpp"
#include "runtime/workflow/compile.hpp"

namespace hillstar::policy {

enum class MigrationLevel {
  change,   ///< It will not run, or not do its work, as it is.
  differs,  ///< It runs, and does something else than in Hillstar.
  advice,   ///< As in Hillstar, and probably not what was meant.
};
/// `must change`, `differs`, `look`.
std::string_view level_name(MigrationLevel level);

struct MigrationFinding {
  MigrationLevel level = MigrationLevel::differs;
  std::string rule;  ///< Such as `loop-roots`; the number of an error that `validate` reports, such as `HS112`.
  std::string pointer;
  json::Position position;  ///< Line 0: of the file as a whole.
  std::string here;
  std::string hillstar;  ///< What it did; may be empty.
  std::string mend;      ///< What to write; empty: nothing need be done.
};

struct MigrationReport {
  std::vector<MigrationFinding> findings;  ///< In the order of the file.
  std::vector<std::string> keeps;          ///< What works as it did, one sentence each.
};

struct MigrationWorld {
  const Registry& registry;
  const LookUp& environment;
  std::string workspace;  ///< Absolute: where runs would be started.
  Redactor redactor;      ///< What looks like a credential.
  /// The text of a program that a script names, relative to the folder; nothing if it is none that can be read.
  std::function<std::optional<std::string>(const std::string& folder, const std::string& path)> program;
};

/// `compiled` is what `validate` makes of the text. A text that is no JSON has its diagnostics only.
MigrationReport migrate_workflow(const std::string& text, const workflow::Compiled& compiled,
                                 const MigrationWorld& world);

/// A person's provider_registry.json; `file` is its name for messages.
MigrationReport migrate_registry(const std::string& text, const std::string& file);
/// secrets.env. Never holds a value of the file.
MigrationReport migrate_secrets(const std::string& text);
/// governance_policy.json; `file` is its name for messages.
MigrationReport migrate_policy(const std::string& text, const std::string& file);
/// commit_ready.json.
MigrationReport migrate_marker(const std::string& text);

}  // namespace hillstar::policy
