// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/keyring.hpp"

#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <utility>

#include "apps/cli/environment.hpp"
#include "apps/cli/keyring_helper.hpp"
#include "messages/json.hpp"
#include "runtime/platform/process.hpp"

namespace hillstar::cli {
namespace {

namespace bj = boost::json;

constexpr Millis kLookTime{3'000};
constexpr Millis kPersonTime{60'000};
constexpr Millis kGrace{100};

/// Source: Hillstar specification 4.5.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kUsers{{{"ANTHROPIC_API_KEY", "anthropic"},
                                                                               {"OPENAI_API_KEY", "openai"},
                                                                               {"GOOGLE_API_KEY", "google_ai_studio"},
                                                                               {"MISTRAL_API_KEY", "mistral"}}};

std::vector<std::string> texts_of(const bj::object& in, std::string_view key) {
  std::vector<std::string> texts;
  const auto* list = in.if_contains(key);
  if (list != nullptr && list->is_array())
    for (const auto& one : list->get_array())
      if (one.is_string()) texts.emplace_back(one.get_string());
  return texts;
}

Result<bj::object> ask(const bj::object& question, const std::vector<std::string>& environment, Millis limit) {
  const auto text = json::canonical(question);
  ProcessSpec spec;
  spec.program = "/proc/self/exe";
  spec.arguments = {"hillstar-actors", std::string(kKeyringHelper)};
  spec.environment = environment;
  spec.cwd = "/";
  spec.input = text;
  spec.output_bytes_max = kKeyringTextMax;
  spec.time_limit = limit;
  spec.grace = kGrace;
  std::string said;
  const auto end = run_process(spec,
                               {[&said](std::string_view piece) -> Result<void> {
                                  said += piece;
                                  return {};
                                },
                                nullptr},
                               nullptr);
  if (end.kind == ProcessEndKind::timed_out)
    return Error{Errc::io, "The keyring does not answer.", {}, "Is it locked, and its question hidden behind windows?"};
  const auto answer = json::parse(said);
  if (end.kind != ProcessEndKind::exited || end.code != 0 || !answer || !answer->is_object())
    return Error{Errc::io, "The keyring cannot be asked: its helper failed.", {}, {}};
  const auto& members = answer->get_object();
  if (const auto* error = members.if_contains("error")) {
    const auto* missing = members.if_contains("missing");
    const bool none = missing != nullptr && missing->is_bool() && missing->get_bool();
    return Error{
        none ? Errc::not_found : Errc::io,
        (none ? "There is no keyring here: " : "The keyring refuses: ") + bj::value_to<std::string>(*error) + ".",
        {},
        {}};
  }
  return members;
}

}  // namespace

std::string keyring_user(std::string_view variable) {
  for (const auto& [name, user] : kUsers)
    if (name == variable) return std::string(user);
  return std::string(variable);
}

std::string variable_of_user(std::string_view user) {
  for (const auto& [name, known] : kUsers)
    if (known == user) return std::string(name);
  return std::string(user);
}

Keyring::Keyring(const std::vector<std::string>& environment) {
  constexpr std::array<std::string_view, 10> kNeeded{
      "HOME",   "PATH",    "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "LANG",
      "LC_ALL", "DISPLAY", "WAYLAND_DISPLAY",          "XAUTHORITY"};
  for (const auto name : kNeeded)
    if (const auto value = variable(environment, name)) environment_.push_back(std::string(name) + "=" + *value);
  const auto runtime = variable(environment, "XDG_RUNTIME_DIR").value_or("");
  if (variable(environment, "HILLSTAR_KEYRING").value_or("") == "never")
    why_not_ = "the setting keyring says never";
  else if (variable(environment, "DBUS_SESSION_BUS_ADDRESS").value_or("").empty() &&
           (runtime.empty() || ::access((runtime + "/bus").c_str(), F_OK) != 0))
    why_not_ = "there is no session bus";
}

Result<Keyring::Found> Keyring::find(const std::vector<std::string>& users) const {
  if (!may_be_there()) return Error{Errc::not_found, "There is no keyring here: " + why_not_ + ".", {}, {}};
  HILLSTAR_TRY(const auto answer,
               ask({{"do", "find"}, {"names", bj::array(users.begin(), users.end())}}, environment_, kLookTime));
  Found found;
  found.names = texts_of(answer, "names");
  found.locked = texts_of(answer, "locked");
  if (const auto* values = answer.if_contains("found"); values != nullptr && values->is_object())
    for (const auto& [user, value] : values->get_object())
      if (value.is_string()) found.values[user] = std::string(value.get_string());
  return found;
}

Result<void> Keyring::keep(const std::string& user, const std::string& value) const {
  if (!may_be_there()) return Error{Errc::not_found, "There is no keyring here: " + why_not_ + ".", {}, {}};
  HILLSTAR_TRY([[maybe_unused]] const auto answer,
               ask({{"do", "keep"}, {"name", user}, {"value", value}}, environment_, kPersonTime));
  return {};
}

Result<bool> Keyring::remove(const std::string& user) const {
  if (!may_be_there()) return Error{Errc::not_found, "There is no keyring here: " + why_not_ + ".", {}, {}};
  HILLSTAR_TRY(const auto answer, ask({{"do", "remove"}, {"name", user}}, environment_, kPersonTime));
  const auto* removed = answer.if_contains("removed");
  return removed != nullptr && removed->is_bool() && removed->get_bool();
}

}  // namespace hillstar::cli
