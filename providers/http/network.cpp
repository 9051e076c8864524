// SPDX-License-Identifier: Apache-2.0
#include "providers/http/network.hpp"

#include <string_view>

namespace hillstar::providers {

NetworkSettings network_settings(const std::vector<std::string>& environment) {
  constexpr std::string_view kFile = "SSL_CERT_FILE=";
  constexpr std::string_view kFolder = "SSL_CERT_DIR=";
  NetworkSettings settings;
  settings.proxy = proxy_settings(environment);
  for (const auto& entry : environment) {
    if (entry.starts_with(kFile)) settings.ca_file = entry.substr(kFile.size());
    if (entry.starts_with(kFolder)) settings.ca_folder = entry.substr(kFolder.size());
  }
  return settings;
}

}  // namespace hillstar::providers
