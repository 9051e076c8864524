// SPDX-License-Identifier: Apache-2.0
// New certificates for workers that are joined. A part of WorkerDirectoryState; who gets one, the authority decides.
#include <caf/send.hpp>
#include <utility>

#include "actors/remote/orders.hpp"
#include "actors/remote/own_thread.hpp"
#include "actors/remote/worker_directory.hpp"

namespace hillstar::actors {

void WorkerDirectoryState::on_renew(Worker& worker, const remote::RenewAsked& asked) {
  const auto refuse = [&](const std::string& why, const std::string& hint = {}) {
    say(worker.peer.name, "warning: worker " + worker.peer.name + " gets no new certificate: " + why);
    worker.sink.send(frame_of(FrameKind::renewed, remote::Renewed{{}, why, hint}));
  };
  if (!renew_) return refuse("the host has no authority at hand that could sign one");
  if (cordoned_.contains(worker.peer.name))
    return refuse("the worker is cordoned", "`hillstar-actors workers uncordon NAME` on the host lets it have one.");
  const auto time = now();
  if (worker.renews_at && time - *worker.renews_at < kRenewEvery) return refuse("it asks too often");
  if (renewals_ >= kRenewalsMax) return refuse("too many ask at once", "It asks again.");
  worker.renews_at = time;
  ++renewals_;
  // The authority's folder is locked, read and written elsewhere.
  on_own_thread(self_->home_system(),
                [self = WorkerDirectory(self_), renew = renew_, request = asked.request, peer = worker.peer.id,
                 fingerprint = worker.peer.fingerprint, alive = parts_.alive] {
                  caf::anon_send(self, CertificateMade{peer, renew(request, fingerprint)});
                });
}

void WorkerDirectoryState::on_certificate_made(const CertificateMade& message) {
  --renewals_;
  auto* worker = worker_of(message.peer);
  if (worker == nullptr) return;  // it asks again, and gets the same
  const auto& who = worker->peer.name;
  if (message.made) {
    say(who, "worker " + who + " has a new certificate, until " + to_rfc3339(message.made->facts.not_after));
    return worker->sink.send(frame_of(FrameKind::renewed, remote::Renewed{message.made->chain, {}, {}}));
  }
  const auto& error = message.made.error();
  say(who, "warning: worker " + who + " gets no new certificate: " + to_string(error));
  const bool is_refusal = error.code == Errc::join_refused;
  worker->sink.send(
      frame_of(FrameKind::renewed,
               remote::Renewed{{}, is_refusal ? error.message : "no certificate can be made at the moment", {}}));
}

}  // namespace hillstar::actors
