// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/configuration.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

#include "apps/cli/environment.hpp"
#include "apps/cli/private_file.hpp"
#include "messages/json.hpp"

namespace hillstar::cli {
namespace {

namespace fs = std::filesystem;
using policy::ProjectMay;
using policy::Setting;
using policy::SettingType;

constexpr std::size_t kDepthMax = 16;

std::string set_variable(const std::vector<std::string>& environment, std::string_view name) {
  return name.empty() ? std::string() : variable(environment, name).value_or("");
}

/// The nearest folder with `.hillstar/config.json`, up to the root of a repository, but not a home. Without one: where
/// it would be.
ConfigFile find_project(const std::string& folder, const std::string& home) {
  ConfigFile file;
  if (folder.empty()) return file;
  const auto at = [&](const fs::path& project) {
    file.project = project.string();
    file.path = (project / ".hillstar" / "config.json").string();
    return ::access(file.path.c_str(), F_OK) == 0;
  };
  fs::path root = folder;
  for (fs::path here = folder;; here = here.parent_path()) {
    if (here.string() == home || here == here.root_path()) break;
    file.is_there = at(here);
    if (file.is_there) return file;
    root = here;
    if (::access((here / ".git").c_str(), F_OK) == 0) break;
  }
  const bool repository = ::access((root / ".git").c_str(), F_OK) == 0;
  (void)at(repository ? root : fs::path(folder));
  if (file.project == home) file = {};
  return file;
}

/// A path that leads out of the project, also by symbolic links, is none of the project's business.
bool is_inside(const std::string& path, const std::string& project) {
  std::error_code failed;
  const auto whole = fs::weakly_canonical(path, failed).string();
  if (failed) return false;
  const auto root = fs::weakly_canonical(project, failed).string();
  return !failed && whole.size() > root.size() && whole.starts_with(root) && whole[root.size()] == '/';
}

std::string expanded(const std::string& path, const std::string& home) {
  return path.starts_with("~/") && !home.empty() ? home + path.substr(1) : path;
}

class Reader {
 public:
  Reader(const std::vector<std::string>& environment, Configuration& made)
      : environment_(environment), home_(set_variable(environment, "HOME")), made_(made) {}

  void read(const ConfigFile& file) {
    auto text = read_file(file.path, Errc::io, kPrivateFileBytesMax);
    if (!text) return fail(text.error().code, text.error().message, file.path, {});
    auto parsed =
        json::parse_located(std::move(text).value(), {.bytes_max = kPrivateFileBytesMax, .depth_max = kDepthMax});
    if (!parsed)
      return fail(parsed.error().code, "The configuration is no JSON: " + parsed.error().message + ".",
                  file.path + ":" + parsed.error().where, mend_of(file));
    if (!parsed->root->is_object())
      return fail(Errc::json_type, "The configuration must be one JSON object.", file.path, mend_of(file));
    for (const auto& [key, value] : parsed->root->get_object()) {
      const std::string_view name(key.data(), key.size());
      const auto where = file.path + ":" + std::to_string(parsed->at("/" + json::pointer_token(name)).line);
      if (const auto* setting = policy::find_setting(name))
        take(*setting, value, file, where);
      else if (!name.starts_with('_') && !name.starts_with('$'))
        made_.warnings.push_back(to_string({Errc::not_found, "has no effect. " + policy::unknown_setting(name).message,
                                            where, policy::unknown_setting(name).hint}));
    }
  }

  void take_variables() {
    for (auto& value : made_.values) {
      const auto& setting = *value.setting;
      auto text = set_variable(environment_, setting.variable);
      if (text.empty()) continue;
      if (setting.name == "color") text = "never";  // NO_COLOR, whatever it says
      const auto checked = policy::checked_setting(setting, text);
      const std::string where(setting.variable);
      if (!checked)
        fail(checked.error().code, checked.error().message, where, "Change or unset the variable.");
      else
        value = {&setting, setting.type == SettingType::path ? absolute_path(*checked) : *checked, Origin::environment,
                 where};
    }
  }

 private:
  static std::string mend_of(const ConfigFile& file) {
    return "Mend it with an editor, or move it away: mv " + file.path + " " + file.path + ".old";
  }

  void fail(Errc code, const std::string& message, const std::string& where, const std::string& hint) {
    made_.errors.emplace_back(code, message, where, hint);
  }

  void take(const Setting& setting, const boost::json::value& value, const ConfigFile& file, const std::string& where) {
    const bool of_project = !file.project.empty();
    const std::string name(setting.name);
    if (of_project && setting.project == ProjectMay::never)
      return fail(Errc::permission_denied, "A project's file may not hold the setting " + name + ": it is yours alone.",
                  where,
                  "Take it out with `hillstar-actors config unset " + name +
                      " --project`. To have it for yourself: `hillstar-actors config set " + name + " VALUE`.");
    auto text = policy::setting_of_json(setting, value);
    if (!text)
      return fail(text.error().code, text.error().message, where,
                  "`hillstar-actors config set " + name + " VALUE" + (of_project ? " --project" : "") + "` writes it.");
    std::string whole = *text;
    if (setting.type == SettingType::path) {
      whole = of_project ? file.project + "/" + whole : absolute_path(expanded(whole, home_));
      if (of_project && (text->front() == '/' || !is_inside(whole, file.project)))
        return fail(
            Errc::path_refused,
            "A project's file may name paths inside the project only, and " + name + " leads out of it.", where,
            "Write a path relative to " + file.project + ", or set it for yourself with `hillstar-actors config set`.");
      whole = absolute_path(whole);
    }
    made_.of(setting.name) = {&setting, whole, of_project ? Origin::project : Origin::user, where};
  }

  const std::vector<std::string>& environment_;
  std::string home_;
  Configuration& made_;
};

/// Who may write a file may say what it says; of a stranger's, nothing is believed.
bool is_of(const std::string& path, uid_t person) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && (found.st_uid == person || found.st_uid == 0);
}

}  // namespace

std::string_view origin_name(Origin origin) {
  switch (origin) {
    case Origin::standard:
      return "default";
    case Origin::user:
      return "user";
    case Origin::project:
      return "project";
    case Origin::environment:
      return "environment";
    case Origin::option:
      return "option";
  }
  return "default";
}

SettingValue& Configuration::of(std::string_view name) {
  for (auto& value : values)
    if (value.setting->name == name) return value;
  invariant_failed("the setting exists", __FILE__, __LINE__);
}

std::string config_folder(const std::vector<std::string>& environment) {
  const auto given = set_variable(environment, "XDG_CONFIG_HOME");
  if (given.starts_with('/')) return absolute_path(given) + "/hillstar";
  const auto home = set_variable(environment, "HOME");
  return home.empty() ? std::string() : absolute_path(home) + "/.config/hillstar";
}

Configuration read_configuration(const std::vector<std::string>& environment, const std::string& folder) {
  Configuration made;
  for (const auto& setting : policy::settings())
    made.values.push_back({&setting, std::string(setting.standard), {}, {}});
  if (const auto own = config_folder(environment); !own.empty()) made.user.path = own + "/config.json";
  made.user.is_there = !made.user.path.empty() && ::access(made.user.path.c_str(), F_OK) == 0;
  const auto home = set_variable(environment, "HOME");
  made.project = find_project(folder, home.empty() ? home : absolute_path(home));

  Reader reader(environment, made);
  if (made.user.is_there) reader.read(made.user);
  if (made.project.is_there && is_of(made.project.path, ::geteuid()))
    reader.read(made.project);
  else if (made.project.is_there)
    made.warnings.push_back("the project's configuration is not read, it belongs to somebody else: " +
                            made.project.path);
  reader.take_variables();
  return made;
}

void export_settings(const Configuration& configuration) {
  for (const auto& value : configuration.values) {
    const bool of_file = value.origin == Origin::user || value.origin == Origin::project;
    // What has an option reaches its reader by that; the rest is read as a variable, here and by the parts below.
    if (of_file && value.setting->options.empty() && !value.setting->variable.empty())
      ::setenv(std::string(value.setting->variable).c_str(), value.text.c_str(), 1);
  }
}

}  // namespace hillstar::cli
