// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/openai_models.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace hillstar::policy {
namespace {

using Sampling = ModelFamily::Sampling;

constexpr std::string_view kFineTuned = "ft:";
/// The models of the sixth generation whose reasoning can be switched off.
constexpr std::array<std::string_view, 3> kConfigurable{"gpt-6-luna", "gpt-6-sol", "gpt-6.1-terra"};

struct Version {
  int major = 0;
  int minor = 0;
  std::string_view rest;  ///< Behind the number: "", "-mini", "-chat-latest".
};

/// `gpt-5.6-mini` -> 5, 6, "-mini"; `gpt-4o` -> 4, 0, "o"; nothing for other names.
std::optional<Version> gpt_version(std::string_view model) {
  constexpr std::string_view kStart = "gpt-";
  if (!model.starts_with(kStart)) return std::nullopt;
  model.remove_prefix(kStart.size());
  Version version;
  const auto number = [&model](int& to) {
    const auto [end, code] = std::from_chars(model.data(), model.data() + model.size(), to);
    if (code != std::errc{}) return false;
    model.remove_prefix(static_cast<std::size_t>(end - model.data()));
    return true;
  };
  if (model.empty() || model.front() == '-' || !number(version.major)) return std::nullopt;
  if (model.size() > 1 && model[0] == '.' && model[1] >= '0' && model[1] <= '9') {
    model.remove_prefix(1);
    if (!number(version.minor)) return std::nullopt;
  }
  version.rest = model;
  return version;
}

/// `o3`, `o4-mini-2025-04-16`: the letter, then a digit.
bool is_o_series(std::string_view model) {
  return model.size() > 1 && model[0] == 'o' && model[1] >= '0' && model[1] <= '9';
}

bool is_configurable(std::string_view model) {
  return std::any_of(kConfigurable.begin(), kConfigurable.end(), [&](std::string_view name) {
    return model.starts_with(name) && (model.size() == name.size() || model[name.size()] == '-');
  });
}

/// What all that reason have in common.
ModelFamily reasoning(std::string name, Sampling sampling) {
  ModelFamily family;
  family.name = std::move(name);
  family.sampling = sampling;
  family.penalties = false;
  family.thinking_off = sampling == Sampling::without_effort;
  family.thinking_budget = false;
  family.system_role = ModelRole::developer;
  return family;
}

ModelFamily gpt_5(const Version& version) {
  const bool configurable = version.minor >= 1;
  auto family = reasoning(configurable ? "gpt-5." + std::to_string(version.minor) : "gpt-5",
                          configurable ? Sampling::without_effort : Sampling::refused);
  family.chat_tools_with_effort = version.minor < 6;
  return family;
}

ModelFamily gpt_6(const Version& version, std::string_view model) {
  const bool configurable = is_configurable(model);
  auto family =
      reasoning("gpt-" + std::to_string(version.major), configurable ? Sampling::without_effort : Sampling::refused);
  family.efforts = {"low", "medium", "high", "xhigh", "max"};
  if (configurable) family.efforts.insert(family.efforts.begin(), "none");
  family.chat_tools_with_effort = false;
  return family;
}

}  // namespace

ModelFamily openai_family(std::string_view model) {
  if (model.starts_with(kFineTuned)) {
    model.remove_prefix(kFineTuned.size());
    model = model.substr(0, model.find(':'));
  }
  if (is_o_series(model)) return reasoning("o-series", Sampling::refused);
  const auto version = gpt_version(model);
  if (!version) return {};
  const bool chats = version->rest.find("-chat") != std::string_view::npos;
  if (version->major < 5 || chats) {
    ModelFamily family;
    family.name = chats ? "gpt-chat" : "gpt-" + std::to_string(version->major);
    family.effort = false;
    family.thinking_budget = false;
    return family;
  }
  return version->major == 5 ? gpt_5(*version) : gpt_6(*version, model);
}

}  // namespace hillstar::policy
