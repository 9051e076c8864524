// SPDX-License-Identifier: Apache-2.0
// Join tokens: made once, redeemed once. `hsj1.SECRET.FINGERPRINT`: the fingerprint is that of the authority, so that a
// machine that knows nothing else can tell whom it talks to.
#include <algorithm>
#include <boost/json.hpp>

#include "messages/json.hpp"
#include "runtime/platform/authority.hpp"
#include "runtime/platform/authority_files.hpp"
#include "runtime/platform/base64.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/platform/hmac.hpp"
#include "runtime/platform/join.hpp"
#include "runtime/platform/private_folder.hpp"
#include "runtime/platform/random.hpp"

namespace hillstar {
namespace {

namespace bj = boost::json;
using namespace authority_files;

constexpr std::size_t kSecretBytes = 32;

Error refused(const std::string& why) {
  return Error{Errc::join_refused, why, {}, "`hillstar-actors ca issue-worker NAME --token` makes a new token."};
}

std::string answer_of(const IssuedRow& row, const std::string& signer, const std::string& trusted,
                      const std::string& revoked) {
  return json::canonical(bj::object{{"version", 1},
                                    {"name", row.facts.name},
                                    {"certificate", row.certificate + signer},
                                    {"authority", trusted},
                                    {"revoked", revoked}});
}

}  // namespace

Result<JoinToken> Authority::make_token(const std::string& worker, Millis lifetime, Millis holds) const {
  if (!x509::is_name(worker))
    return Error{
        Errc::usage, "A name has letters, digits, '.', '_' and '-', at most 64, a letter or digit first.", worker, {}};
  if (lifetime.count() <= 0) return Error{Errc::usage, "A token that ends at once is of no use.", worker, {}};
  HILLSTAR_CHECK(check_holds(holds));
  HILLSTAR_TRY(const auto folder, folder_of(folder_));
  HILLSTAR_TRY(const auto state, open(folder));
  HILLSTAR_TRY(const auto authority, x509::facts_of(state.signer.certificate));
  HILLSTAR_TRY(const auto text, folder.read_or_empty(kTokens));
  HILLSTAR_TRY(auto rows, tokens_from(text, folder.at(kTokens)));
  const auto now = now_();
  rows.erase(std::remove_if(rows.begin(), rows.end(), [&](const TokenRow& row) { return row.expires_at <= now; }),
             rows.end());
  if (rows.size() >= kTokensOpenMax)
    return Error{Errc::usage, "There are too many join tokens that hold.", folder.at(kTokens), {}};
  const auto secret = base64url(random_bytes(kSecretBytes));
  rows.push_back({sha256_hex(secret), worker, now, now + lifetime, holds, std::nullopt, {}, {}});
  const auto expires_at = rows.back().expires_at;
  HILLSTAR_CHECK(folder.write(kTokens, to_text(rows), true));
  return JoinToken{std::string(kJoinTokenPrefix) + secret + "." + authority.fingerprint, expires_at};
}

Result<std::string> Authority::redeem(const std::string& request_json) const {
  HILLSTAR_TRY(const auto asked, join_request_of(request_json));
  HILLSTAR_TRY(const auto token, join_token_of(asked.token));
  auto key = x509::key_of_request(asked.request);
  if (!key) return refused("The request for a certificate cannot be used.");
  HILLSTAR_TRY(const auto folder, folder_of(folder_));
  HILLSTAR_TRY(auto state, open(folder));
  HILLSTAR_TRY(const auto text, folder.read_or_empty(kTokens));
  HILLSTAR_TRY(auto tokens, tokens_from(text, folder.at(kTokens)));
  const auto hash = sha256_hex(token.secret);
  TokenRow* found = nullptr;
  for (auto& row : tokens) {
    if (same_secret(row.sha256, hash)) found = &row;
  }
  const auto now = now_();
  if (found == nullptr) return refused("This token is not known.");
  if (found->expires_at <= now) return refused("This token has expired.");
  HILLSTAR_TRY(const auto revoked, folder.read(kRevoked));
  std::string trusted;
  for (const auto& certificate : state.trusted) trusted += certificate;
  if (found->used_at) {
    const auto given = std::find_if(state.rows.begin(), state.rows.end(),
                                    [&](const IssuedRow& row) { return row.facts.serial == found->serial; });
    if (!same_secret(found->key, *key) || given == state.rows.end() || given->revoked_at)
      return refused("This token has been used already.");
    std::string signer;
    for (const auto& certificate : state.trusted) {
      HILLSTAR_TRY(const auto facts, x509::facts_of(certificate));
      if (facts.serial == given->authority) signer = certificate;
    }
    return answer_of(*given, signer, trusted, revoked);
  }
  HILLSTAR_TRY(const auto row, sign(state, asked.request, {x509::Role::worker, found->worker, {}}, found->holds));
  found->used_at = now;
  found->key = *key;
  found->serial = row.facts.serial;
  // The certificate first: a token that counts as used without one would lose the worker.
  HILLSTAR_CHECK(folder.write(kIndex, to_text(state.rows), false));
  HILLSTAR_CHECK(folder.write(kTokens, to_text(tokens), true));
  return answer_of(row, state.signer.certificate, trusted, revoked);
}

}  // namespace hillstar
