// SPDX-License-Identifier: Apache-2.0
// For the rules of migration: a workflow as Hillstar reads it, before anything is judged, and where findings gather.
#pragma once

#include <array>
#include <boost/json.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "messages/json.hpp"
#include "runtime/policy/migration.hpp"

namespace hillstar::policy::migration {

inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);
/// Of each level: nobody reads more of one file.
inline constexpr std::size_t kFindingsMax = 1'000;

struct Words {
  std::string here;
  std::string hillstar;
  std::string mend;
};

class Notes {
 public:
  explicit Notes(const json::Located& located) : located_(located) {}

  void add(MigrationLevel level, std::string_view rule, std::string pointer, Words words);
  void keep(std::string sentence) { report_.keeps.push_back(std::move(sentence)); }
  /// Sorted by place; the gravest first at one place.
  MigrationReport take();

 private:
  [[nodiscard]] std::size_t offset_of(std::string pointer) const;

  const json::Located& located_;
  MigrationReport report_;
  std::array<std::size_t, 3> counts_{};  // by level
  std::size_t left_out_ = 0;
};

struct OldNode {
  std::string id;
  std::string pointer;
  std::string tool;
  const boost::json::object* fields = nullptr;
  std::size_t loop = kNone;
  std::vector<std::size_t> before;  ///< By edges; may repeat.
  std::vector<std::size_t> after;

  /// The member, or nullptr if it is absent or null.
  [[nodiscard]] const boost::json::value* find(std::string_view key) const;
  [[nodiscard]] const boost::json::value* parameter(std::string_view key) const;
  /// Empty if it is no text.
  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] std::string parameter_text(std::string_view key) const;
};

struct OldLoop {
  std::string id;
  std::string pointer;
  const boost::json::object* fields = nullptr;
  std::vector<std::size_t> body;
  std::vector<std::size_t> judges;
  std::int64_t attempts = 1;
  bool all_of = false;
};

/// What can be read of it; what is wrong is left out, `validate` says so.
struct OldWorkflow {
  const boost::json::value* root = nullptr;
  const boost::json::object* models = nullptr;  ///< model_config; nullptr: there is none.
  std::vector<OldNode> nodes;
  std::unordered_map<std::string, std::size_t> index;
  std::vector<OldLoop> loops;
  std::size_t edges = 0;

  [[nodiscard]] bool is_node(std::string_view id) const { return index.contains(std::string(id)); }
  [[nodiscard]] std::size_t find(std::string_view id) const;
};
OldWorkflow read_old(const boost::json::value& root);

/// `'a'`, `'a' and 'b'`, `'a', 'b' and 3 more`.
std::string named(const std::vector<std::string>& names);

void check_graph(const OldWorkflow& old, Notes& notes);
void check_references(const OldWorkflow& old, Notes& notes);
void check_loops(const OldWorkflow& old, Notes& notes);
void check_fields(const OldWorkflow& old, Notes& notes);
void check_tools(const OldWorkflow& old, const MigrationWorld& world, Notes& notes);
void check_scripts(const OldWorkflow& old, const MigrationWorld& world, Notes& notes);
/// `plan` may be null: then nothing can be said about who would be asked.
void check_models(const OldWorkflow& old, const workflow::Plan* plan, const MigrationWorld& world, Notes& notes);

}  // namespace hillstar::policy::migration
