// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/certificate_facts.hpp"

#include <array>
#include <cctype>
#include <ctime>

#include "runtime/platform/hash.hpp"

namespace hillstar::x509 {
namespace {

constexpr std::string_view kScheme = "hillstar:";
constexpr std::int64_t kMicros = 1'000'000;

Error wrong(const std::string& what) {
  return Error{Errc::certificate_invalid, what, {}, "`hillstar-actors ca` makes certificates that hold."};
}

Result<UtcTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return wrong("A certificate has no readable time in it.");
  return UtcTime{static_cast<std::int64_t>(timegm(&parts)) * kMicros};
}

/// The one URI that says who this is; empty if there is none, or more than one.
std::string identity_of(X509* certificate) {
  const Owned<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string found;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const auto* text = name->d.uniformResourceIdentifier;
    const std::string uri(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                          static_cast<std::size_t>(ASN1_STRING_length(text)));
    if (!uri.starts_with(kScheme)) continue;
    if (!found.empty()) return {};
    found = uri;
  }
  return found;
}

}  // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::authority:
      return "authority";
    case Role::host:
      return "host";
    case Role::worker:
      return "worker";
  }
  return "worker";
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kNameMax) return false;
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (const char c : name) {
    if (!plain(c) && c != '.' && c != '_' && c != '-') return false;
  }
  return plain(name.front());
}

std::string hex_of(const ASN1_INTEGER* number) {
  const Owned<BIGNUM> big(ASN1_INTEGER_to_BN(number, nullptr));
  char* text = big ? BN_bn2hex(big.get()) : nullptr;
  std::string hex = text == nullptr ? "" : text;
  OPENSSL_free(text);
  for (auto& c : hex) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return hex;
}

Owned<ASN1_INTEGER> integer_of(const std::string& hex) {
  BIGNUM* big = nullptr;
  if (hex.empty() || BN_hex2bn(&big, hex.c_str()) != static_cast<int>(hex.size())) {
    BN_free(big);
    return nullptr;
  }
  const Owned<BIGNUM> owned(big);
  return Owned<ASN1_INTEGER>(BN_to_ASN1_INTEGER(big, nullptr));
}

bool has_purpose_of(X509* certificate, Role role) {
  const auto flags = X509_get_extension_flags(certificate);
  const bool is_authority = (flags & EXFLAG_CA) != 0;
  if (role == Role::authority) return is_authority;
  const std::uint32_t wanted = role == Role::host ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
  return !is_authority && (flags & EXFLAG_XKUSAGE) != 0 && X509_get_extended_key_usage(certificate) == wanted;
}

Result<Facts> facts_of(X509* certificate) {
  const auto uri = identity_of(certificate);
  Facts facts;
  bool known = false;
  for (const auto role : {Role::authority, Role::host, Role::worker}) {
    const auto start = std::string(kScheme) + std::string(role_name(role)) + ":";
    if (!uri.starts_with(start)) continue;
    facts.role = role;
    facts.name = uri.substr(start.size());
    known = is_name(facts.name);
  }
  if (!known) return wrong("The certificate says of nobody that it is a host or a worker.");
  if (!has_purpose_of(certificate, facts.role))
    return wrong("The certificate of a " + std::string(role_name(facts.role)) + " is made for another purpose.");
  facts.serial = hex_of(X509_get0_serialNumber(certificate));
  Sha256 hash{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), hash.data(), &size) != 1 || size != hash.size())
    return Error{Errc::internal, "A certificate cannot be hashed: " + openssl_words() + "."};
  facts.fingerprint = to_hex(hash);
  HILLSTAR_TRY(facts.not_before, time_of(X509_get0_notBefore(certificate)));
  HILLSTAR_TRY(facts.not_after, time_of(X509_get0_notAfter(certificate)));
  return facts;
}

}  // namespace hillstar::x509
