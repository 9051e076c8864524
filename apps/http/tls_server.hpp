// SPDX-License-Identifier: Apache-2.0
// The certificate that a server shows. Only the server's own files include it.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "messages/error.hpp"

namespace hillstar::http {

/// TLS 1.2 and newer. `chain` and `key` are PEM files; the key has no passphrase. Error io says which of them is wrong.
Result<std::shared_ptr<boost::asio::ssl::context>> tls_of(const std::string& chain, const std::string& key);

}  // namespace hillstar::http
