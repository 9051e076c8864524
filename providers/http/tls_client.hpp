// SPDX-License-Identifier: Apache-2.0
// Whom TLS connections trust, and what it means when one does not come about. Only the transport's own files include
// it; one thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "messages/error.hpp"
#include "messages/failure.hpp"
#include "providers/http/beast_connection.hpp"
#include "providers/http/network.hpp"

namespace hillstar::providers::beast_detail {

/// TLS 1.2 or newer, chain and name verified. A context is made when it is first needed, and kept.
class TlsTrust {
 public:
  /// `ca_file`: trusted for every request, beside the system's store.
  explicit TlsTrust(std::string ca_file) : ca_file_(std::move(ca_file)) {}

  /// Error io: a file or folder that the settings name is missing or holds no certificates. Not remembered: it may be
  /// mended while the program runs.
  Result<std::shared_ptr<ssl::context>> context(const NetworkSettings& settings);

 private:
  std::string ca_file_;
  std::map<std::string, std::shared_ptr<ssl::context>> contexts_;
};

/// Asks for `host` by name, and holds the certificate to it.
void expect_host(ssl::stream<tcp::socket&>& stream, const std::string& host);

/// What went wrong in the handshake with `server`, and what a person can do. auth: it is not to be trusted.
Failure handshake_failure(ssl::stream<tcp::socket&>& stream, const error_code& code, const std::string& server);

}  // namespace hillstar::providers::beast_detail
