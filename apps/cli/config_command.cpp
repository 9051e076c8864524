// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/config_command.hpp"

#include <boost/json.hpp>
#include <filesystem>

#include "apps/cli/environment.hpp"
#include "apps/cli/private_file.hpp"
#include "apps/cli/text.hpp"
#include "runtime/run/hillstar_json.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;
using policy::ProjectMay;
using policy::Setting;

bj::value text_or_null(const std::string& text) { return text.empty() ? bj::value(nullptr) : bj::value(text); }

bj::object json_of(const ConfigFile& file) { return {{"path", text_or_null(file.path)}, {"exists", file.is_there}}; }

bj::object json_of(const SettingValue& value) {
  const auto& setting = *value.setting;
  constexpr std::string_view kMay[] = {"any", "inside", "no"};
  return {{"name", std::string(setting.name)},
          {"value", text_or_null(policy::shown_setting(setting, value.text))},
          {"origin", std::string(origin_name(value.origin))},
          {"where", text_or_null(value.where)},
          {"default", text_or_null(std::string(setting.standard))},
          {"expected", policy::expected_of(setting)},
          {"options", std::string(setting.options)},
          {"variable", text_or_null(std::string(setting.variable))},
          {"project_may", std::string(kMay[static_cast<std::size_t>(setting.project)])},
          {"meaning", std::string(setting.meaning)}};
}

Result<Exit> view(Context& context, const ConfigArgs& args, const Configuration& configuration) {
  if (!args.name.empty() && policy::find_setting(args.name) == nullptr) return policy::unknown_setting(args.name);
  bj::array all;
  std::vector<std::vector<std::string>> rows{{"NAME", "VALUE"}};
  if (args.origin) rows[0].emplace_back("FROM");
  for (const auto& value : configuration.values) {
    if (!args.name.empty() && value.setting->name != args.name) continue;
    all.push_back(json_of(value));
    const auto shown = policy::shown_setting(*value.setting, value.text);
    rows.push_back({std::string(value.setting->name), shown.empty() ? "-" : visible(shown)});
    if (args.origin)
      rows.back().push_back(std::string(origin_name(value.origin)) +
                            (value.where.empty() ? "" : " " + visible(value.where)));
  }
  if (context.output.is_json()) {
    bj::array errors;
    for (const auto& error : configuration.errors) errors.emplace_back(to_string(error));
    context.output.data(Json::of(bj::object{
        {"settings", std::move(all)},
        {"files", bj::object{{"project", json_of(configuration.project)}, {"user", json_of(configuration.user)}}},
        {"errors", std::move(errors)}}));
  } else {
    for (const auto& line : table(rows)) context.output.data(line);
    for (const auto* file : {&configuration.project, &configuration.user})
      if (!file->path.empty())
        context.output.say((file == &configuration.user ? "user: " : "project: ") + visible(file->path) +
                           (file->is_there ? "" : " (not there)"));
  }
  for (const auto& error : configuration.errors)
    context.output.warn(context.output.paint(Tone::bad, "error") + " " + visible(to_string(error)));
  return configuration.errors.empty() ? Exit::done : exit_of(configuration.errors.front().code);
}

Result<void> may_hold(const Setting& setting, const ConfigFile& file, const std::string& text) {
  if (file.project.empty() || setting.project == ProjectMay::set) return {};
  const std::string name(setting.name);
  if (setting.project == ProjectMay::never)
    return Error{Errc::permission_denied, "A project's file may not hold the setting " + name + ": it is yours alone.",
                 file.path, "Set it without --project."};
  const auto whole = absolute_path(file.project + "/" + text);
  if (text.front() == '/' || text.front() == '~' || !whole.starts_with(file.project + "/"))
    return Error{Errc::path_refused, "A project's file may name paths inside the project only.", file.path,
                 "Write a path relative to " + file.project + ", or set it without --project."};
  return {};
}

Result<Exit> change(Context& context, const ConfigArgs& args, const Configuration& configuration) {
  const bool sets = args.what == "set";
  if (args.name.empty() || sets == args.value.empty())
    return Error{
        Errc::usage,
        sets ? "config set needs a name and a value." : "config unset needs a name, and no more.",
        {},
        sets ? "Write `hillstar-actors config set NAME VALUE`." : "Write `hillstar-actors config unset NAME`."};
  const auto* setting = policy::find_setting(args.name);
  // What is no setting of ours can be taken out, but not put in.
  if (setting == nullptr && sets) return policy::unknown_setting(args.name);
  const auto& file = args.project ? configuration.project : configuration.user;
  if (file.path.empty())
    return Error{Errc::usage,
                 args.project ? "There is no project here." : "There is no place for your settings.",
                 {},
                 args.project ? "Go to the project's folder." : "Set HOME or XDG_CONFIG_HOME."};
  bj::value value;
  if (sets) {
    HILLSTAR_TRY(const auto text, policy::checked_setting(*setting, args.value));
    HILLSTAR_CHECK(may_hold(*setting, file, text));
    value = policy::setting_to_json(*setting, text);
  }
  bool found = sets;
  HILLSTAR_CHECK(change_private_file(file.path, [&](const auto& text) -> Result<std::optional<std::string>> {
    if (!text && !sets) return std::optional<std::string>();
    HILLSTAR_TRY(auto after, with_member(text, file.path, args.name, sets ? &value : nullptr));
    found = found || after.has_value();
    return after;
  }));
  if (!found && setting == nullptr) return policy::unknown_setting(args.name);
  if (!found)
    context.output.say(args.name + " is not set in " + visible(file.path));
  else
    context.output.say((sets ? "set " : "unset ") + args.name + " in " + visible(file.path));
  if (setting == nullptr) return Exit::done;
  for (const auto& now : configuration.values)
    if (now.setting == setting && sets &&
        (now.origin == Origin::environment || (now.origin == Origin::project && !args.project)))
      context.output.warn("note: it has no effect here, " + visible(now.where) + " goes before it");
  return Exit::done;
}

}  // namespace

Result<std::optional<std::string>> with_member(const std::optional<std::string>& text, const std::string& path,
                                               std::string_view name, const bj::value* value) {
  bj::value tree = bj::object{};
  if (text) {
    auto parsed = json::parse(*text, {.bytes_max = kPrivateFileBytesMax, .depth_max = 16});
    if (!parsed)
      return Error{parsed.error().code,
                   "The configuration is no JSON, so nothing was changed: " + parsed.error().message + ".",
                   path + ":" + parsed.error().where, "Mend it with an editor first."};
    if (!parsed->is_object())
      return Error{Errc::json_type, "The configuration must be one JSON object, so nothing was changed.", path,
                   "Mend it with an editor first."};
    tree = *std::move(parsed);
  }
  auto& members = tree.get_object();
  if (value != nullptr) {
    members[name] = *value;
  } else {
    const auto found = members.find(name);
    if (found == members.end()) return std::optional<std::string>();
    members.stable_erase(found);
  }
  return std::optional<std::string>(run::indented_json(tree) + "\n");
}

Result<Exit> configure(Context& context, const ConfigArgs& args, const Configuration& configuration) {
  if (args.what == "view") return view(context, args, configuration);
  return change(context, args, configuration);
}

}  // namespace hillstar::cli
