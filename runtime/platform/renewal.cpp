// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/renewal.hpp"

#include <algorithm>

#include "runtime/platform/private_folder.hpp"

namespace hillstar {
namespace {

constexpr const char* kCertificate = "worker.pem";
constexpr const char* kKey = "worker.key";
constexpr const char* kNextCertificate = "next.pem";
constexpr const char* kNextKey = "next.key";

constexpr Millis kPauseMin{1'000};
constexpr Millis kPauseMax{24 * 3'600'000};
constexpr int kPausePart = 10;

Millis life_of(const x509::Facts& facts) { return facts.not_after - facts.not_before; }

/// next.pem and next.key are whole, and belong together.
Result<void> take_places(const PrivateFolder& folder, const std::string& certificate, const std::string& key) {
  HILLSTAR_CHECK(folder.write(kKey, key, true));
  HILLSTAR_CHECK(folder.write(kCertificate, certificate, false));
  // The key first: one that waited alone would be asked for as a new one.
  HILLSTAR_CHECK(folder.remove(kNextKey));
  return folder.remove(kNextCertificate);
}

}  // namespace

UtcTime renewable_from(const x509::Facts& facts) { return facts.not_before + life_of(facts) / 2; }

UtcTime renewal_due(const x509::Facts& facts, double chance) {
  const auto life = life_of(facts);
  const auto earlier = static_cast<double>(life.count()) / 10 * std::clamp(chance, 0.0, 1.0);
  return facts.not_before + (life * 2 / 3 - Millis{static_cast<std::int64_t>(earlier)});
}

Millis renewal_pause(const x509::Facts& facts, UtcTime now) {
  return std::clamp((facts.not_after - now) / kPausePart, kPauseMin, kPauseMax);
}

Result<std::string> begin_renewal(const std::string& path) {
  HILLSTAR_TRY(const auto folder, PrivateFolder::open(path, false));
  HILLSTAR_TRY(auto key, folder.read_or_empty(kNextKey));
  if (key.empty()) {
    HILLSTAR_TRY(key, x509::new_key());
    HILLSTAR_CHECK(folder.write(kNextKey, key, true));
  }
  return x509::request_for(key);
}

Result<x509::Facts> end_renewal(const std::string& path, const std::string& certificate) {
  HILLSTAR_TRY(const auto folder, PrivateFolder::open(path, false));
  HILLSTAR_TRY(const auto key, folder.read(kNextKey));
  HILLSTAR_CHECK(x509::check_key(certificate, key));
  HILLSTAR_TRY(auto next, x509::facts_of(certificate));
  HILLSTAR_TRY(const auto text, folder.read(kCertificate));
  HILLSTAR_TRY(const auto now, x509::facts_of(text));
  if (next.role != now.role || next.name != now.name || next.not_after <= now.not_after)
    return Error{Errc::certificate_invalid, "The certificate given is another's, or ends no later.", path, {}};
  HILLSTAR_CHECK(folder.write(kNextCertificate, certificate, false));
  HILLSTAR_CHECK(take_places(folder, certificate, key));
  return next;
}

Result<void> mend_renewal(const std::string& path) {
  HILLSTAR_TRY(const auto folder, PrivateFolder::open(path, false));
  if (!folder.has(kNextCertificate)) return {};
  HILLSTAR_TRY(const auto certificate, folder.read(kNextCertificate));
  HILLSTAR_TRY(const auto key, folder.read_or_empty(kNextKey));
  // Without its key it is of no use, or both had their places already.
  if (key.empty() || !x509::check_key(certificate, key)) return folder.remove(kNextCertificate);
  HILLSTAR_TRY(const auto own_key, folder.read_or_empty(kKey));
  HILLSTAR_TRY(const auto own, folder.read_or_empty(kCertificate));
  const auto next = x509::facts_of(certificate);
  const auto now = x509::facts_of(own);
  const bool is_whole = now && x509::check_key(own, own_key);
  if (next && (!is_whole || next->not_after > now->not_after)) return take_places(folder, certificate, key);
  HILLSTAR_CHECK(folder.remove(kNextKey));  // somebody has put a better one there
  return folder.remove(kNextCertificate);
}

}  // namespace hillstar
