// SPDX-License-Identifier: Apache-2.0
// OpenSSL's objects with an owner, and its errors in words. Only files that include <openssl/...> include it.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::x509 {

struct Free {
  void operator()(BIO* part) const { BIO_free_all(part); }
  void operator()(EVP_PKEY* part) const { EVP_PKEY_free(part); }
  void operator()(X509* part) const { X509_free(part); }
  void operator()(X509_REQ* part) const { X509_REQ_free(part); }
  void operator()(X509_CRL* part) const { X509_CRL_free(part); }
  void operator()(X509_REVOKED* part) const { X509_REVOKED_free(part); }
  void operator()(X509_EXTENSION* part) const { X509_EXTENSION_free(part); }
  void operator()(X509_STORE* part) const { X509_STORE_free(part); }
  void operator()(X509_STORE_CTX* part) const { X509_STORE_CTX_free(part); }
  void operator()(STACK_OF(X509) * part) const { sk_X509_pop_free(part, X509_free); }
  void operator()(GENERAL_NAMES* part) const { GENERAL_NAMES_free(part); }
  void operator()(ASN1_INTEGER* part) const { ASN1_INTEGER_free(part); }
  void operator()(BIGNUM* part) const { BN_free(part); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// The last of this thread's errors, in words; the queue is empty afterwards.
inline std::string openssl_words() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

/// Never asks for a passphrase.
inline int no_passphrase(char* /*into*/, int /*size*/, int /*writes*/, void* /*user*/) { return 0; }

inline Owned<BIO> reader_of(std::string_view text) {
  ERR_clear_error();
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
inline Owned<X509> certificate_of(std::string_view pem) {
  const auto bio = reader_of(pem);
  return Owned<X509>(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
}
inline Owned<EVP_PKEY> key_of(std::string_view pem) {
  const auto bio = reader_of(pem);
  return Owned<EVP_PKEY>(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
}
inline std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace hillstar::x509
