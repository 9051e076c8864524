// SPDX-License-Identifier: Apache-2.0
#include "actors/wire/credentials.hpp"

#include <openssl/core_names.h>
#include <sys/stat.h>

#include <cerrno>

#include "runtime/platform/certificate_facts.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/platform/hmac.hpp"
#include "runtime/platform/join.hpp"

namespace hillstar::actors::wire {
namespace {

constexpr std::string_view kClaimKeyInfo = "hillstar-actors claims of attempts 1";
constexpr long kReadAheadBytes = 64L << 10;
constexpr std::int64_t kMicros = 1'000'000;

std::string on_list(std::string_view name) { return static_cast<char>(name.size()) + std::string(name); }

Error wrong(const std::string& what, const std::string& file) {
  return Error{Errc::certificate_invalid, what + ": " + x509::openssl_words() + ".", file,
               "`hillstar-actors ca` makes files that fit."};
}

Result<void> check_readable(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return io_error(errno, "read", file);
  return {};
}

Result<void> check_private(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return io_error(errno, "read", file);
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Errc::permission_denied, "Others may use this key.", file, "chmod 600 " + file};
  return {};
}

template <bool kLetsJoin>
int choose(SSL* /*tls*/, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
           void* /*user*/) {
  const auto known = on_list(kProtocolName) + (kLetsJoin ? on_list(kJoinProtocol) : std::string());
  auto* found = const_cast<unsigned char*>(*out);
  const auto result = SSL_select_next_proto(&found, out_size, reinterpret_cast<const unsigned char*>(known.data()),
                                            static_cast<unsigned>(known.size()), in, in_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  // `found` may point into `known`, which ends here; the same name stands in the client's list, which does not.
  for (unsigned at = 0; at < in_size; at += in[at] + 1U) {
    if (in[at] == *out_size && std::string_view(reinterpret_cast<const char*>(in) + at + 1, in[at]) ==
                                   std::string_view(reinterpret_cast<const char*>(found), *out_size)) {
      *out = in + at + 1;
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool speaks(SSL* tls, std::string_view wanted) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(tls, &name, &size);
  return name != nullptr && std::string_view(reinterpret_cast<const char*>(name), size) == wanted;
}

}  // namespace

std::string Trust::stamp() const {
  std::string text;
  for (const auto* file : {&files_.certificate, &files_.key, &files_.authority, &files_.revocation}) {
    struct stat found {};
    if (file->empty() || ::stat(file->c_str(), &found) != 0) continue;
    text += std::to_string(found.st_ino) + "." + std::to_string(found.st_size) + "." +
            std::to_string(found.st_mtim.tv_sec) + "." + std::to_string(found.st_mtim.tv_nsec) + ";";
  }
  return text;
}

Result<void> Trust::read() {
  HILLSTAR_CHECK(check_readable(files_.certificate));
  HILLSTAR_CHECK(check_private(files_.key));
  HILLSTAR_CHECK(check_readable(files_.authority));
  ERR_clear_error();
  const bool is_server = own_ == x509::Role::host;
  std::unique_ptr<SSL_CTX, FreeTls> context(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1)
    return Error{Errc::internal, "TLS cannot be set up: " + x509::openssl_words() + "."};
  auto* ctx = context.get();
  SSL_CTX_set_default_passwd_cb(ctx, x509::no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(ctx, files_.certificate.c_str()) != 1)
    return wrong("The certificate cannot be used", files_.certificate);
  if (SSL_CTX_use_PrivateKey_file(ctx, files_.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return wrong("The key cannot be used with the certificate", files_.key);
  const auto own = x509::facts_of(SSL_CTX_get0_certificate(ctx));
  if (!own) return Error{own.error().code, own.error().message, files_.certificate, own.error().hint};
  if (own->role != own_)
    return Error{Errc::certificate_invalid,
                 "This is the certificate of a " + std::string(x509::role_name(own->role)) +
                     ", and must be that of a " + std::string(x509::role_name(own_)) + ".",
                 files_.certificate,
                 "`hillstar-actors ca issue-" + std::string(x509::role_name(own_)) + "` makes one."};
  if (SSL_CTX_load_verify_file(ctx, files_.authority.c_str()) != 1)
    return wrong("The certificates of the authority cannot be used", files_.authority);
  if (!files_.revocation.empty()) {
    HILLSTAR_CHECK(check_readable(files_.revocation));
    auto* lookup = X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), X509_LOOKUP_file());
    if (lookup == nullptr || X509_load_crl_file(lookup, files_.revocation.c_str(), X509_FILETYPE_PEM) < 1)
      return wrong("The list of revoked certificates cannot be used", files_.revocation);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_CRL_CHECK);
  }
  // Who has no certificate may come in only to get one; see check().
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (lets_join_ ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), nullptr);
  // Nothing is resumed: each connection is looked at anew.
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ctx, 0);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(ctx, 1);
  SSL_CTX_set_default_read_buffer_len(ctx, kReadAheadBytes);
  if (is_server)
    SSL_CTX_set_alpn_select_cb(ctx, lets_join_ ? choose<true> : choose<false>, nullptr);
  else if (const auto names = on_list(kProtocolName);
           SSL_CTX_set_alpn_protos(ctx, reinterpret_cast<const unsigned char*>(names.data()),
                                   static_cast<unsigned>(names.size())) != 0)
    return Error{Errc::internal, "TLS cannot be set up: " + x509::openssl_words() + "."};
  context_ = std::move(context);
  return {};
}

Result<std::unique_ptr<Trust>> Trust::load(const Credentials& files, x509::Role own, bool lets_join) {
  std::unique_ptr<Trust> trust(new Trust(files, own, lets_join));
  trust->seen_ = trust->stamp();
  HILLSTAR_CHECK(trust->read());
  return trust;
}

Result<bool> Trust::refresh() {
  auto now = stamp();
  if (now == seen_) return false;
  seen_ = std::move(now);
  HILLSTAR_CHECK(read());
  return true;
}

Result<Secret> Trust::claim_key() const {
  // The number alone: the same key may stand in a file in several ways.
  BIGNUM* number = nullptr;
  ERR_clear_error();
  if (EVP_PKEY_get_bn_param(SSL_CTX_get0_privatekey(context_.get()), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1)
    return wrong("The key is not one of an elliptic curve", files_.key);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_clear_free(number);
  const Secret secret(std::move(bytes));
  return hkdf_sha256(secret.reveal(), {}, kClaimKeyInfo);
}

Tls Trust::begin(int descriptor) const {
  ERR_clear_error();
  Tls tls(SSL_new(context_.get()));
  if (!tls || SSL_set_fd(tls.get(), descriptor) != 1) return nullptr;
  own_ == x509::Role::host ? SSL_set_accept_state(tls.get()) : SSL_set_connect_state(tls.get());
  return tls;
}

bool Trust::wants_to_join(SSL* tls) { return speaks(tls, kJoinProtocol); }
bool Trust::speaks_frames(SSL* tls) { return speaks(tls, kProtocolName); }

Shown Shown::of(const SSL* tls) {
  Shown shown;
  shown.leaf.reset(SSL_get1_peer_certificate(tls));
  if (auto* chain = SSL_get_peer_cert_chain(tls)) shown.chain.reset(X509_chain_up_ref(chain));
  return shown;
}

Error tls_failure(const SSL* tls, int why, TlsCall call) {
  const auto queued = ERR_peek_last_error();
  const auto verified = SSL_get_verify_result(tls);
  const auto words = x509::openssl_words();
  if (why == SSL_ERROR_ZERO_RETURN || (why == SSL_ERROR_SYSCALL && queued == 0))
    return Error{Errc::host_closed, "The other side ended the connection."};
  if (!call.is_open && verified != X509_V_OK)
    return Error{Errc::certificate_invalid,
                 "Its certificate does not hold: " + std::string(X509_verify_cert_error_string(verified)) + "."};
  if (ERR_GET_REASON(queued) > SSL_AD_REASON_OFFSET)
    return Error{Errc::certificate_invalid, "The other side refuses: " + words + "."};
  return Error{call.is_open ? Errc::host_closed : Errc::host_protocol,
               std::string(call.writes ? "Sending" : "TLS") + " failed: " + words + "."};
}

Result<x509::Facts> Trust::check(const Shown& shown, const std::string& host, UtcTime now) const {
  const auto refuse = [](const std::string& why) { return Error{Errc::certificate_invalid, why}; };
  auto* leaf = shown.leaf.get();
  if (leaf == nullptr) return refuse("It showed no certificate.");
  ERR_clear_error();
  const x509::Owned<X509_STORE_CTX> check(X509_STORE_CTX_new());
  if (!check || X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context_.get()), leaf, shown.chain.get()) != 1)
    return Error{Errc::internal, "A certificate cannot be checked: " + x509::openssl_words() + "."};
  X509_STORE_CTX_set_default(check.get(), own_ == x509::Role::host ? "ssl_client" : "ssl_server");
  if (!files_.revocation.empty()) X509_STORE_CTX_set_flags(check.get(), X509_V_FLAG_CRL_CHECK);
  X509_STORE_CTX_set_time(check.get(), 0, static_cast<time_t>(now.micros / kMicros));
  if (X509_verify_cert(check.get()) != 1)
    return refuse("Its certificate does not hold: " +
                  std::string(X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()))) + ".");
  auto facts = x509::facts_of(leaf);
  if (!facts) return refuse(facts.error().message);
  const auto wanted = own_ == x509::Role::host ? x509::Role::worker : x509::Role::host;
  if (facts->role != wanted)
    return refuse("It shows the certificate of a " + std::string(x509::role_name(facts->role)) + " and must be a " +
                  std::string(x509::role_name(wanted)) + ".");
  if (!host.empty() && X509_check_ip_asc(leaf, host.c_str(), 0) != 1 &&
      X509_check_host(leaf, host.c_str(), 0, 0, nullptr) != 1)
    return refuse("Its certificate does not name the address '" + host + "' that was dialled.");
  return facts;
}

}  // namespace hillstar::actors::wire
