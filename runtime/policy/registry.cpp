// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/registry.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "messages/error.hpp"

namespace hillstar::embedded {
extern const std::string_view default_providers;
}  // namespace hillstar::embedded

namespace hillstar::policy {
namespace {

constexpr std::array<std::string_view, 5> kTierNames{"free", "affordable", "standard", "expensive", "premium"};
/// Highest output price of each tier but the last, in micro-USD per million. Source: Hillstar specification 4.1.
constexpr std::array<std::uint64_t, 4> kTierPrices{0, 4'000'000, 8'000'000, 19'000'000};
constexpr std::size_t kMicroDigits = 6;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

/// The four numbers of `127.0.0.1`; other spellings of addresses are not taken for near ones.
std::optional<std::array<int, 4>> dotted(std::string_view host) {
  std::array<int, 4> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto part = host.substr(0, host.find('.'));
    if (part.empty() || part.size() > 3 || (part.size() > 1 && part[0] == '0')) return std::nullopt;
    if (!std::all_of(part.begin(), part.end(), is_digit)) return std::nullopt;
    std::from_chars(part.data(), part.data() + part.size(), parts[i]);
    if (parts[i] > 255 || (i < 3) != (part.size() < host.size())) return std::nullopt;
    host.remove_prefix(std::min(part.size() + 1, host.size()));
  }
  return parts;
}

}  // namespace

const ModelEntry* ProviderEntry::find_model(std::string_view wanted) const {
  if (wanted.empty()) return nullptr;
  for (const auto& model : models)
    if (model.id == wanted || model.api_id == wanted) return &model;
  for (const auto& model : models)
    for (const auto& alias : model.aliases)
      if (same_ignoring_case(alias, wanted)) return &model;
  return nullptr;
}

const ProviderEntry* Registry::find(std::string_view provider) const {
  const auto found = std::find_if(providers.begin(), providers.end(),
                                  [&](const ProviderEntry& entry) { return entry.name == provider; });
  return found == providers.end() ? nullptr : &*found;
}

std::string_view shipped_registry_text() { return embedded::default_providers; }

const Registry& shipped_registry() {
  static const Registry registry = [] {
    auto read = read_registry({{"providers.default.json", std::string(shipped_registry_text())}});
    if (!read) invariant_failed(to_string(read.error()).c_str(), __FILE__, __LINE__);
    return std::move(read).value();
  }();
  return registry;
}

std::optional<std::uint64_t> micros_of(std::string_view usd) {
  const auto point = usd.find('.');
  const auto whole = usd.substr(0, point);
  const auto fraction = point == std::string_view::npos ? std::string_view() : usd.substr(point + 1);
  const bool digits =
      std::all_of(whole.begin(), whole.end(), is_digit) && std::all_of(fraction.begin(), fraction.end(), is_digit);
  constexpr std::size_t kWholeDigits = 7;
  if (!digits || whole.empty() || whole.size() > kWholeDigits) return std::nullopt;
  if (point != std::string_view::npos && (fraction.empty() || fraction.size() > kMicroDigits)) return std::nullopt;
  std::uint64_t micros = 0;
  for (const char c : whole) micros = micros * 10 + static_cast<std::uint64_t>(c - '0');
  for (std::size_t i = 0; i < kMicroDigits; ++i)
    micros = micros * 10 + static_cast<std::uint64_t>(i < fraction.size() ? fraction[i] - '0' : 0);
  if (micros > kPriceMax) return std::nullopt;
  return micros;
}

Tier tier_of_price(std::uint64_t micro_usd_per_million) {
  for (std::size_t i = 0; i < kTierPrices.size(); ++i)
    if (micro_usd_per_million <= kTierPrices[i]) return static_cast<Tier>(i);
  return Tier::premium;
}

std::string_view tier_name(Tier tier) { return kTierNames.at(static_cast<std::size_t>(tier)); }

std::string_view kind_name(ProviderKind kind) {
  switch (kind) {
    case ProviderKind::cloud:
      return "cloud";
    case ProviderKind::local:
      return "local";
    case ProviderKind::process:
      return "process";
  }
  return "cloud";
}

std::string host_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  if (url.starts_with('[')) return std::string(url.substr(1, url.find(']') - 1));
  std::string host(url.substr(0, url.find(':')));
  std::transform(host.begin(), host.end(), host.begin(), lower);
  if (host.ends_with('.')) host.pop_back();
  return host;
}

bool is_near(std::string_view url) {
  const auto host = host_of(url);
  if (host.empty()) return false;
  if (host.find(':') != std::string::npos) {
    // IPv6: loopback, unique local fc00::/7, link local fe80::/10.
    const char second = host.size() > 1 ? lower(host[1]) : ' ';
    const char third = host.size() > 2 ? lower(host[2]) : ' ';
    const bool link_local = second == 'e' && (third == '8' || third == '9' || third == 'a' || third == 'b');
    return host == "::1" || (lower(host[0]) == 'f' && (second == 'c' || second == 'd' || link_local));
  }
  if (const auto parts = dotted(host)) {
    const auto& a = *parts;
    return a[0] == 127 || a[0] == 10 || (a[0] == 192 && a[1] == 168) || (a[0] == 172 && a[1] >= 16 && a[1] <= 31) ||
           (a[0] == 169 && a[1] == 254);
  }
  if (is_digit(host.front())) return false;  // Another spelling of an address.
  return host.find('.') == std::string::npos || host.ends_with(".localhost") || host.ends_with(".local") ||
         host.ends_with(".internal");
}

bool is_cloud_model_name(std::string_view model) {
  const auto colon = model.rfind(':');
  if (colon == std::string_view::npos) return false;
  const auto tag = model.substr(colon + 1);
  return tag == "cloud" || tag.ends_with("-cloud");
}

}  // namespace hillstar::policy
