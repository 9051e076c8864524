// SPDX-License-Identifier: Apache-2.0
#include "actors/remote/certificate_keeper.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <utility>

#include "actors/remote/admission.hpp"
#include "actors/remote/orders.hpp"
#include "runtime/platform/private_folder.hpp"
#include "runtime/platform/random.hpp"
#include "runtime/platform/renewal.hpp"

namespace hillstar::actors {
namespace {

constexpr const char* kByHand =
    "Before then: `hillstar-actors ca issue-worker NAME --out DIR` where the authority is, and its worker.pem and "
    "worker.key here, in place of these; the next connection is one with them.";

/// In [0, 1).
double chance() { return static_cast<double>(static_cast<unsigned char>(random_bytes(1).front())) / 256; }

}  // namespace

void CertificateKeeperState::open(CertificateKeeperParts parts) {
  parts_ = std::move(parts);
  read();
  on_look();
}

/// Whether it is another one than before.
bool CertificateKeeperState::read() {
  const auto folder = PrivateFolder::open(parts_.folder, false);
  const auto text = folder ? folder->read("worker.pem") : Result<std::string>(folder.error());
  const auto facts = text ? x509::facts_of(*text) : Result<x509::Facts>(text.error());
  // What cannot be read cannot connect either, and that is told.
  if (!facts || (facts_ && facts_->fingerprint == facts->fingerprint)) return false;
  facts_ = *facts;
  due_ = renewal_due(*facts_, chance());
  return true;
}

void CertificateKeeperState::on_up(const KeeperUp& message) {
  up_ = message;
  asked_ = false;
  read();  // somebody may have replaced it
  ask_if_due();
}

void CertificateKeeperState::ask_if_due() {
  if (facts_ && up_ && parts_.services->clock->utc_now() >= due_) ask();
}

void CertificateKeeperState::on_look() {
  ask_if_due();
  const auto wait = due_ - parts_.services->clock->utc_now();
  const auto left = facts_ ? std::clamp(wait, up_ ? kKeeperLookMin : kKeeperLookAway, kKeeperLookMax) : kKeeperLookMax;
  caf::delayed_anon_send(CertificateKeeper(self_), left, KeeperLook{});
}

void CertificateKeeperState::ask() {
  if (read()) return parts_.renewed();  // by somebody
  const auto now = parts_.services->clock->utc_now();
  due_ = now + renewal_pause(*facts_, now);
  if (up_->protocol < kProtocolRenewal) return warn("the host's program is too old to do so", {});
  const auto request = begin_renewal(parts_.folder);
  if (!request) return warn(to_string(request.error()), {});
  asked_ = true;
  up_->sink.send(frame_of(FrameKind::renew, remote::RenewAsked{*request}));
}

void CertificateKeeperState::on_answer(const KeeperAnswer& message) {
  if (!std::exchange(asked_, false)) return;
  const auto& answer = message.answer;
  if (answer.certificate.empty()) return warn(plain(answer.reason), plain(answer.hint));
  const auto facts = end_renewal(parts_.folder, answer.certificate);
  if (!facts) return warn(to_string(facts.error()), {});
  facts_ = *facts;
  due_ = renewal_due(*facts_, chance());
  parts_.services->log("the certificate of this worker was renewed, until " + to_rfc3339(facts_->not_after));
  parts_.renewed();
}

void CertificateKeeperState::warn(const std::string& why, const std::string& hint) {
  parts_.services->log("warning: the certificate of this worker ends at " + to_rfc3339(facts_->not_after) +
                       " and is not renewed: " + why + ". " + (hint.empty() ? kByHand : hint));
}

CertificateKeeper::behavior_type certificate_keeper(CertificateKeeper::stateful_pointer<CertificateKeeperState> self,
                                                    CertificateKeeperParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](const KeeperUp& message) { self->state.on_up(message); },
          [self](const KeeperDown&) { self->state.on_down(); },
          [self](const KeeperAnswer& message) { self->state.on_answer(message); },
          [self](const KeeperLook&) { self->state.on_look(); }};
}

}  // namespace hillstar::actors
