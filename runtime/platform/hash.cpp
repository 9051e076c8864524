// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/hash.hpp"

// The one-shot and EVP interfaces of OpenSSL 3 allocate a context and look the algorithm up on every call, which
// costs several times what hashing a record does. The plain functions do neither and are part of every 3.x release.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace hillstar {

Sha256 sha256(std::string_view bytes) { return sha256(bytes, {}, {}); }

Sha256 sha256(std::string_view a, std::string_view b, std::string_view c) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, a.data(), a.size());
  SHA256_Update(&context, b.data(), b.size());
  SHA256_Update(&context, c.data(), c.size());
  Sha256 hash{};
  SHA256_Final(hash.data(), &context);
  return hash;
}

std::string sha256_hex(std::string_view bytes) { return to_hex(sha256(bytes)); }

std::string to_hex(const Sha256& hash) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(hash.size() * 2, '0');
  for (std::size_t i = 0; i < hash.size(); ++i) {
    text[2 * i] = digits[hash[i] >> 4U];
    text[2 * i + 1] = digits[hash[i] & 15U];
  }
  return text;
}

struct Sha256Stream::State {
  SHA256_CTX context;
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) { SHA256_Init(&state_->context); }
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::append(std::string_view bytes) { SHA256_Update(&state_->context, bytes.data(), bytes.size()); }

Sha256 Sha256Stream::finish() {
  Sha256 hash{};
  SHA256_Final(hash.data(), &state_->context);
  return hash;
}

}  // namespace hillstar
