// SPDX-License-Identifier: Apache-2.0
// The few URLs that a model backend can have. Pure and strict: what is odd is refused, not repaired.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/error.hpp"

namespace hillstar::providers {

struct Url {
  bool tls = false;
  std::string host;  ///< Lower case; IPv6 without brackets.
  std::uint16_t port = 0;
  std::string target;  ///< Path and query, `/` at least.

  /// For the Host header: brackets around IPv6, no port if it is the scheme's own.
  [[nodiscard]] std::string authority() const;
  /// `https://host:port`: what a connection may be shared for.
  [[nodiscard]] std::string origin() const;
};

/// Error provider_config: no http(s), user names, fragments, white space, odd ports or hosts, over 8 KiB.
Result<Url> parse_url(std::string_view text);

/// Where a redirect leads, for messages: `https://host:port` of another server, the path on the same one; no user name
/// and no query, at most 200 bytes.
std::string redirect_target(const Url& from, std::string_view location);

/// Base URL of an OpenAI-compatible server with the path of a call: trailing slashes go, a bare host gets `/v1`.
/// `http://h:1/`, `/chat/completions` -> `http://h:1/v1/chat/completions`.
Result<std::string> api_url(std::string_view base, std::string_view path);

}  // namespace hillstar::providers
