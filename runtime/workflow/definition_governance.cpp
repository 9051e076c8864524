// SPDX-License-Identifier: Apache-2.0
// What a node and the file as a whole say about people, data and sandboxes.
#include <boost/json.hpp>
#include <cmath>

#include "runtime/workflow/definition_parts.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

constexpr Range kApprovals{1, 100, "people"};
constexpr Range kBytes{1, 1e15, "bytes"};
constexpr Range kProcesses{1, 1'000'000, "processes"};
constexpr Range kCpuSeconds{0.001, 31'536'000, "seconds"};

const std::vector<std::string_view> kProfiles = {"standard", "bubblewrap", "none"};

/// A class is any name that is not empty: which there are, say the rules of whoever runs the workflow.
std::optional<std::string> read_class(const FieldReader& reader, std::string_view name) {
  auto text = reader.string(name);
  if (!text || !text->empty()) return text;
  const auto at = reader.place().key(name);
  reader.problems().error(Errc::workflow_invalid, at.pointer(), "a data class without a name",
                          "write a class such as \"internal\"");
  return std::nullopt;
}

std::optional<std::uint64_t> bytes_at(const FieldReader& reader, std::string_view name) {
  const auto megabytes = reader.number(name, {0.001, kBytes.most / 1e6, "megabytes"});
  if (!megabytes) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*megabytes * 1e6));
}

std::optional<Sandbox> read_sandbox(const FieldReader& node) {
  const auto* value = node.find("sandbox");
  if (value == nullptr) return std::nullopt;
  const auto at = node.place().key("sandbox");
  Sandbox sandbox;
  if (value->is_string()) {
    if (const auto profile = word_of(*value, kProfiles, at, node.problems()))
      sandbox.profile = static_cast<SandboxProfile>(*profile);
    return sandbox;
  }
  const auto* object = as_object(*value, at, node.problems());
  if (object == nullptr) return std::nullopt;
  const FieldReader reader(*object, at, node.problems());
  reader.check_names(Section::sandbox);
  if (const auto profile = reader.word("profile", kProfiles)) sandbox.profile = static_cast<SandboxProfile>(*profile);
  sandbox.network = reader.boolean("network");
  sandbox.env = reader.strings("env");
  sandbox.read = reader.strings("read");
  sandbox.write = reader.strings("write");
  sandbox.memory_bytes = bytes_at(reader, "memory_mb");
  sandbox.file_bytes = bytes_at(reader, "file_mb");
  if (const auto count = reader.integer("processes", kProcesses))
    sandbox.processes = static_cast<std::uint32_t>(*count);
  if (const auto cpu = reader.number("cpu_seconds", kCpuSeconds))
    sandbox.cpu = Millis(static_cast<std::int64_t>(std::llround(*cpu * 1000)));
  return sandbox;
}

}  // namespace

void read_governance(const FieldReader& node, PlanNode& draft) {
  static const std::vector<std::string_view> kRelease = {"refuse", "ask"};
  draft.data = read_class(node, "data");
  draft.clearance = read_class(node, "clearance");
  if (const auto release = node.word("release", kRelease)) draft.asks_release = *release == 1;
  if (const auto count = node.integer("approvals", kApprovals)) {
    draft.approvals = static_cast<std::uint32_t>(*count);
    if (!draft.asks_release) draft.permission = Permission::ask;
  }
  draft.sandbox = read_sandbox(node);
  if (draft.sandbox && draft.tool != "script_run" && !draft.tool.empty()) {
    const auto at = node.place().key("sandbox");
    node.problems().warning(at.pointer(), "'sandbox' has no effect here: only script_run has one");
  }
}

std::optional<std::string> read_data_class(const FieldReader& input) { return read_class(input, "data"); }

std::map<std::string, std::string> read_files(const FieldReader& workflow) {
  std::map<std::string, std::string> files;
  const auto* object = workflow.object("files");
  if (object == nullptr) return files;
  const auto at = workflow.place().key("files");
  for (const auto& [pattern, value] : *object) {
    if (const auto* name = value.if_string(); name != nullptr && !name->empty())
      files.emplace(pattern, *name);
    else
      workflow.problems().error(Errc::json_type, at.key({pattern.data(), pattern.size()}).pointer(),
                                "expected the class of the data in these files, found " + kind_of(value),
                                "write {\"data/patients/*\": \"restricted\"}");
  }
  return files;
}

}  // namespace hillstar::workflow
