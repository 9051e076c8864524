// SPDX-License-Identifier: Apache-2.0
// X.509 as this program uses it: EC P-256 keys, one authority, certificates of hosts and of workers. PEM in, PEM out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar::x509 {

inline constexpr std::size_t kPemBytesMax = 64U << 10U;
inline constexpr std::size_t kNameMax = 64;
inline constexpr std::size_t kAddressesMax = 32;
/// Of one file.
inline constexpr std::size_t kCertificatesMax = 8;

/// Stands in the URI `hillstar:ROLE:NAME` of a certificate, and decides what it may be used for.
enum class Role : std::uint8_t { authority, host, worker };
std::string_view role_name(Role role);

/// Letters, digits, `.`, `_` and `-`, at most kNameMax, a letter or digit first.
bool is_name(std::string_view name);

struct Validity {
  UtcTime from;
  UtcTime until;
};

struct Subject {
  Role role = Role::worker;
  std::string name;
  std::vector<std::string> addresses;  ///< Of a host: DNS names and IP addresses.
};

/// What a certificate says.
struct Facts {
  Role role = Role::authority;
  std::string name;
  std::string serial;       ///< Hexadecimal, lower case.
  std::string fingerprint;  ///< SHA-256 of the certificate, the same way.
  UtcTime not_before;
  UtcTime not_after;
};

/// What signs: certificate and key.
struct Signer {
  std::string certificate;
  std::string key;
};

struct Revoked {
  std::string serial;
  UtcTime at;
};

// All functions are thread-safe. Errors: certificate_invalid for what is wrong in an argument, internal for OpenSSL.

/// A new private key, PKCS#8 without a passphrase.
Result<std::string> new_key();
/// A request for a certificate for that key, PKCS#10. The one who signs decides what is in the certificate.
Result<std::string> request_for(const std::string& key);
/// SHA-256 of the public key in a request, hex.
Result<std::string> key_of_request(const std::string& request);
/// The same of the first certificate in the text.
Result<std::string> key_of_certificate(const std::string& certificate);

Result<std::string> new_authority(const std::string& name, const std::string& key, const Validity& validity);
/// Takes the public key of the request and nothing else; it must be signed with its key, which must be EC P-256. A
/// certificate never outlives its authority's.
Result<std::string> sign(const std::string& request, const Subject& subject, const Validity& validity,
                         const Signer& signer);
/// The list of certificates of this authority that hold no more.
Result<std::string> revocation_list(const std::vector<Revoked>& revoked, const Validity& validity,
                                    const Signer& signer);

/// Of the first certificate in the text.
Result<Facts> facts_of(const std::string& certificate);
/// The certificates in a text, one by one; at most kCertificatesMax.
Result<std::vector<std::string>> split(const std::string& certificates);
/// Whether the key belongs to the first certificate.
Result<void> check_key(const std::string& certificate, const std::string& key);

}  // namespace hillstar::x509
