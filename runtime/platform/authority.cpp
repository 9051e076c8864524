// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/authority.hpp"

#include <algorithm>

#include "runtime/platform/authority_files.hpp"
#include "runtime/platform/private_folder.hpp"
#include "runtime/platform/random.hpp"
#include "runtime/platform/renewal.hpp"

namespace hillstar {
namespace {

using namespace authority_files;

/// Clocks of other machines may be behind.
constexpr Millis kBackdated{5 * 60 * 1000};
/// But a short life does not begin long ago.
constexpr int kBackdatedPart = 10;
/// Two authorities of one name have different subjects, so that nobody confuses their lists.
constexpr std::size_t kSuffixBytes = 4;
constexpr std::int64_t kMicros = 1'000'000;

Result<x509::Validity> validity_of(UtcTime now, Millis holds) {
  HILLSTAR_CHECK(authority_files::check_holds(holds));
  // Whole seconds, as certificates have them.
  const UtcTime whole{now.micros / kMicros * kMicros};
  const auto backdated = std::min(kBackdated, holds / kBackdatedPart);
  return x509::Validity{UtcTime{whole.micros - backdated.count() * 1000}, whole + holds};
}

std::string key_file(const std::string& serial) { return serial + ".key"; }

std::string suffix() {
  std::string text;
  for (const unsigned char c : random_bytes(kSuffixBytes)) {
    text += "0123456789abcdef"[c >> 4U];
    text += "0123456789abcdef"[c & 15U];
  }
  return text;
}

/// Makes key and certificate; the key is on disk when this returns.
Result<std::string> make_authority(const PrivateFolder& folder, const std::string& name,
                                   const x509::Validity& validity) {
  HILLSTAR_TRY(const auto key, x509::new_key());
  HILLSTAR_TRY(auto certificate, x509::new_authority(name, key, validity));
  HILLSTAR_TRY(const auto facts, x509::facts_of(certificate));
  HILLSTAR_CHECK(folder.write(key_file(facts.serial), key, true));
  return certificate;
}

Error refused(const std::string& why) {
  return Error{
      Errc::join_refused, why, {}, "`hillstar-actors ca issue-worker NAME --token` makes a token to join with."};
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += part;
  return text;
}

}  // namespace

Result<Authority::State> Authority::open(const PrivateFolder& folder) const {
  auto text = folder.read(kAuthority);
  if (!text && text.error().code == Errc::not_found)
    return Error{Errc::not_found, "There is no certificate authority.", folder.at(kAuthority),
                 "`hillstar-actors ca init` makes one."};
  if (!text) return text.error();
  State state;
  HILLSTAR_TRY(state.trusted, x509::split(*text));
  HILLSTAR_TRY(const auto facts, x509::facts_of(state.trusted.front()));
  if (facts.role != x509::Role::authority)
    return Error{Errc::certificate_invalid, "This is not the certificate of an authority.", folder.at(kAuthority), {}};
  state.signer.certificate = state.trusted.front();
  HILLSTAR_TRY(state.signer.key, folder.read(key_file(facts.serial)));
  HILLSTAR_TRY(const auto index, folder.read_or_empty(kIndex));
  HILLSTAR_TRY(state.rows, issued_from(index, folder.at(kIndex)));
  return state;
}

Result<void> Authority::write_lists(const PrivateFolder& folder, const State& state) const {
  std::string lists;
  for (const auto& certificate : state.trusted) {
    HILLSTAR_TRY(const auto facts, x509::facts_of(certificate));
    HILLSTAR_TRY(const auto key, folder.read(key_file(facts.serial)));
    std::vector<x509::Revoked> revoked;
    for (const auto& row : state.rows) {
      if (row.authority == facts.serial && row.revoked_at) revoked.push_back({row.facts.serial, *row.revoked_at});
    }
    const x509::Validity validity{UtcTime{now_().micros - kBackdated.count() * 1000}, facts.not_after};
    HILLSTAR_TRY(const auto list, x509::revocation_list(revoked, validity, {certificate, key}));
    lists += list;
  }
  return folder.write(kRevoked, lists, false);
}

Result<x509::Facts> Authority::create(const std::string& name, std::int64_t days) const {
  HILLSTAR_TRY(const auto validity, validity_of(now_(), kDay * days));
  HILLSTAR_TRY(const auto folder, PrivateFolder::open(folder_, true));
  if (folder.has(kAuthority))
    return Error{Errc::usage, "There is a certificate authority already.", folder.at(kAuthority),
                 "`hillstar-actors ca rotate` makes a new one beside it."};
  HILLSTAR_TRY(const auto certificate, make_authority(folder, name + "-" + suffix(), validity));
  State state;
  state.trusted.push_back(certificate);
  HILLSTAR_CHECK(write_lists(folder, state));
  HILLSTAR_CHECK(folder.write(kAuthority, certificate, false));
  return x509::facts_of(certificate);
}

Result<std::vector<x509::Facts>> Authority::trusted() const {
  HILLSTAR_TRY(const auto folder, folder_of(folder_));
  HILLSTAR_TRY(const auto state, open(folder));
  std::vector<x509::Facts> all;
  for (const auto& certificate : state.trusted) {
    HILLSTAR_TRY(auto facts, x509::facts_of(certificate));
    all.push_back(std::move(facts));
  }
  return all;
}

Result<std::string> Authority::certificates() const {
  HILLSTAR_TRY(const auto folder, folder_of(folder_));
  HILLSTAR_TRY(const auto state, open(folder));
  return joined(state.trusted);
}

Result<IssuedRow> Authority::sign(State& state, const std::string& request, const x509::Subject& subject,
                                  Millis holds) const {
  if (subject.role == x509::Role::host && subject.addresses.empty())
    return Error{Errc::usage, "A host needs at least one address that workers dial.", subject.name, {}};
  const auto now = now_();
  HILLSTAR_TRY(const auto validity, validity_of(now, holds));
  // Expired and not revoked: nobody asks for it again.
  const auto is_past = [&](const IssuedRow& row) { return row.facts.not_after <= now; };
  if (state.rows.size() >= kIssuedMax)
    state.rows.erase(std::remove_if(state.rows.begin(), state.rows.end(), is_past), state.rows.end());
  if (state.rows.size() >= kIssuedMax)
    return Error{Errc::usage, "This authority has issued too many certificates that hold.", folder_, {}};
  HILLSTAR_TRY(const auto authority, x509::facts_of(state.signer.certificate));
  HILLSTAR_TRY(auto certificate, x509::sign(request, subject, validity, state.signer));
  HILLSTAR_TRY(auto facts, x509::facts_of(certificate));
  IssuedRow row{std::move(facts),      now, subject.addresses, authority.serial, holds, {}, std::nullopt,
                std::move(certificate)};
  state.rows.push_back(row);
  return row;
}

Result<Issued> Authority::issue(const std::string& request, const x509::Subject& subject, Millis holds) const {
  HILLSTAR_TRY(const auto folder, folder_of(folder_));
  HILLSTAR_TRY(auto state, open(folder));
  HILLSTAR_TRY(const auto row, sign(state, request, subject, holds));
  HILLSTAR_CHECK(folder.write(kIndex, to_text(state.rows), false));
  HILLSTAR_TRY(auto revoked, folder.read(kRevoked));
  return Issued{row.facts, row.certificate + state.signer.certificate, joined(state.trusted), std::move(revoked)};
}

Result<Issued> Authority::renew(const std::string& request, const std::string& fingerprint) const {
  const auto key = x509::key_of_request(request);
  if (!key) return refused("The request for a certificate cannot be used.");
  HILLSTAR_TRY(const auto folder, folder_of(folder_));
  HILLSTAR_TRY(auto state, open(folder));
  const auto find = [&](const auto& fits) { return std::find_if(state.rows.begin(), state.rows.end(), fits); };
  const auto is_shown = [&](const IssuedRow& row) { return row.facts.fingerprint == fingerprint; };
  const auto now = now_();
  const auto shown = find(is_shown);
  if (shown == state.rows.end() || shown->facts.role != x509::Role::worker)
    return refused("This authority has not issued the certificate that was shown.");
  if (shown->revoked_at || shown->facts.not_after <= now)
    return refused("The certificate that was shown holds no more.");
  if (now < renewable_from(shown->facts)) return refused("The certificate that was shown holds for long yet.");
  HILLSTAR_TRY(auto revoked, folder.read(kRevoked));
  if (shown->renewed_by.empty()) {
    HILLSTAR_TRY(const auto row, sign(state, request, {x509::Role::worker, shown->facts.name, {}}, shown->holds));
    find(is_shown)->renewed_by = row.facts.serial;  // `sign` has moved the rows
    HILLSTAR_CHECK(folder.write(kIndex, to_text(state.rows), false));
    return Issued{row.facts, row.certificate + state.signer.certificate, joined(state.trusted), std::move(revoked)};
  }
  const auto given = find([&](const IssuedRow& row) { return row.facts.serial == shown->renewed_by; });
  if (given == state.rows.end() || given->revoked_at ||
      x509::key_of_certificate(given->certificate).value_or("") != *key)
    return refused("The certificate that was shown has been renewed already, for another key.");
  std::string signer;
  for (const auto& certificate : state.trusted) {
    HILLSTAR_TRY(const auto facts, x509::facts_of(certificate));
    if (facts.serial == given->authority) signer = certificate;
  }
  return Issued{given->facts, given->certificate + signer, joined(state.trusted), std::move(revoked)};
}

Result<std::vector<IssuedRow>> Authority::rows() const {
  HILLSTAR_TRY(const auto folder, folder_of(folder_));
  HILLSTAR_TRY(auto state, open(folder));
  return std::move(state.rows);
}

Result<std::vector<IssuedRow>> Authority::revoke(const std::string& which) const {
  HILLSTAR_TRY(const auto folder, folder_of(folder_));
  HILLSTAR_TRY(auto state, open(folder));
  const auto now = now_();
  bool known = false;
  std::vector<IssuedRow> changed;
  for (auto& row : state.rows) {
    if (row.facts.serial != which && row.facts.name != which) continue;
    known = true;
    if (row.revoked_at || row.facts.not_after <= now) continue;
    row.revoked_at = now;
    changed.push_back(row);
  }
  if (!known)
    return Error{Errc::not_found, "No certificate of this name or serial number was issued.", which,
                 "`hillstar-actors ca ls` lists them."};
  if (!changed.empty()) HILLSTAR_CHECK(folder.write(kIndex, to_text(state.rows), false));
  HILLSTAR_CHECK(write_lists(folder, state));  // in any case: a crash may have come between the two
  return changed;
}

Result<x509::Facts> Authority::rotate(std::int64_t days) const {
  const auto now = now_();
  HILLSTAR_TRY(const auto validity, validity_of(now, kDay * days));
  HILLSTAR_TRY(const auto folder, folder_of(folder_));
  HILLSTAR_TRY(auto state, open(folder));
  HILLSTAR_TRY(const auto old, x509::facts_of(state.trusted.front()));
  const auto stem = old.name.substr(0, old.name.rfind('-'));
  HILLSTAR_TRY(auto certificate, make_authority(folder, stem + "-" + suffix(), validity));
  std::vector<std::string> trusted{certificate};
  for (auto& before : state.trusted) {
    HILLSTAR_TRY(const auto facts, x509::facts_of(before));
    if (facts.not_after > now) trusted.push_back(std::move(before));
  }
  if (trusted.size() > x509::kCertificatesMax)
    return Error{Errc::usage, "Too many authorities are trusted at once.", folder.at(kAuthority),
                 "Wait until one of them has expired."};
  state.trusted = std::move(trusted);
  HILLSTAR_CHECK(write_lists(folder, state));  // before: a list that nobody needs yet does no harm
  HILLSTAR_CHECK(folder.write(kAuthority, joined(state.trusted), false));
  return x509::facts_of(certificate);
}

}  // namespace hillstar
