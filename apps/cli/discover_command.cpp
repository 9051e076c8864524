// SPDX-License-Identifier: Apache-2.0
// discover: the workflow files below a folder. presets: how models are chosen.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <filesystem>

#include "apps/cli/environment.hpp"
#include "apps/cli/project_commands.hpp"
#include "apps/cli/text.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;

/// Folders below the first one. Source: Hillstar specification 8.1.
constexpr int kDepthMax = 4;
/// Entries that are looked at; nobody's project is larger, and a wrong folder such as `/` must end.
constexpr std::size_t kEntriesMax = 1'000'000;
constexpr std::size_t kWorkflowBytesMax = 64U << 20U;

struct Found {
  std::vector<std::string> files;  ///< Sorted.
  bool is_cut = false;
};

bool is_candidate(const std::string& name) {
  if (name == "workflow.json") return true;
  if (!name.ends_with(".json")) return false;
  constexpr std::array<std::string_view, 3> kStarts{"step_", "phase_", "pre_phase_"};
  return std::any_of(kStarts.begin(), kStarts.end(), [&](auto start) { return name.starts_with(start); });
}

/// Neither hidden folders, except the first, nor symbolic links.
Found candidates_below(const std::string& root) {
  Found found;
  std::vector<std::pair<std::string, int>> folders{{root, 0}};
  std::size_t seen = 0;
  while (!folders.empty()) {
    const auto [folder, depth] = std::move(folders.back());
    folders.pop_back();
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
      if (++seen > kEntriesMax) {
        found.is_cut = true;
        folders.clear();
        break;
      }
      std::error_code gone;
      const auto status = entry->symlink_status(gone);
      const auto name = entry->path().filename().string();
      if (fs::is_directory(status) && name.front() != '.' && depth < kDepthMax)
        folders.emplace_back(entry->path().string(), depth + 1);
      else if (fs::is_regular_file(status) && is_candidate(name))
        found.files.push_back(entry->path().string());
    }
  }
  std::sort(found.files.begin(), found.files.end());
  return found;
}

std::size_t size_of(const bj::value* value) {
  if (value == nullptr) return 0;
  if (const auto* object = value->if_object()) return object->size();
  const auto* array = value->if_array();
  return array == nullptr ? 0 : array->size();
}

bj::value text_at(const bj::value& value, std::string_view key) {
  const auto* member = json::member(value, key);
  return member != nullptr && member->is_string() ? *member : bj::value();
}

/// What is told about a workflow; null if the document is none.
bj::value describe(const std::string& path, const bj::value& document) {
  if (!document.is_object() || !document.get_object().contains("id") || !document.get_object().contains("graph"))
    return {};
  const bj::value none;
  const auto part = [&](const bj::value& of, std::string_view key) -> const bj::value& {
    const auto* found = json::member(of, key);
    return found == nullptr ? none : *found;
  };
  const auto& graph = part(document, "graph");
  const auto& models = part(document, "model_config");
  const auto mode = text_at(models, "mode");
  const auto* checkpoints = json::member(part(document, "state"), "checkpoints");
  return bj::object{{"path", path},
                    {"filename", fs::path(path).filename().string()},
                    {"directory", fs::path(path).parent_path().string()},
                    {"id", text_at(document, "id")},
                    {"version", text_at(document, "version")},
                    {"description", text_at(document, "description")},
                    {"node_count", size_of(json::member(graph, "nodes"))},
                    {"edge_count", size_of(json::member(graph, "edges"))},
                    {"uses_custom_provider", size_of(json::member(models, "custom_providers")) > 0},
                    {"preset", text_at(models, "preset")},
                    {"mode", mode.is_null() ? bj::value("explicit") : mode},
                    {"has_budget", json::member(models, "budget") != nullptr},
                    {"checkpoints", checkpoints != nullptr ? *checkpoints : bj::value(bj::array())}};
}

std::string shown(const bj::value& value) {
  return value.is_string() ? one_line(std::string(value.get_string()), 400) : std::string("(none)");
}

void print_workflow(Output& output, const bj::object& found) {
  output.data("  " + output.paint_data(Tone::strong, shown(found.at("id"))));
  output.data("    Path: " + shown(found.at("path")));
  output.data(fmt::format("    Nodes: {} nodes, {} edges", found.at("node_count").to_number<std::uint64_t>(),
                          found.at("edge_count").to_number<std::uint64_t>()));
  output.data("    Mode: " + shown(found.at("mode")));
  if (found.at("preset").is_string()) output.data("    Preset: " + shown(found.at("preset")));
  if (found.at("has_budget").get_bool()) output.data("    Budget: [x] configured");
  if (found.at("uses_custom_provider").get_bool()) output.data("    Custom: [x] uses custom providers");
  output.data("");
}

struct Preset {
  std::string_view name;
  std::string_view about;
  std::string_view use_case;
};
constexpr std::array<Preset, 4> kPresets{{
    {"minimize_cost", "the cheapest model that the work allows", "drafts, bulk work, trying things out"},
    {"balanced", "the best model of the middle price classes", "everyday work; also mode auto without a preset"},
    {"maximize_quality", "the best model, up to the highest price class", "results that go out of the house"},
    {"local_only", "nothing but this machine and its network is asked", "data that must not leave, and work offline"},
}};

}  // namespace

Result<Exit> discover_workflows(Context& context, const FolderArgs& args) {
  auto& output = context.output;
  const auto root = absolute_path(args.folder);
  if (!output.is_json()) output.data("[SEARCH] Discovering workflows in: " + visible(root));
  const auto candidates = candidates_below(root);
  bj::array workflows;
  for (const auto& file : candidates.files) {
    const auto text = read_file(file, Errc::workflow_file, kWorkflowBytesMax);
    const auto document = text ? json::parse(*text) : Result<bj::value>(text.error());
    if (!document) {
      output.say("left out: " + visible(file) + ": " + visible(document.error().message));
      continue;
    }
    if (auto found = describe(json::to_utf8(file), *document); !found.is_null()) workflows.push_back(std::move(found));
  }
  if (candidates.is_cut)
    output.warn(fmt::format("warning: more than {} entries below {}: the rest was not looked at", kEntriesMax, root));
  if (output.format() == Format::json) {
    output.data(Json::of(workflows));
  } else if (output.format() == Format::jsonl) {
    for (const auto& found : workflows) output.data(Json::of(found));
  } else if (workflows.empty()) {
    output.data("  No workflows found");
  } else {
    output.data(fmt::format("  Found {} workflow(s):", workflows.size()));
    for (const auto& found : workflows) print_workflow(output, found.get_object());
  }
  return workflows.empty() ? Exit::run_failed : Exit::done;
}

Result<Exit> list_presets(Context& context) {
  auto& output = context.output;
  bj::array presets;
  for (const auto& preset : kPresets) {
    presets.push_back(bj::object{{"name", preset.name}, {"description", preset.about}, {"use_case", preset.use_case}});
    if (output.is_json()) continue;
    output.data("  " + output.paint_data(Tone::strong, preset.name));
    output.data("    " + std::string(preset.about));
    output.data("    Use case: " + std::string(preset.use_case));
  }
  if (output.format() == Format::json) output.data(Json::of(presets));
  if (output.format() == Format::jsonl)
    for (const auto& preset : presets) output.data(Json::of(preset));
  return Exit::done;
}

}  // namespace hillstar::cli
