// SPDX-License-Identifier: Apache-2.0
// Whom an air-gapped run may reach. Pure; the transport asks for each connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/routes.hpp"
#include "runtime/policy/rules.hpp"

namespace hillstar::policy {

/// The endpoints that were declared: `host:port` of a list, or without one whatever is on this machine and network.
struct Reach {
  std::optional<std::vector<std::string>> endpoints;
  bool programs_have_network = false;  ///< Backends that are programs; nobody sees what they connect to.

  bool operator==(const Reach&) const = default;
};

/// By the rules, or without rules by default.
Reach reach_of(const Rules* rules);

/// `host:port` as in a list of endpoints, an IPv6 address in brackets.
std::string endpoint_of(std::string_view host, std::uint16_t port);

/// May a connection be made to this place of this URL? Without a list the addresses that a name stands for count too,
/// which the transport sees.
bool may_reach(const Reach& reach, std::string_view url, std::string_view host, std::uint16_t port);
/// A backend, before it is called. Errors: air_gapped, with `where` as its place.
Result<void> check_reach(const Reach& reach, const Backend& backend, const std::string& where);

/// Every call that has a place must have one that it may reach. What has none at all finds out when it is called.
/// Errors: air_gapped, for the first call that has not.
Result<void> check_routes(const workflow::Plan& plan, const Routes& all, const Routes& reachable);

}  // namespace hillstar::policy
