// SPDX-License-Identifier: Apache-2.0
// Whom a run talked to, by its history.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "messages/events.hpp"

namespace hillstar::cli {

struct EndpointUse {
  std::string endpoint;             ///< `host:port`, or the address of a backend where connections were not recorded.
  std::set<std::string> addresses;  ///< What it stood for.
  std::uint32_t allowed = 0;        ///< Connections, or attempts that were sent there.
  std::uint32_t refused = 0;
};

/// Of an air-gapped run: each connection that was made or refused. Of others: where attempts of model calls went.
/// Sorted by endpoint. What scripts did with a network of their own is not known.
std::vector<EndpointUse> endpoints_of(const std::vector<Recorded>& history);

/// `gpu1:8080 (10.0.0.7:8080), 3 connections`.
std::string to_string(const EndpointUse& use);

}  // namespace hillstar::cli
