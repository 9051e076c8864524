// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/air_gap.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/policy/program_address.hpp"

namespace hillstar::policy {
namespace {

constexpr const char* kDeclare =
    "use a provider on this machine or network, or declare its endpoint under air_gap.endpoints in the policy of the "
    "user (~/.config/hillstar/policy.json) or of the site (/etc/hillstar/policy.json)";

struct Place {
  std::string host;
  std::uint16_t port = 0;
};

/// Of an address that is well-formed, as the resolver of backends leaves them.
Place place_of(std::string_view url) {
  Place place;
  const bool tls = url.starts_with("https://");
  url.remove_prefix(std::min(url.find("://"), url.size()));
  url.remove_prefix(std::min<std::size_t>(3, url.size()));
  url = url.substr(0, url.find_first_of("/?#"));
  url.remove_prefix(url.rfind('@') == std::string_view::npos ? 0 : url.rfind('@') + 1);
  const auto colon = url.rfind(':');
  const bool has_port = colon != std::string_view::npos && url.find(']', colon) == std::string_view::npos;
  place.host = url.substr(0, has_port ? colon : url.size());
  place.port = tls ? 443 : 80;
  if (has_port) std::from_chars(url.data() + colon + 1, url.data() + url.size(), place.port);
  return place;
}

}  // namespace

std::string endpoint_of(std::string_view host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return (is_v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(port);
}

Reach reach_of(const Rules* rules) {
  if (rules == nullptr) return {};
  return {rules->air_gap.endpoints, rules->air_gap.allow_script_network};
}

bool may_reach(const Reach& reach, std::string_view url, std::string_view host, std::uint16_t port) {
  if (!reach.endpoints) return is_near(url);
  return std::find(reach.endpoints->begin(), reach.endpoints->end(), endpoint_of(host, port)) != reach.endpoints->end();
}

Result<void> check_reach(const Reach& reach, const Backend& backend, const std::string& where) {
  if (is_program(backend.base_url)) {
    if (backend.is_near) return {};
    return Error{Errc::air_gapped,
                 "the run is air-gapped, and nothing says that the program of provider '" + backend.provider_label +
                     "' keeps the text here",
                 where, "add \"local\": true to the provider if it sends nothing elsewhere"};
  }
  const auto place = place_of(backend.base_url);
  if (may_reach(reach, backend.base_url, place.host, place.port) && !is_cloud_model_name(backend.model)) return {};
  return Error{Errc::air_gapped,
               "the run is air-gapped, and provider '" + backend.provider_label + "' at " +
                   endpoint_of(place.host, place.port) +
                   (reach.endpoints ? " is not among air_gap.endpoints" : " is not on this machine or network"),
               where, kDeclare};
}

Result<void> check_routes(const workflow::Plan& plan, const Routes& all, const Routes& reachable) {
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    const auto& node = plan.nodes[i];
    if (all.of(i).empty() || !reachable.of(i).empty()) continue;
    const auto& place = all.of(i).front();
    return Error{Errc::air_gapped,
                 "the run is air-gapped, and '" + place.backend + "' is not at an endpoint that it may reach",
                 "/graph/nodes/" + json::pointer_token(node.id.str()), kDeclare};
  }
  return {};
}

}  // namespace hillstar::policy
