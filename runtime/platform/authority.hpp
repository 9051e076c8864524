// SPDX-License-Identifier: Apache-2.0
// The certificate authority of a host and its workers: a folder with its keys, its certificates, and what it issued.
//
// Files: authority.pem (the certificates that are trusted, the signing one first), SERIAL.key (their keys, 0600),
// revoked.pem (a CRL of each), index.jsonl (what was issued), tokens.jsonl (hashes of join tokens, 0600).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "runtime/platform/certificates.hpp"

namespace hillstar {

class PrivateFolder;

inline constexpr Millis kDay{std::int64_t{24} * 3600 * 1000};
inline constexpr std::int64_t kAuthorityDays = 3650;
inline constexpr std::int64_t kLeafDays = 90;
inline constexpr std::int64_t kDaysMax = 36'500;
inline constexpr Millis kHoldsMin{10'000};
inline constexpr std::size_t kIssuedMax = 10'000;
inline constexpr std::size_t kTokensOpenMax = 1'000;
inline constexpr std::size_t kJoinBytesMax = 64U << 10U;

/// One certificate that was issued.
struct IssuedRow {
  x509::Facts facts;
  UtcTime issued_at;
  std::vector<std::string> addresses;  ///< Of a host.
  std::string authority;               ///< Serial of the one that signed.
  Millis holds{};                      ///< As it was asked for.
  std::string renewed_by;              ///< Serial of the one that its owner has in place of it; empty: none.
  std::optional<UtcTime> revoked_at;
  std::string certificate;  ///< PEM.
};

/// A certificate with all that its owner needs. `chain` is the leaf, then its authority.
struct Issued {
  x509::Facts facts;
  std::string chain;
  std::string authority;  ///< All that are trusted.
  std::string revoked;    ///< CRLs.
};

/// What a new worker needs to find its way in: shown once.
struct JoinToken {
  std::string text;
  UtcTime expires_at;
};

/// Each call opens the folder, locks it, and leaves it whole: any number of processes may use one authority.
/// Thread-safe. Errors: not_found if there is no authority, certificate_invalid, join_refused, usage,
/// permission_denied, io.
class Authority {
 public:
  /// `now` of all calls; replaced in tests.
  using Now = std::function<UtcTime()>;

  Authority(std::string folder, Now now) : folder_(std::move(folder)), now_(std::move(now)) {}

  /// Makes a new one. Error usage if there is one already.
  [[nodiscard]] Result<x509::Facts> create(const std::string& name, std::int64_t days) const;
  /// Certificates that are trusted, the signing one first.
  [[nodiscard]] Result<std::vector<x509::Facts>> trusted() const;
  [[nodiscard]] Result<std::string> certificates() const;

  /// @param holds  from kHoldsMin to kDaysMax days
  [[nodiscard]] Result<Issued> issue(const std::string& request, const x509::Subject& subject, Millis holds) const;
  /// A new certificate for a worker that showed the one of this fingerprint: of the same name, for the request's key,
  /// and as long. Once, and not before half of its life is over (renewal.hpp); the same key gets the same again.
  /// Errors: join_refused, with no more than it says: it is shown to whoever asks.
  [[nodiscard]] Result<Issued> renew(const std::string& request, const std::string& fingerprint) const;
  /// Oldest first.
  [[nodiscard]] Result<std::vector<IssuedRow>> rows() const;
  /// By serial, or every certificate of a name that holds and has not expired. The rows that are revoked now.
  [[nodiscard]] Result<std::vector<IssuedRow>> revoke(const std::string& which) const;
  /// A new authority signs from now on; the old ones stay trusted until they expire.
  [[nodiscard]] Result<x509::Facts> rotate(std::int64_t days) const;

  /// One token for one worker; only its hash is kept.
  [[nodiscard]] Result<JoinToken> make_token(const std::string& worker, Millis lifetime, Millis holds) const;
  /// Answers a machine that joins: JSON in, JSON out (see join.hpp). The token counts as used, durably, before the
  /// answer is given; the same request gets the same answer until the token expires. Error join_refused says no more
  /// than its text: it is shown to whoever asks.
  [[nodiscard]] Result<std::string> redeem(const std::string& request_json) const;

 private:
  struct State;
  [[nodiscard]] Result<State> open(const PrivateFolder& folder) const;
  [[nodiscard]] Result<IssuedRow> sign(State& state, const std::string& request, const x509::Subject& subject,
                                       Millis holds) const;
  [[nodiscard]] Result<void> write_lists(const PrivateFolder& folder, const State& state) const;

  std::string folder_;
  Now now_;
};

}  // namespace hillstar
