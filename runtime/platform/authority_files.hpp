// SPDX-License-Identifier: Apache-2.0
// The rows of an authority's files. For authority.cpp and join_tokens.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/platform/authority.hpp"
#include "runtime/platform/private_folder.hpp"

namespace hillstar::authority_files {

inline constexpr const char* kAuthority = "authority.pem";
inline constexpr const char* kRevoked = "revoked.pem";
inline constexpr const char* kIndex = "index.jsonl";
inline constexpr const char* kTokens = "tokens.jsonl";

/// The folder of an authority. Error not_found says how to make one.
Result<PrivateFolder> folder_of(const std::string& path);

/// Whether a certificate may hold for so long. Error: usage.
Result<void> check_holds(Millis holds);

struct TokenRow {
  std::string sha256;  ///< Of the token's secret.
  std::string worker;
  UtcTime created_at;
  UtcTime expires_at;
  Millis holds = kDay * kLeafDays;  ///< Of the certificate that it gives.
  std::optional<UtcTime> used_at;
  std::string key;     ///< SHA-256 of the public key that it was redeemed with.
  std::string serial;  ///< Of the certificate it gave.
};

/// Errors: certificate_invalid with `file:line`.
Result<std::vector<IssuedRow>> issued_from(std::string_view text, const std::string& path);
std::string to_text(const std::vector<IssuedRow>& rows);
Result<std::vector<TokenRow>> tokens_from(std::string_view text, const std::string& path);
std::string to_text(const std::vector<TokenRow>& rows);

}  // namespace hillstar::authority_files

namespace hillstar {

/// What one call has read.
struct Authority::State {
  std::vector<std::string> trusted;  ///< PEM, the signing one first.
  std::vector<IssuedRow> rows;
  x509::Signer signer;
};

}  // namespace hillstar
