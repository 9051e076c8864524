// SPDX-License-Identifier: Apache-2.0
// Who may ask: the host that is named, the page that asks, and the token that is shown. Pure but for the token file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/http/exchange.hpp"
#include "apps/http/tokens.hpp"
#include "messages/error.hpp"

namespace hillstar::http {

/// `example.org:8080`, `[::1]:80`; the name in lower case, an IPv6 address without its brackets.
struct Authority {
  std::string host;
  std::optional<std::uint16_t> port;

  bool operator==(const Authority&) const = default;
};
std::optional<Authority> read_authority(std::string_view text);

/// Whom a server answers besides those that name its own address.
struct AllowedNames {
  std::vector<std::string> hosts;    ///< Names or addresses without a port.
  std::vector<std::string> origins;  ///< `https://example.org`, as browsers send them.
};

/// What a browser may have been tricked into: a name that leads here but is not ours, a page of somebody else.
/// forbidden says which. `local`: the address on which the request came in.
Result<void> check_place(const Request& request, const std::string& local, const AllowedNames& allowed);

/// The token that a request shows: `Authorization: Bearer ...`, or the WebSocket subprotocol `bearer.<token>`, which
/// browsers can send. Nothing if it shows none; unauthenticated if what it shows cannot be one.
Result<std::optional<std::string>> token_of(const Request& request);
/// The subprotocol of token_of, to be confirmed; empty if there is none.
std::string bearer_subprotocol(const Request& request);

/// The row of the token. Errors: unauthenticated; forbidden if its scope is less than `needed`.
Result<TokenRow> admit(const Request& request, Scope needed, TokenFile& tokens, UtcTime now);

/// True for 127.0.0.0/8 and ::1, also mapped.
bool is_loopback(std::string_view address);

}  // namespace hillstar::http
