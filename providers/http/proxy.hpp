// SPDX-License-Identifier: Apache-2.0
// Which proxy a request goes through, by the variables that curl and its kin read. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/secret.hpp"
#include "providers/http/url.hpp"

namespace hillstar::providers {

/// One variable as it was found. The value may hold a password.
struct ProxyVariable {
  std::string name;  ///< Empty: not set.
  Secret value;
};

/// What the environment says about proxies.
struct ProxySettings {
  ProxyVariable http;
  ProxyVariable https;
  ProxyVariable all;      ///< For schemes that have none of their own.
  std::string no_proxy;   ///< Hosts to call directly: names, suffixes, addresses, networks, `*`.
  bool loopback = false;  ///< True: the proxy is asked for this machine's own names and addresses too.
};

struct Proxy {
  std::string host;  ///< Lower case; IPv6 without brackets.
  std::uint16_t port = 0;
  Secret authorization;  ///< Value of Proxy-Authorization, or empty.
  std::string variable;  ///< Where it was set; for messages.

  /// `host:port`, nothing secret.
  [[nodiscard]] std::string authority() const;
};

/// From `NAME=value` entries: http_proxy, https_proxy, all_proxy, no_proxy; lower case wins, empty is not set.
/// HTTP_PROXY in capitals is not believed beside REQUEST_METHOD: there a web client can set it.
ProxySettings proxy_settings(const std::vector<std::string>& environment);

/// The proxy for `url`, or none. Error provider_config, which names the variable and nothing of its value: not
/// http://, or malformed.
Result<std::optional<Proxy>> choose_proxy(const ProxySettings& settings, const Url& url);

/// True if `list` says that the host is called directly. Entries are separated by commas or blanks: `example.com` and
/// `.example.com` stand for the name and all below it, `10.0.0.0/8` and `fd00::/8` for a network, `*` for everything;
/// each may end in `:port` (IPv6 then in brackets). What is malformed matches nothing.
bool is_exempt(std::string_view list, std::string_view host, std::uint16_t port);

/// `localhost`, names below it, 127.0.0.0/8 and ::1.
bool is_loopback_host(std::string_view host);

}  // namespace hillstar::providers
