// SPDX-License-Identifier: Apache-2.0
#include "apps/http/tls_server.hpp"

#include <boost/asio/ssl.hpp>

namespace hillstar::http {

namespace ssl = boost::asio::ssl;

Result<std::shared_ptr<ssl::context>> tls_of(const std::string& chain, const std::string& key) {
  boost::system::error_code failed;
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  const auto bad = [&](const char* what, const std::string& path) {
    return Error{Errc::io, std::string(what) + ": " + failed.message() + ".", path, "It must be a PEM file."};
  };
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                           ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::single_dh_use,
                       failed);
  if (failed) return bad("TLS cannot be set up", chain);
  // A key with a passphrase would make the library ask at the terminal, in the middle of a service.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); }, failed);
  if (!failed) context->use_certificate_chain_file(chain, failed);
  if (failed) return bad("The certificate cannot be used", chain);
  context->use_private_key_file(key, ssl::context::pem, failed);
  if (failed) return bad("The key cannot be used with the certificate", key);
  return context;
}

}  // namespace hillstar::http
