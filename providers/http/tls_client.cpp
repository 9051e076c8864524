// SPDX-License-Identifier: Apache-2.0
#include "providers/http/tls_client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace hillstar::providers::beast_detail {
namespace {

constexpr std::size_t kContextsMax = 16;  // People with settings of their own on one host; then it begins anew.
constexpr const char* kHint = "Check SSL_CERT_FILE and SSL_CERT_DIR.";

Error cannot_load(const std::string& path, const std::string& why) {
  return {Errc::io, "The certificates in '" + path + "' cannot be loaded: " + why, {}, kHint};
}

Result<void> trust_file(SSL_CTX* context, const std::string& path) {
  if (path.empty()) return {};
  errno = 0;
  if (!std::ifstream(path).is_open())
    return cannot_load(path, errno == 0 ? "it cannot be opened" : std::generic_category().message(errno));
  if (SSL_CTX_load_verify_file(context, path.c_str()) == 1) return {};
  ERR_clear_error();
  return cannot_load(path, "it is no file of PEM certificates");
}

Result<void> trust_folders(SSL_CTX* context, const std::string& paths) {
  for (std::string_view rest = paths; !rest.empty();) {
    const auto end = std::min(rest.find(':'), rest.size());
    const std::string path(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (path.empty()) continue;
    std::error_code code;
    if (!std::filesystem::is_directory(path, code)) return cannot_load(path, code ? code.message() : "it is no folder");
    if (SSL_CTX_load_verify_dir(context, path.c_str()) != 1) return cannot_load(path, "OpenSSL refuses it");
  }
  return {};
}

/// The system's store, by its paths and not by OpenSSL's own look at this process's environment: a run brings its own.
void trust_system(SSL_CTX* context) {
  SSL_CTX_load_verify_file(context, X509_get_default_cert_file());
  SSL_CTX_load_verify_dir(context, X509_get_default_cert_dir());
  ERR_clear_error();  // One of the two is absent on most systems.
}

/// Empty: nothing to say beyond OpenSSL's words.
std::string advice(long verdict) {
  switch (verdict) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "It is self-signed. If you trust it, name its file in SSL_CERT_FILE.";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "Its authority is unknown here. If you trust that authority, name its file in SSL_CERT_FILE; if there is "
             "none at all, install the package ca-certificates.";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "It has expired. Its owner must renew it; or this machine's clock is wrong.";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "It is not valid yet. Most likely this machine's clock is wrong.";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "It belongs to another host. Use the address that it was issued for.";
    case X509_V_ERR_CERT_REVOKED:
      return "It was revoked.";
    default:
      return {};
  }
}

}  // namespace

Result<std::shared_ptr<ssl::context>> TlsTrust::context(const NetworkSettings& settings) {
  const auto key = settings.ca_file + '\n' + settings.ca_folder;
  if (const auto known = contexts_.find(key); known != contexts_.end()) return known->second;
  try {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    auto* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    trust_system(native);
    HILLSTAR_CHECK(trust_file(native, ca_file_));
    HILLSTAR_CHECK(trust_file(native, settings.ca_file));
    HILLSTAR_CHECK(trust_folders(native, settings.ca_folder));
    if (contexts_.size() >= kContextsMax) contexts_.clear();
    contexts_.emplace(key, context);
    return context;
  } catch (const std::exception& error) {
    return Error{Errc::io, std::string("TLS cannot be set up: ") + error.what()};
  }
}

void expect_host(ssl::stream<tcp::socket&>& stream, const std::string& host) {
  auto* native = stream.native_handle();
  error_code no_address;
  asio::ip::make_address(host, no_address);
  if (!no_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(native), host.c_str());
    return;
  }
  // A dot at the end is for the resolver; certificates and SNI (RFC 6066, section 3) do without.
  const auto name = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
  SSL_set_tlsext_host_name(native, name.c_str());
  SSL_set_hostflags(native, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SSL_set1_host(native, name.c_str());
}

Failure handshake_failure(ssl::stream<tcp::socket&>& stream, const error_code& code, const std::string& server) {
  const long verdict = SSL_get_verify_result(stream.native_handle());
  if (verdict != X509_V_OK) {
    std::string message =
        "The certificate of " + server + " is not accepted: " + X509_verify_cert_error_string(verdict) + ".";
    if (const auto what = advice(verdict); !what.empty()) message += " " + what;
    return {FailureClass::auth, std::move(message), std::nullopt};
  }
  const int reason =
      code.category() == asio::error::get_ssl_category() ? ERR_GET_REASON(static_cast<unsigned long>(code.value())) : 0;
  if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION)
    return {FailureClass::auth, server + " speaks no TLS 1.2 or newer; nothing older is used. It must be updated.",
            std::nullopt};
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)
    return {FailureClass::malformed_reply,
            server + " does not answer in TLS. Perhaps its address begins with http://, or the port is wrong.",
            std::nullopt};
  return {FailureClass::network, "No TLS connection to " + server + ": " + code.message(), std::nullopt};
}

}  // namespace hillstar::providers::beast_detail
