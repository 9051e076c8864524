// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/certificates.hpp"

#include <arpa/inet.h>

#include <array>

#include "runtime/platform/certificate_facts.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/platform/random.hpp"

namespace hillstar::x509 {
namespace {

constexpr long kVersion3 = 2;
constexpr long kCrlVersion2 = 1;
constexpr std::size_t kSerialBytes = 16;
constexpr std::int64_t kMicros = 1'000'000;
constexpr const char* kCurve = "P-256";

Error wrong(const std::string& what) {
  return Error{Errc::certificate_invalid, what + ": " + openssl_words() + ".", {}, {}};
}
Error broken(const std::string& what) { return Error{Errc::internal, what + ": " + openssl_words() + "."}; }

bool set_time(ASN1_TIME* into, UtcTime time) {
  return into != nullptr && ASN1_TIME_set(into, static_cast<time_t>(time.micros / kMicros)) != nullptr;
}

/// 127 bits of chance: positive, and never of a length that others cannot read.
Owned<ASN1_INTEGER> new_serial() {
  auto bytes = random_bytes(kSerialBytes);
  bytes[0] = static_cast<char>((static_cast<unsigned char>(bytes[0]) & 0x7FU) | 0x40U);
  const Owned<BIGNUM> big(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
  return Owned<ASN1_INTEGER>(BN_to_ASN1_INTEGER(big.get(), nullptr));
}

bool name_it(X509_NAME* name, const std::string& text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, bytes, static_cast<int>(text.size()), -1, 0) ==
         1;
}

/// @param issuer  whose key identifier an extension may speak of
bool extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  const Owned<X509_EXTENSION> part(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return part && X509_add_ext(certificate, part.get(), -1) == 1;
}

bool is_ip(const std::string& address) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, address.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
}

bool is_host_name(const std::string& name) {
  constexpr std::size_t kDnsMax = 253;
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
  return !name.empty() && name.size() <= kDnsMax && name.find_first_not_of(kPlain) == std::string::npos &&
         name.front() != '.' && name.front() != '-' && name.find("..") == std::string::npos;
}

/// The names of a certificate as OpenSSL takes them: nothing in it can end one entry and begin another.
Result<std::string> names_of(const Subject& subject) {
  if (!is_name(subject.name))
    return Error{Errc::certificate_invalid,
                 "A name has letters, digits, '.', '_' and '-', at most 64, a letter or digit first.",
                 subject.name,
                 {}};
  std::string names = "URI:hillstar:" + std::string(role_name(subject.role)) + ":" + subject.name;
  if (subject.addresses.size() > kAddressesMax)
    return Error{Errc::certificate_invalid, "A certificate names at most 32 addresses.", subject.name, {}};
  for (const auto& address : subject.addresses) {
    if (!is_ip(address) && !is_host_name(address))
      return Error{Errc::certificate_invalid, "This is neither a DNS name nor an IP address.", address,
                   "Give the address that workers will dial, without a port."};
    names += (is_ip(address) ? ",IP:" : ",DNS:") + address;
  }
  return names;
}

bool set_extensions(X509* certificate, X509* issuer, const Subject& subject, const std::string& names) {
  const bool is_authority = subject.role == Role::authority;
  const char* purpose = subject.role == Role::host ? "serverAuth" : "clientAuth";
  return extend(certificate, issuer, NID_basic_constraints,
                is_authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
         extend(certificate, issuer, NID_key_usage,
                is_authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
         (is_authority || extend(certificate, issuer, NID_ext_key_usage, purpose)) &&
         extend(certificate, issuer, NID_subject_key_identifier, "hash") &&
         extend(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
         extend(certificate, issuer, NID_subject_alt_name, names);
}

Result<std::string> pem_of(X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return broken("A certificate cannot be written");
  return text_of(bio.get());
}

/// @param issuer  nullptr: it signs itself
Result<std::string> make(EVP_PKEY* subject_key, const Subject& subject, const Validity& validity, X509* issuer,
                         EVP_PKEY* signing_key) {
  HILLSTAR_TRY(const auto names, names_of(subject));
  ERR_clear_error();
  const Owned<X509> made(X509_new());
  const auto serial = new_serial();
  if (!made || !serial || X509_set_version(made.get(), kVersion3) != 1 ||
      X509_set_serialNumber(made.get(), serial.get()) != 1 ||
      !set_time(X509_getm_notBefore(made.get()), validity.from) ||
      !set_time(X509_getm_notAfter(made.get()), validity.until) || X509_set_pubkey(made.get(), subject_key) != 1 ||
      !name_it(X509_get_subject_name(made.get()), subject.name))
    return broken("A certificate cannot be made");
  auto* above = issuer == nullptr ? made.get() : issuer;
  if (X509_set_issuer_name(made.get(), X509_get_subject_name(above)) != 1 ||
      !set_extensions(made.get(), above, subject, names) || X509_sign(made.get(), signing_key, EVP_sha256()) == 0)
    return broken("A certificate cannot be signed");
  return pem_of(made.get());
}

struct Parts {
  Owned<X509> certificate;
  Owned<EVP_PKEY> key;
};
Result<Parts> parts_of(const Signer& signer) {
  HILLSTAR_CHECK(check_key(signer.certificate, signer.key));
  return Parts{certificate_of(signer.certificate), key_of(signer.key)};
}

Result<Owned<X509_REQ>> request_of(const std::string& pem) {
  if (pem.size() > kPemBytesMax) return Error{Errc::certificate_invalid, "The request is too large."};
  const auto bio = reader_of(pem);
  Owned<X509_REQ> request(PEM_read_bio_X509_REQ(bio.get(), nullptr, no_passphrase, nullptr));
  if (!request) return wrong("The request for a certificate cannot be read");
  auto* key = X509_REQ_get0_pubkey(request.get());
  std::array<char, 80> curve{};
  std::size_t size = 0;
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
      EVP_PKEY_get_group_name(key, curve.data(), curve.size(), &size) != 1 ||
      std::string_view(curve.data(), size) != SN_X9_62_prime256v1)
    return wrong("The request for a certificate must have an EC key on P-256");
  if (X509_REQ_verify(request.get(), key) != 1) return wrong("The request for a certificate is not signed by its key");
  return request;
}

Result<std::string> hash_of(const X509_PUBKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(key, &der);
  if (size <= 0) return broken("A key cannot be written");
  auto hash = sha256_hex(std::string_view(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return hash;
}

}  // namespace

Result<std::string> new_key() {
  ERR_clear_error();
  const Owned<EVP_PKEY> key(EVP_EC_gen(kCurve));
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (!key || !bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return broken("A key cannot be made");
  return text_of(bio.get());
}

Result<std::string> request_for(const std::string& key) {
  const auto own = key_of(key);
  if (!own) return wrong("The key cannot be read");
  const Owned<X509_REQ> request(X509_REQ_new());
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (!request || !bio || X509_REQ_set_version(request.get(), 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), own.get()) != 1 ||
      X509_REQ_sign(request.get(), own.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1)
    return broken("A request for a certificate cannot be made");
  return text_of(bio.get());
}

Result<std::string> key_of_request(const std::string& request) {
  HILLSTAR_TRY(const auto parsed, request_of(request));
  return hash_of(X509_REQ_get_X509_PUBKEY(parsed.get()));
}

Result<std::string> key_of_certificate(const std::string& certificate) {
  const auto parsed = certificate_of(certificate);
  if (!parsed) return wrong("The certificate cannot be read");
  return hash_of(X509_get_X509_PUBKEY(parsed.get()));
}

Result<std::string> new_authority(const std::string& name, const std::string& key, const Validity& validity) {
  const auto own = key_of(key);
  if (!own) return wrong("The key cannot be read");
  return make(own.get(), Subject{Role::authority, name, {}}, validity, nullptr, own.get());
}

Result<std::string> sign(const std::string& request, const Subject& subject, const Validity& validity,
                         const Signer& signer) {
  HILLSTAR_TRY(const auto parsed, request_of(request));
  HILLSTAR_TRY(const auto parts, parts_of(signer));
  HILLSTAR_TRY(const auto above, facts_of(parts.certificate.get()));
  auto bounded = validity;
  bounded.until = std::min(bounded.until, above.not_after);
  if (bounded.until <= bounded.from)
    return Error{Errc::certificate_invalid, "The authority's own certificate has expired.", above.name,
                 "`hillstar-actors ca rotate` makes a new one."};
  return make(X509_REQ_get0_pubkey(parsed.get()), subject, bounded, parts.certificate.get(), parts.key.get());
}

Result<std::string> revocation_list(const std::vector<Revoked>& revoked, const Validity& validity,
                                    const Signer& signer) {
  HILLSTAR_TRY(const auto parts, parts_of(signer));
  const Owned<X509_CRL> list(X509_CRL_new());
  const Owned<ASN1_TIME> time(ASN1_TIME_new());
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  bool good = list && time && bio && X509_CRL_set_version(list.get(), kCrlVersion2) == 1 &&
              X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(parts.certificate.get())) == 1;
  good = good && set_time(time.get(), validity.from) && X509_CRL_set1_lastUpdate(list.get(), time.get()) == 1;
  good = good && set_time(time.get(), validity.until) && X509_CRL_set1_nextUpdate(list.get(), time.get()) == 1;
  for (const auto& row : revoked) {
    Owned<X509_REVOKED> entry(X509_REVOKED_new());
    const auto serial = integer_of(row.serial);
    good = good && entry && serial && set_time(time.get(), row.at) &&
           X509_REVOKED_set_serialNumber(entry.get(), serial.get()) == 1 &&
           X509_REVOKED_set_revocationDate(entry.get(), time.get()) == 1;
    if (good && X509_CRL_add0_revoked(list.get(), entry.get()) == 1) static_cast<void>(entry.release());
  }
  // The authority's key identifier: two authorities of one name have a list each.
  X509V3_CTX context;
  X509V3_set_ctx(&context, parts.certificate.get(), nullptr, nullptr, list.get(), 0);
  const Owned<X509_EXTENSION> part(
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  good = good && part && X509_CRL_add_ext(list.get(), part.get(), -1) == 1;
  if (!good || X509_CRL_sort(list.get()) != 1 || X509_CRL_sign(list.get(), parts.key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_CRL(bio.get(), list.get()) != 1)
    return broken("A list of revoked certificates cannot be made");
  return text_of(bio.get());
}

Result<Facts> facts_of(const std::string& certificate) {
  const auto parsed = certificate_of(certificate);
  if (!parsed) return wrong("The certificate cannot be read");
  return facts_of(parsed.get());
}

Result<std::vector<std::string>> split(const std::string& certificates) {
  std::vector<std::string> parts;
  const auto bio = reader_of(certificates);
  while (const Owned<X509> next{PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)}) {
    if (parts.size() == kCertificatesMax)
      return Error{Errc::certificate_invalid, "There are too many certificates in one file."};
    HILLSTAR_TRY(auto pem, pem_of(next.get()));
    parts.push_back(std::move(pem));
  }
  if (parts.empty()) return wrong("There is no certificate");
  ERR_clear_error();
  return parts;
}

Result<void> check_key(const std::string& certificate, const std::string& key) {
  const auto parsed = certificate_of(certificate);
  if (!parsed) return wrong("The certificate cannot be read");
  const auto own = key_of(key);
  if (!own) return wrong("The key cannot be read");
  if (X509_check_private_key(parsed.get(), own.get()) != 1) return wrong("The key is not that of the certificate");
  return {};
}

}  // namespace hillstar::x509
