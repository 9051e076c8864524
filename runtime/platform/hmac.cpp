// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>
#include <string>
#include <utility>

#include "messages/error.hpp"

namespace hillstar {

Sha256 hmac_sha256(std::string_view key, std::string_view a, std::string_view b) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> algorithm(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr),
                                                                    &EVP_MAC_free);
  HILLSTAR_ASSERT(algorithm != nullptr);
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(EVP_MAC_CTX_new(algorithm.get()),
                                                                          &EVP_MAC_CTX_free);
  HILLSTAR_ASSERT(context != nullptr);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  const auto bytes = [](std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  // A null key means "the key of last time" to OpenSSL.
  const std::string_view some_key = key.data() == nullptr ? std::string_view("") : key;
  Sha256 mac{};
  std::size_t size = 0;
  HILLSTAR_ASSERT(EVP_MAC_init(context.get(), bytes(some_key), some_key.size(), parameters) == 1 &&
                  EVP_MAC_update(context.get(), bytes(a), a.size()) == 1 &&
                  EVP_MAC_update(context.get(), bytes(b), b.size()) == 1 &&
                  EVP_MAC_final(context.get(), mac.data(), &size, mac.size()) == 1 && size == mac.size());
  return mac;
}

Secret hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> algorithm(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_HKDF, nullptr),
                                                                    &EVP_KDF_free);
  HILLSTAR_ASSERT(algorithm != nullptr);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(algorithm.get()),
                                                                          &EVP_KDF_CTX_free);
  HILLSTAR_ASSERT(context != nullptr);
  char digest[] = "SHA256";
  // OpenSSL only reads them, and takes a null pointer for a mistake.
  const auto octets = [](const char* name, std::string_view text) {
    const char* data = text.data() == nullptr ? "" : text.data();
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(data), text.size());
  };
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                   octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_SALT, salt),
                                   octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  std::string key(std::tuple_size_v<Sha256>, '\0');
  HILLSTAR_ASSERT(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(key.data()), key.size(), parameters) ==
                  1);
  return Secret(std::move(key));
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace hillstar
