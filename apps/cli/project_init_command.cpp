// SPDX-License-Identifier: Apache-2.0
// project-init: the folders of a project, and what git shall not see. Source: Hillstar specification 6.5.
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <filesystem>

#include "apps/cli/environment.hpp"
#include "apps/cli/project_commands.hpp"
#include "apps/cli/text.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/file_access.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;

constexpr std::size_t kIgnoreBytesMax = 16U << 20U;
constexpr std::array<const char*, 7> kFolders{".hillstar/traces",        ".hillstar/logs",        ".hillstar/audit",
                                              ".hillstar/checkpoints",   ".hillstar/data_stores", "workflows/core",
                                              "workflows/infrastructure"};
/// What a run makes on this machine and nobody else needs; the audit folder may be committed.
constexpr std::array<std::string_view, 8> kIgnored{
    ".hillstar/traces/", ".hillstar/logs/",        ".hillstar/checkpoints/",      ".hillstar/data_stores/",
    ".hillstar/store/",  ".hillstar/__pycache__/", ".hillstar/commit_ready.json", ".hillstar/dev_mode_active"};

/// Lines of a .gitignore, without blanks at their ends.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    if (line.starts_with('/')) line.remove_prefix(1);
    lines.emplace_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

bool is_ignored(const std::vector<std::string>& lines, std::string_view entry) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return line == entry || line + "/" == entry || line == ".hillstar" || line == ".hillstar/";
  });
}

/// Entries that were added.
Result<std::vector<std::string>> complete_ignore_file(const std::string& root) {
  const auto path = root + "/.gitignore";
  auto old = read_file(path, Errc::io, kIgnoreBytesMax);
  if (!old && old.error().code != Errc::not_found) return old.error();
  std::string text = old ? *old : std::string();
  std::vector<std::string> added;
  const auto lines = lines_of(text);
  for (const auto entry : kIgnored)
    if (!is_ignored(lines, entry)) added.emplace_back(entry);
  if (added.empty()) return added;
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += std::string(text.empty() ? "" : "\n") + "# Made by workflow runs\n";
  for (const auto& entry : added) text += entry + "\n";
  // Beneath the project, through a link too if it stays there.
  HILLSTAR_TRY(const auto place, FileAccess(root, {}).place_to_write(".gitignore"));
  HILLSTAR_CHECK(replace_file(place, text, path));
  return added;
}

}  // namespace

Result<Exit> init_project(Context& context, const FolderArgs& args) {
  const auto root = absolute_path(args.folder);
  std::error_code failed;
  const auto status = fs::status(root, failed);
  if (!fs::exists(status)) return Error{Errc::not_found, "There is no such folder.", root, "Create it first."};
  if (!fs::is_directory(status)) return Error{Errc::io, "This is no folder.", root, {}};
  std::vector<std::string> created;
  for (const auto* name : kFolders) {
    const auto path = fs::path(root) / name;
    if (fs::create_directories(path, failed)) created.push_back(path.string());
    if (failed) return io_error(failed.value(), "create the folder", path.string());
  }
  HILLSTAR_TRY(const auto ignored, complete_ignore_file(root));
  const bool is_new = !created.empty() || !ignored.empty();
  const std::string message = is_new ? "Project initialized" : "Project is initialized already";
  auto& output = context.output;
  if (output.is_json()) {
    output.data(Json::of(bj::object{{"project_root", json::to_utf8(root)},
                                    {"created_directories", bj::value_from(created)},
                                    {"gitignore_added", bj::value_from(ignored)},
                                    {"status", "success"},
                                    {"message", message}}));
    return Exit::done;
  }
  output.data(message + ": " + visible(root));
  for (const auto& path : created) output.data("  created " + visible(path));
  for (const auto& entry : ignored) output.data("  .gitignore: " + entry);
  return Exit::done;
}

}  // namespace hillstar::cli
