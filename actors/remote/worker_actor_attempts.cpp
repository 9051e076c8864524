// SPDX-License-Identifier: Apache-2.0
// Attempts of a worker, from the order to the end that the host has on disk. The other half of WorkerActorState.
#include <caf/send.hpp>
#include <utility>

#include "actors/remote/orders.hpp"
#include "actors/remote/worker_actor.hpp"

namespace hillstar::actors {

void WorkerActorState::take(const wire::PeerFrame& message) {
  const auto key = key_in(message);
  if (!key) {
    parts_.services->log("warning: the host sent an attempt that cannot be read");
    return sink_.close();
  }
  if (making_.contains(*key)) return;  // sent again: it is under way
  auto& making = making_[*key];
  auto sent = body_of<remote::AttemptSent>(message);
  if (!sent) return refuse(*key, FailureClass::invalid_input, to_string(sent.error()));
  if (sent->order.has_value() == sent->order_sha256.has_value())
    return refuse(*key, FailureClass::invalid_input, "the host sent an attempt without an order, or with two");
  making.claim = std::exchange(sent->claim, std::nullopt);
  if (making_.size() > kAttemptsMax)
    return refuse(*key, FailureClass::overloaded, "the worker makes as many attempts as it can");
  making.taken = now();
  // Trust that is as old as an idle beat may be over before the first word of it: the host's clock began when it sent.
  if (is_trusted()) return begin(making, std::move(*sent));
  making.held = std::move(*sent);
  if (!asked_) beat(now());
  asked_ = true;
}

/// It fails before it begins.
void WorkerActorState::refuse(const std::string& key, FailureClass kind, std::string why) {
  remote::Report report;
  report.ending = remote::Ending::failed;
  report.failure = Failure{kind, std::move(why), {}};
  on_reported({key, std::make_shared<const remote::Report>(std::move(report))});
}

void WorkerActorState::begin_held() {
  if (!is_trusted()) return;
  asked_ = false;
  for (auto& [key, making] : making_)
    if (making.held) begin(making, *std::exchange(making.held, std::nullopt));
}

void WorkerActorState::begin(Making& making, remote::AttemptSent sent) {
  WorkerAttemptParts parts;
  parts.services = parts_.services;
  parts.port = port_;
  parts.report_to = WorkerActor(self_);
  parts.sent = std::move(sent);
  parts.workspace = parts_.options.workspace;
  parts.environment = parts_.options.environment;
  parts.secrets = secrets_;
  parts.alive = parts_.alive;
  making.actor = self_->spawn(worker_attempt, std::move(parts));
  beat_at_ = std::min(beat_at_, now() + words_.beat);
}

void WorkerActorState::on_reported(const AttemptReported& message) {
  const auto entry = making_.find(message.key);
  if (entry == making_.end() || entry->second.told) return;
  if (entry->second.fenced) return drop(message.key);
  look_at_cache();  // the host hears of it before it has a slot free
  auto& making = entry->second;
  remote::OutcomeTold told{message.key, {}, {}};
  for (const auto& blob : blobs_of(*message.report)) making.offered.push_back(blob.sha256);
  told.report = *message.report;
  auto frame = frame_of(FrameKind::outcome, told);
  if (frame.json.size() > kFrameOrderMax) {
    told.report.reset();
    if (auto sha256 = parts_.services->store->put_blob(json::to_text(*message.report))) {
      making.offered.push_back(*sha256);
      told.report_sha256 = *std::move(sha256);
    } else {
      told.report.emplace().ending = remote::Ending::failed;
      told.report->failure = Failure{FailureClass::io, to_string(sha256.error()), {}};
    }
    frame = frame_of(FrameKind::outcome, told);
  }
  if (!making.offered.empty()) caf::anon_send(port_, OfferBlobs{making.offered});
  making.told = std::move(frame);
  say(making);
}

/// Before anything is said of the attempts themselves.
void WorkerActorState::show_claims() {
  remote::Claims shown;
  std::size_t bytes = 0;
  for (const auto& [key, making] : making_) {
    if (making.fenced || !making.claim) continue;
    bytes += key.size() + making.claim->size();
    shown.claims.emplace(key, *making.claim);
    if (bytes < kClaimBytes) continue;
    shown.last = false;
    sink_.send(frame_of(FrameKind::claims, std::exchange(shown, {})));
    bytes = 0;
  }
  sink_.send(frame_of(FrameKind::claims, shown));
}

void WorkerActorState::say(Making& making) {
  making.told_at = now();
  if (welcomed_) sink_.send(*making.told);
}

void WorkerActorState::drop(const std::string& key) {
  const auto entry = making_.find(key);
  if (entry == making_.end()) return;
  const bool runs = !entry->second.told && !entry->second.fenced && !entry->second.held;
  if (runs) return fence(entry->second);  // first it must have stopped
  if (!entry->second.offered.empty()) caf::anon_send(port_, OfferBlobs{std::move(entry->second.offered), true});
  caf::anon_send_exit(entry->second.actor, caf::exit_reason::user_shutdown);
  making_.erase(entry);
  if (making_.empty() && leave_) {
    std::exchange(leave_, {}).answer(true);
    return self_->quit();
  }
  change_certificate();
  end_if_drained();
}

void WorkerActorState::on_said(const AttemptSaid& message) {
  if (welcomed_) sink_.send(frame_of(FrameKind::progress, remote::Said{message.key, message.text}));
}

void WorkerActorState::on_line(const LineSaid& message) {
  if (welcomed_) sink_.send(frame_of(FrameKind::log, remote::Line{message.text}));
}

}  // namespace hillstar::actors
