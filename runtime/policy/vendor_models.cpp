// SPDX-License-Identifier: Apache-2.0
// Sources: Anthropic and Google API references and the catalogs of their clients, 2026-11.
#include "runtime/policy/vendor_models.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace hillstar::policy {
namespace {

using Sampling = ModelFamily::Sampling;

constexpr std::string_view kClaude = "claude-";
constexpr std::string_view kGemini = "gemini-";
/// Longer numbers in a name are dates.
constexpr std::size_t kVersionDigitsMax = 2;

struct Claude {
  std::string tier;  ///< opus, sonnet, haiku, fable
  int version = 0;   ///< 4.6 is 46
};

bool is_number(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The words between dashes: the first that is no number is the tier, the first numbers are the version.
std::optional<Claude> claude_of(std::string_view model) {
  if (!model.starts_with(kClaude)) return std::nullopt;
  model.remove_prefix(kClaude.size());
  Claude found;
  int numbers = 0;
  while (!model.empty()) {
    const auto word = model.substr(0, model.find('-'));
    model.remove_prefix(std::min(word.size() + 1, model.size()));
    if (is_number(word) && word.size() > kVersionDigitsMax) break;
    if (!is_number(word)) {
      if (!found.tier.empty()) break;
      found.tier = word;
    } else if (numbers < 2) {
      const int value = std::stoi(std::string(word));
      found.version = numbers == 0 ? value * 10 : found.version + std::min(value, 9);
      ++numbers;
    }
  }
  constexpr std::string_view kTiers[] = {"opus", "sonnet", "haiku", "fable"};
  const bool known = std::find(std::begin(kTiers), std::end(kTiers), found.tier) != std::end(kTiers);
  if (!known || numbers == 0) return std::nullopt;
  return found;
}

std::optional<std::uint32_t> claude_output(const Claude& claude) {
  if (claude.version >= 46 || claude.tier == "fable") return 128'000;
  if (claude.version == 45 || (claude.tier == "sonnet" && claude.version == 40)) return 64'000;
  if (claude.tier == "opus" && (claude.version == 40 || claude.version == 41)) return 32'000;
  if (claude.tier == "haiku" && claude.version == 30) return 4'096;
  return std::nullopt;
}

}  // namespace

ModelFamily anthropic_family(std::string_view model) {
  const auto claude = claude_of(model);
  if (!claude) return {};
  const int version = claude->version;
  const bool fable = claude->tier == "fable";
  ModelFamily family;
  family.name = std::string(kClaude) + claude->tier + "-" + std::to_string(version / 10);
  if (version % 10 != 0) family.name += "-" + std::to_string(version % 10);
  // The last that took sampling, and the start of their reply, were of 4.6 and before.
  const bool early = version <= 46 && !fable;
  if (!early) family.sampling = Sampling::refused;
  family.prefill = version < 46 && !fable;
  family.penalties = false;
  family.efforts = {"low", "medium", "high", "xhigh", "max"};
  family.thinking_budget = !(fable && version >= 50) && version != 55;
  const bool always_thinks = (version == 55 && (claude->tier == "sonnet" || claude->tier == "opus")) ||
                             (fable && (version == 51 || version == 52));
  family.thinking_off = family.forced_tools = !always_thinks;
  family.max_output_tokens = claude_output(*claude);
  return family;
}

ModelFamily google_family(std::string_view model) {
  constexpr std::string_view kFolder = "models/";
  if (model.starts_with(kFolder)) model.remove_prefix(kFolder.size());
  if (!model.starts_with(kGemini)) return {};
  model.remove_prefix(kGemini.size());
  const auto number = model.substr(0, model.find_first_of(".-"));
  if (!is_number(number) || number.size() > kVersionDigitsMax) return {};
  const int major = std::stoi(std::string(number));
  ModelFamily family;
  family.name = std::string(kGemini) + std::string(model.substr(0, model.find('-')));
  if (major >= 3) {
    family.efforts = {"minimal", "low", "medium", "high"};
    family.thinking_off = false;
  } else {
    family.effort = false;  // A budget is all they know.
  }
  return family;
}

}  // namespace hillstar::policy
