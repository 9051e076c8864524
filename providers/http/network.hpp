// SPDX-License-Identifier: Apache-2.0
// How the requests of one person leave this machine: proxies, and certificates to trust beside the system's.
#pragma once

#include <string>
#include <vector>

#include "providers/http/proxy.hpp"

namespace hillstar::providers {

struct NetworkSettings {
  ProxySettings proxy;
  std::string ca_file;    ///< PEM, trusted beside the system's store; empty: none.
  std::string ca_folder;  ///< The same as a folder of certificates by hash (`openssl rehash`).
};

/// From `NAME=value` entries: proxy_settings(), SSL_CERT_FILE and SSL_CERT_DIR.
NetworkSettings network_settings(const std::vector<std::string>& environment);

}  // namespace hillstar::providers
