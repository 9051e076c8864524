// SPDX-License-Identifier: Apache-2.0
// Providers and models that are known: addresses, prices, sizes, limits. A value, read from JSON. Pure.
//
// The format is Hillstar's provider_registry.json (specification 4.1) with further fields; the shipped text is
// providers.default.json beside this file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "runtime/policy/pricing.hpp"

namespace hillstar::policy {

/// cloud: text leaves the machine. process: reached by starting a program.
enum class ProviderKind { cloud, local, process };
/// A label of prices, not of worth: `output` at most 0, 4, 8, 19 and more US dollars per million tokens.
enum class Tier { free, affordable, standard, expensive, premium };

struct ModelEntry {
  std::string id;
  std::string api_id;  ///< As it is sent; empty: the id.
  std::vector<std::string> aliases;
  std::string display_name;
  std::optional<std::uint64_t> context_tokens;
  std::optional<std::uint32_t> max_output_tokens;
  std::optional<ModelPrices> prices;
  std::vector<std::string> capabilities;
  std::optional<Tier> tier;
  std::optional<double> default_temperature;
  bool runs_elsewhere = false;  ///< A local server hands its text on to a cloud, as Ollama does with `...:cloud`.

  [[nodiscard]] const std::string& sent() const { return api_id.empty() ? id : api_id; }
};

/// What may be asked of a provider; absent: not known, or no limit.
struct ProviderLimits {
  std::optional<std::uint32_t> concurrency;
  std::optional<std::uint32_t> requests_per_minute;
  std::optional<std::uint64_t> tokens_per_minute;
  std::optional<MicroUsd> usd_per_day;

  bool operator==(const ProviderLimits&) const = default;
};

struct ProviderCompliance {
  bool requires_tos_acceptance = false;
  bool audit_required = false;
  std::string tos_url;
  std::vector<std::string> data_residency;
  std::vector<std::string> allowed_uses;
  std::vector<std::string> restricted_uses;
};

struct ProviderEntry {
  std::string name;
  std::string display_name;
  ProviderKind kind = ProviderKind::cloud;
  std::string same_as;                     ///< The provider of which this is another name; empty: none.
  std::string adapter;                     ///< For providers::find_adapter; empty: there is no client for it.
  std::string base_url;                    ///< Of a program: program_address of its command.
  std::string base_url_variable;           ///< Environment variable that replaces base_url; empty: none.
  std::string api_version;                 ///< Empty: the adapter's default.
  std::vector<std::string> key_variables;  ///< Names of environment variables; the first that is set holds the key.
  bool program_stays = false;              ///< A program that sends text nowhere, as whoever wrote this says.
  bool key_required = true;                ///< Without meaning if there are no key_variables.
  std::string default_model;
  ProviderLimits limits;
  ProviderCompliance compliance;
  std::vector<ModelEntry> models;  ///< In the order of the file.
  std::string notes;

  /// By id, name as sent or alias; case counts for all but aliases. nullptr if there is none.
  [[nodiscard]] const ModelEntry* find_model(std::string_view wanted) const;
};

struct Registry {
  std::vector<ProviderEntry> providers;      ///< In the order of the file.
  std::vector<std::string> selection_order;  ///< Providers that may be chosen without being named.
  std::vector<std::string> warnings;         ///< What was not understood, with file and JSON pointer.

  [[nodiscard]] const ProviderEntry* find(std::string_view provider) const;
};

/// One text and the name it goes by in messages.
struct RegistryText {
  std::string name;
  std::string text;
};
inline constexpr std::size_t kRegistryBytesMax = 4U << 20U;

/// Reads texts laid over each other deeply, the last on top; a null takes away what is below it (RFC 7386).
/// Errors: provider_config, with `file /pointer` as `where`.
Result<Registry> read_registry(const std::vector<RegistryText>& texts);
/// The text that comes with the program.
std::string_view shipped_registry_text();
/// The shipped registry, read once.
const Registry& shipped_registry();

/// `0.25` as 250'000: exact, or nothing if it is negative, finer than a millionth, above kPriceMax, or no decimal.
std::optional<std::uint64_t> micros_of(std::string_view usd);
/// The tier of an output price.
Tier tier_of_price(std::uint64_t micro_usd_per_million);
std::string_view tier_name(Tier tier);
std::string_view kind_name(ProviderKind kind);

/// In lower case, without user, port, brackets and a dot at the end.
std::string host_of(std::string_view url);
/// True for `http://127.0.0.1`, other loopback and private addresses, and names that stand for this machine or network
/// (`localhost`, `*.local`, `*.internal`, and names without a dot).
bool is_near(std::string_view url);
/// True for names by which Ollama hands text on to its cloud: `x:cloud`, `x:120b-cloud`.
bool is_cloud_model_name(std::string_view model);

}  // namespace hillstar::policy
