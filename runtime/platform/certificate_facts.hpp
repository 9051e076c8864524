// SPDX-License-Identifier: Apache-2.0
// What a certificate in OpenSSL's hands says. Only files that include <openssl/...> include it.
#pragma once

#include "runtime/platform/certificates.hpp"
#include "runtime/platform/openssl_parts.hpp"

namespace hillstar::x509 {

/// Errors: certificate_invalid if it is not one of this program's.
Result<Facts> facts_of(X509* certificate);
/// Whether it may be used for nothing but what its role says.
bool has_purpose_of(X509* certificate, Role role);
std::string hex_of(const ASN1_INTEGER* number);
/// Nothing if it is not a number.
Owned<ASN1_INTEGER> integer_of(const std::string& hex);

}  // namespace hillstar::x509
