// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/endpoints.hpp"

#include <fmt/format.h>

#include <map>

#include "apps/cli/text.hpp"

namespace hillstar::cli {

std::vector<EndpointUse> endpoints_of(const std::vector<Recorded>& history) {
  bool air_gapped = false;
  std::map<std::string, EndpointUse> uses;
  for (const auto& recorded : history) {
    if (const auto* started = std::get_if<RunStarted>(&recorded.event)) air_gapped = started->air_gapped;
    if (const auto* made = std::get_if<ConnectionAttempted>(&recorded.event)) {
      auto& use = uses[made->endpoint];
      ++(made->allowed ? use.allowed : use.refused);
      if (made->address) use.addresses.insert(*made->address);
    } else if (const auto* scheduled = std::get_if<NodeScheduled>(&recorded.event);
               scheduled != nullptr && scheduled->call && !air_gapped) {
      // The name of a backend is its provider and its address.
      const auto& backend = scheduled->call->backend;
      ++uses[backend.substr(backend.rfind(' ') + 1)].allowed;
    }
  }
  std::vector<EndpointUse> list;
  for (auto& [endpoint, use] : uses) {
    use.endpoint = endpoint;
    list.push_back(std::move(use));
  }
  return list;
}

std::string to_string(const EndpointUse& use) {
  std::string addresses;
  for (const auto& address : use.addresses)
    if (address != use.endpoint) addresses += (addresses.empty() ? " (" : ", ") + address;
  if (!addresses.empty()) addresses += ")";
  const auto count = [](std::uint32_t number, const char* what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
  };
  std::string text = visible(use.endpoint) + visible(addresses);
  if (use.allowed > 0) text += ", " + count(use.allowed, "time");
  if (use.refused > 0) text += ", refused " + count(use.refused, "time");
  return text;
}

}  // namespace hillstar::cli
