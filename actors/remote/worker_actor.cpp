// SPDX-License-Identifier: Apache-2.0
// Connection and time; what it makes: worker_actor_attempts.cpp.
#include "actors/remote/worker_actor.hpp"

#include <sys/sysinfo.h>

#include <algorithm>
#include <caf/send.hpp>
#include <cstdlib>
#include <utility>

#include "actors/engine_defaults.hpp"
#include "actors/remote/orders.hpp"
#include "runtime/platform/disk_space.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/platform/random.hpp"

namespace hillstar::actors {
namespace {

remote::Beat measure(std::uint64_t number, std::size_t attempts, const std::string& folder) {
  remote::Beat beat;
  beat.number = number;
  beat.attempts = static_cast<std::uint32_t>(attempts);
  double load = 0;
  if (::getloadavg(&load, 1) == 1) beat.load_percent = static_cast<std::uint32_t>(load * 100 / cores());
  struct sysinfo facts {};
  if (::sysinfo(&facts) == 0) beat.memory_free_bytes = std::uint64_t{facts.freeram} * facts.mem_unit;
  beat.disk_free_bytes = free_bytes(folder).value_or(0);
  return beat;
}

std::string new_session() { return sha256_hex(random_bytes(32)).substr(0, 32); }

}  // namespace

WorkerActorState::~WorkerActorState() {
  sink_.close();
  for (auto& [key, making] : making_) caf::anon_send_exit(making.actor, caf::exit_reason::kill);
  caf::anon_send_exit(port_, caf::exit_reason::user_shutdown);
  if (keeper_) caf::anon_send_exit(keeper_, caf::exit_reason::user_shutdown);
}

void WorkerActorState::open(WorkerActorParts parts) {
  parts_ = std::move(parts);
  session_ = new_session();
  port_ = self_->home_system().spawn(blob_port, BlobPortParts{parts_.services->store, parts_.alive});
  if (!parts_.options.identity.empty())
    keeper_ = self_->home_system().spawn<caf::detached>(
        certificate_keeper,
        CertificateKeeperParts{parts_.options.identity, parts_.services,
                               [self = WorkerActor(self_)] { caf::anon_send(self, CertificateRenewed{}); },
                               parts_.alive});
  on_redial();
  on_tick();
}

// -- the connection -------------------------------------------------------------------------------------

void WorkerActorState::on_redial() {
  if (ended_) return;
  const auto& options = parts_.options;
  wire::DialOptions dial;
  dial.host = options.host;
  dial.port = options.port;
  dial.credentials = {options.certificate, options.key, options.authority, options.revocation};
  wire::dial(self_->home_system(), std::move(dial), wire::Owner(WorkerActor(self_)));
}

void WorkerActorState::on_up(const wire::PeerUp& message) {
  if (ended_) return message.sink.close();
  sink_ = message.sink;
  peer_ = message.peer.id;
  welcomed_ = false;
  renewed_ = false;
  const auto& options = parts_.options;
  remote::Hello hello;
  hello.protocol = kProtocol;
  hello.oldest = kProtocolOldest;
  hello.program = parts_.services->version;
  hello.session = session_;
  hello.labels = options.labels;
  hello.slots = options.slots;
  hello.clock = parts_.services->clock->utc_now();
  hello.draining = draining_;
  for (const auto& [key, making] : making_)
    if (!making.fenced) hello.attempts.push_back(key);
  hello_at_ = now();
  sink_.send(frame_of(FrameKind::hello, hello));
}

void WorkerActorState::on_down(const wire::PeerDown& message) {
  if (ended_ || (message.peer != 0 && message.peer != peer_)) return;
  const auto why = to_string(message.reason);
  const bool is_wanted = std::exchange(changing_, false);
  if (why != told_ && !is_wanted)
    parts_.services->log("warning: no connection to " + parts_.options.host + ":" +
                         std::to_string(parts_.options.port) + " (" + why + "); trying again");
  told_ = why;
  // One that ends as soon as it begins is not asked for at once again.
  if (welcomed_ && now() - welcomed_at_ > kRedialMax) wait_ = kRedialFirst;
  welcomed_ = false;
  asked_ = false;
  peer_ = 0;
  sink_ = {};
  caf::anon_send(port_, PortDown{});
  if (keeper_) caf::anon_send(keeper_, KeeperDown{});
  std::erase_if(making_, [](const auto& item) { return item.second.held.has_value(); });  // the host sends them again
  caf::delayed_anon_send(WorkerActor(self_), wait_, Redial{});
  wait_ = std::min(wait_ * 2, kRedialMax);
}

void WorkerActorState::on_renewed() {
  renewed_ = true;
  change_certificate();
}

/// With the next connection: now, if nothing is under way; else when that has ended, or the old one does.
void WorkerActorState::change_certificate() {
  if (!welcomed_ || !making_.empty() || !std::exchange(renewed_, false)) return;
  changing_ = true;
  sink_.close();
}

void WorkerActorState::on_frame(wire::PeerFrame& message) {
  if (ended_ || message.peer != peer_) return;
  switch (message.frame.kind) {
    case FrameKind::welcome:
      if (const auto words = body_of<remote::Welcome>(message); words && !welcomed_) {
        words_ = *words;
        welcomed_ = true;
        welcomed_at_ = now();
        trusted_ = hello_at_;  // the host may have heard of it no later
        unseen_.clear();
        parts_.services->log("joined " + parts_.options.host + ":" + std::to_string(parts_.options.port));
        caf::anon_send(port_, PortUp{sink_});
        if (keeper_) caf::anon_send(keeper_, KeeperUp{sink_, words_.protocol});
        if (words_.protocol >= kProtocolClaims) show_claims();
        beat(now());
        for (auto& [key, making] : making_)
          if (making.told) say(making);
      }
      return;
    case FrameKind::refused:
      if (const auto refused = body_of<remote::Refused>(message)) {
        const Error error{Errc::worker_refused, "The host does not take this worker: " + refused->reason,
                          parts_.options.host, refused->hint};
        if (refused->for_good) return end(error);
        parts_.services->log("warning: " + to_string(error));
      }
      return;
    case FrameKind::beat_seen:
      if (const auto seen = body_of<remote::Beat>(message)) {
        const auto sent = unseen_.find(seen->number);
        if (sent == unseen_.end()) return;
        trusted_ = std::max(trusted_, sent->second);
        std::erase_if(unseen_, [&](const auto& item) { return item.first <= seen->number; });
        begin_held();
      }
      return;
    case FrameKind::attempt:
      return take(message);
    case FrameKind::cancel:
      if (const auto named = body_of<remote::AttemptNamed>(message)) {
        const auto making = making_.find(named->key);
        if (making == making_.end() || making->second.told) return;
        if (!making->second.held) return caf::anon_send(making->second.actor, StopAttempt{});
        making->second.held.reset();
        on_reported({named->key, std::make_shared<const remote::Report>(report_of(AttemptCancelled{{}, true}))});
      }
      return;
    case FrameKind::outcome_kept:
      if (const auto named = body_of<remote::AttemptNamed>(message)) drop(named->key);
      return;
    case FrameKind::ends_kept:
      if (const auto kept = body_of<remote::EndsKept>(message))
        for (const auto& key : kept->keys) drop(key);
      return;
    case FrameKind::blob_want:
    case FrameKind::blob_chunk:
    case FrameKind::blob_none:
      return caf::anon_send(port_, BlobFrame{std::move(message.frame), message.room});
    case FrameKind::renewed:
      if (auto answer = body_of<remote::Renewed>(message); answer && keeper_)
        caf::anon_send(keeper_, KeeperAnswer{std::move(*answer)});
      return;
    case FrameKind::drain:
      return on_drain();
    default:
      return;
  }
}

// -- time -----------------------------------------------------------------------------------------------

void WorkerActorState::on_tick() {
  if (ended_) return;
  const auto now = this->now();
  look_at_cache();
  if (ended_) return;
  if (welcomed_ && now >= beat_at_) beat(now);
  look_at_lease(now);
  if (welcomed_)
    for (auto& [key, making] : making_)
      if (making.told && now - making.told_at > kSayAgain) say(making);
  caf::delayed_anon_send(WorkerActor(self_), until_look(now), WorkerTick{});
}

void WorkerActorState::look_at_lease(Moment now) {
  if (makes_something() && now >= lease_stops() && trusted_ != Moment{}) {
    const auto ends_by = lease_kills();
    stop_all("the host has not seen this worker for " + std::to_string(words_.grace.count()) + " ms");
    for (auto& [key, making] : making_)
      if (making.fenced && !making.ends_by) making.ends_by = ends_by;
    // What it was given has begun, and is not to be sent to it a second time.
    session_ = new_session();
    sink_.close();  // a connection that carries nothing is none
  }
  for (auto& [key, making] : making_) {
    if (!making.ends_by || now < *making.ends_by) continue;
    caf::anon_send(making.actor, EndAttemptNow{});
    making.ends_by = Moment::max();
  }
}

/// The next tick, or the moment when something must stop.
Millis WorkerActorState::until_look(Moment now) const {
  auto next = now + kWorkerTick;
  if (makes_something() && trusted_ != Moment{}) next = std::min(next, lease_stops());
  for (const auto& [key, making] : making_)
    if (making.ends_by) next = std::min(next, *making.ends_by);
  return std::max(std::chrono::ceil<Millis>(next - now), Millis{1});
}

/// A worker that cannot keep what crosses would fail every attempt, and be free again for the next at once.
void WorkerActorState::look_at_cache() {
  if (broken_) return;
  const auto why = parts_.cache->failure();
  if (!why) return shrink_cache();
  broken_ =
      Error{Errc::worker_workspace, "The worker cannot use its folder any more: " + why->message,
            parts_.options.workspace, "Free some space, or give it another with --workspace DIR; then start it again."};
  parts_.services->log("warning: " + to_string(*broken_));
  on_drain();
  end_if_drained();
}

void WorkerActorState::beat(Moment now) {
  beat_at_ = now + (making_.empty() ? words_.idle_beat.value_or(words_.beat) : words_.beat);
  if (unseen_.size() > 64) unseen_.clear();
  unseen_[++beats_] = now;
  sink_.send(frame_of(FrameKind::beat, measure(beats_, making_.size(), parts_.options.workspace)));
}

void WorkerActorState::stop_all(const std::string& why) {
  std::size_t stopped = 0;
  std::vector<std::string> over;
  for (auto& [key, making] : making_) {
    if (making.told || making.held) {
      over.push_back(key);
    } else if (!making.fenced) {
      ++stopped;
      fence(making);
    }
  }
  for (const auto& key : over) drop(key);
  if (stopped > 0) parts_.services->log("warning: " + std::to_string(stopped) + " attempts are stopped: " + why);
}

void WorkerActorState::shrink_cache() {
  auto& cache = *parts_.cache;
  if (cache.bytes() <= parts_.options.cache_bytes) return;
  auto before = now();
  for (const auto& [key, making] : making_) {
    if (!making.told) before = std::min(before, making.taken);
    for (const auto& sha256 : making.offered)
      (void)cache.has_blob(sha256);  // the host may still ask for it: it is used
  }
  cache.shrink(parts_.options.cache_bytes, std::max(before, now() - kCacheHold));
}

bool WorkerActorState::makes_something() const {
  return std::any_of(making_.begin(), making_.end(),
                     [](const auto& item) { return !item.second.held && !item.second.fenced; });
}

void WorkerActorState::fence(Making& making) {
  making.fenced = true;
  caf::anon_send(making.actor, StopAttempt{});
}

void WorkerActorState::on_drain() {
  if (std::exchange(draining_, true)) return;
  parts_.services->log("draining: " + std::to_string(making_.size()) + " attempts go on to their end");
  if (welcomed_) sink_.send(frame_of(FrameKind::drain, remote::Line{}));
  end_if_drained();
}

void WorkerActorState::end_if_drained() {
  if (draining_ && making_.empty()) end(broken_ ? Result<void>(*broken_) : Result<void>());
}

void WorkerActorState::end(Result<void> how) {
  if (std::exchange(ended_, true)) return;
  sink_.close();
  parts_.ended(std::move(how));
}

void WorkerActorState::on_leave(const LeaveHost& message) {
  ended_ = true;
  sink_.close();
  if (making_.empty()) {
    message.reply.answer(true);
    return self_->quit();
  }
  leave_ = message.reply;
  stop_all("the worker ends");
}

WorkerActor::behavior_type worker_actor(WorkerActor::stateful_pointer<WorkerActorState> self, WorkerActorParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](const wire::PeerUp& message) { self->state.on_up(message); },
          [self](wire::PeerFrame& message) { self->state.on_frame(message); },
          [self](const wire::PeerDown& message) { self->state.on_down(message); },
          [self](const Redial&) { self->state.on_redial(); },
          [self](const WorkerTick&) { self->state.on_tick(); },
          [self](const AttemptReported& message) { self->state.on_reported(message); },
          [self](const AttemptSaid& message) { self->state.on_said(message); },
          [self](const LineSaid& message) { self->state.on_line(message); },
          [self](const CertificateRenewed&) { self->state.on_renewed(); },
          [self](const DrainAsked&) { self->state.on_drain(); },
          [self](const LeaveHost& message) { self->state.on_leave(message); }};
}

}  // namespace hillstar::actors
