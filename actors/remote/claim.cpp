// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/claim.hpp"

#include "runtime/platform/base64.hpp"
#include "runtime/platform/hmac.hpp"

namespace hillstar::actors {
namespace {

/// Says what the words are for, so that no other use of the key makes the same.
constexpr std::string_view kPurpose = "hillstar-actors attempt 1";

/// With its length before it: no two lists of words look the same.
std::string counted(std::string_view word) { return std::to_string(word.size()) + ":" + std::string(word); }

}  // namespace

std::string claim_of(const Secret& key, std::string_view attempt, const ClaimOwner& owner) {
  if (key.empty()) return {};
  const auto words = counted(kPurpose) + counted(attempt) + counted(owner.worker) + counted(owner.session);
  const auto mac = hmac_sha256(key.reveal(), words);
  return base64url({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

bool is_claim(const Secret& key, std::string_view attempt, const ClaimOwner& owner, std::string_view shown) {
  return !key.empty() && same_secret(claim_of(key, attempt, owner), shown);
}

}  // namespace hillstar::actors
