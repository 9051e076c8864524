// SPDX-License-Identifier: Apache-2.0
// How a machine that has nothing but a token gets its certificate: TLS with the protocol `hillstar-join` to the port of
// the host, whose authority the token names. One line of JSON is asked, one is answered:
//   {"request":PEM,"token":TEXT,"version":1}
//   {"authority":PEM,"certificate":PEM,"name":TEXT,"revoked":PEM,"version":1}  or  {"error":TEXT,"version":1}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "runtime/platform/certificates.hpp"

namespace hillstar {

inline constexpr std::string_view kJoinTokenPrefix = "hsj1.";
/// What the two sides of a connection call what they speak (ALPN).
inline constexpr std::string_view kJoinProtocol = "hillstar-join";

struct JoinRequest {
  std::string token;
  std::string request;
};
struct TokenParts {
  std::string secret;
  std::string fingerprint;  ///< SHA-256 of the authority's certificate, hex.
};
// Errors: join_refused; never with a word of the token.
Result<JoinRequest> join_request_of(const std::string& text);
Result<TokenParts> join_token_of(std::string_view token);

struct JoinOptions {
  std::string host;
  std::uint16_t port = 0;
  std::string token;
  std::string folder;  ///< Gets worker.pem, worker.key, authority.pem and revoked.pem.
  Millis time_max{15'000};
};

/// Joins: blocks, at most `time_max`. The key is made here and never leaves the machine; one that the folder has from
/// an attempt before is used again, so that a lost answer can be asked for again. Errors: host_unreachable,
/// join_refused, certificate_invalid, io.
Result<x509::Facts> join(const JoinOptions& options);

}  // namespace hillstar
