// SPDX-License-Identifier: Apache-2.0
// Workers come, go and are told things. What they make: worker_attempts.cpp.
#include "actors/remote/worker_directory.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <utility>

#include "actors/job.hpp"
#include "actors/remote/admission.hpp"
#include "actors/remote/orders.hpp"
#include "actors/remote/placed_node.hpp"

namespace hillstar::actors {
WorkerDirectoryState::~WorkerDirectoryState() {
  slurm_stop_->set();
  if (slurm_) caf::anon_send_exit(slurm_, caf::exit_reason::user_shutdown);
  for (auto& [who, worker] : workers_) {
    tell_kept(worker);
    worker.sink.close();
    caf::anon_send_exit(worker.port, caf::exit_reason::user_shutdown);
  }
}

void WorkerDirectoryState::open(WorkerDirectoryParts parts) {
  parts_ = std::move(parts);
  adopt_until_ = now() + parts_.lost_after;
}

void WorkerDirectoryState::arm() {
  if (std::exchange(ticking_, true)) return;
  caf::delayed_anon_send(WorkerDirectory(self_), kWorkersTick, WorkersTick{});
}

void WorkerDirectoryState::on_tick() {
  ticking_ = false;
  const auto now = this->now();
  std::vector<std::pair<std::string, std::string>> gone;
  for (auto& [who, worker] : workers_) {
    const auto silent = std::chrono::duration_cast<Millis>(now - worker.heard);
    if (!worker.index && silent > kReconnectTime)
      gone.emplace_back(who, "its connection ended");
    else if (worker.index && silent > parts_.lost_after * (worker.rests && worker.making == 0 ? kIdleTimes : 1))
      gone.emplace_back(who, "it was not heard of for " + std::to_string(silent.count()) + " ms");
  }
  for (const auto& [who, why] : gone) lose(who, why);
  look_at_waiting(now);
  look_at_strangers(now);
  if (!workers_.empty() || !placed_.empty() || !strangers_.empty() || !lines_.empty()) arm();
}

void WorkerDirectoryState::look_at_strangers(Moment now) {
  for (auto entry = strangers_.begin(); entry != strangers_.end();) {
    const auto& [up, since] = entry->second;
    if (now - since < kHelloTime) {
      ++entry;
      continue;
    }
    say(up.peer.name, "warning: worker " + up.peer.name + " (" + up.peer.address + ") did not say hello in time");
    up.sink.close();
    entry = strangers_.erase(entry);
  }
  for (auto entry = lines_.begin(); entry != lines_.end();) {
    entry = end_window(entry->first, entry->second, now) ? lines_.erase(entry) : std::next(entry);
  }
}

// -- connections ----------------------------------------------------------------------------------------

void WorkerDirectoryState::on_up(const wire::PeerUp& message) {
  const auto is_the_same = [&](const auto& item) {
    return item.second.up.peer.fingerprint == message.peer.fingerprint;
  };
  if (static_cast<std::size_t>(std::count_if(strangers_.begin(), strangers_.end(), is_the_same)) >= kStrangersMax) {
    say(message.peer.name, "warning: worker " + message.peer.name + " has too many connections that say nothing");
    return message.sink.close();
  }
  strangers_[message.peer.id] = {message, now()};
  arm();
}

/// Whether the time is over in which lines are counted; what was left out of it is told.
bool WorkerDirectoryState::end_window(const std::string& who, const LineLimit& limit, Moment now) const {
  const auto left_out = limit.left_out(now);
  if (left_out && *left_out > 0)
    parts_.services->log("worker " + who + ": and " + std::to_string(*left_out) + " lines more");
  return left_out.has_value();
}

/// What one worker is the reason of, so that it cannot fill the log.
void WorkerDirectoryState::say(const std::string& who, const std::string& line) {
  auto& limit = lines_[who];
  const auto time = now();
  // One that never pauses is told of, too.
  end_window(who, limit, time);
  if (limit.may_say(time)) parts_.services->log(line);
  arm();
}

void WorkerDirectoryState::on_down(const wire::PeerDown& message) {
  strangers_.erase(message.peer);
  auto* worker = worker_of(message.peer);
  names_.erase(message.peer);
  if (worker == nullptr) return;
  say(worker->peer.name, "warning: worker " + worker->peer.name + " is away: " + to_string(message.reason));
  go_away(*worker);
}

WorkerDirectoryState::Worker* WorkerDirectoryState::worker_of(std::uint64_t peer) {
  const auto known = names_.find(peer);
  if (known == names_.end()) return nullptr;
  const auto worker = workers_.find(known->second);
  return worker != workers_.end() && worker->second.peer.id == peer ? &worker->second : nullptr;
}

placement::Machine& WorkerDirectoryState::machine_of(Worker& worker) {
  return worker.index ? machines_[*worker.index] : worker.machine;
}

void WorkerDirectoryState::go_away(Worker& worker) {
  if (!worker.index) return;
  const auto index = *worker.index;
  worker.machine = std::move(machines_[index]);
  worker.index.reset();
  worker.heard = now();
  worker.unproved.clear();  // it names them again
  worker.kept.clear();
  if (index + 1 != machines_.size()) {
    machines_[index] = std::move(machines_.back());
    workers_.at(machines_[index].name).index = index;
  }
  machines_.pop_back();
  caf::anon_send(worker.port, PortDown{});
}

std::optional<remote::Refused> WorkerDirectoryState::refusal_of(const wire::Peer& peer,
                                                                const remote::Hello& hello) const {
  const auto& services = *parts_.services;
  if (auto refused = actors::refusal_of(hello, services.version, services.clock->utc_now())) return refused;
  const auto known = workers_.find(peer.name);
  // Nobody else knows the session of a process: it comes back with a renewed certificate.
  if (known != workers_.end() && known->second.index && known->second.peer.fingerprint != peer.fingerprint &&
      known->second.session != hello.session)
    return remote::Refused{"another worker of the name " + peer.name + " is there, with another certificate",
                           "Issue a certificate with a name of its own, or end the other worker.", false};
  return std::nullopt;
}

void WorkerDirectoryState::welcome(const wire::PeerUp& up, const remote::Hello& hello) {
  const auto& services = *parts_.services;
  if (auto refused = refusal_of(up.peer, hello)) {
    say(up.peer.name, "warning: worker " + up.peer.name + " (" + up.peer.address + ") is refused: " + refused->reason);
    up.sink.send(frame_of(FrameKind::refused, *refused));
    up.sink.close();
    return;
  }
  const auto& who = up.peer.name;
  // The same certificate with another process behind it: what the one before made died with it.
  if (const auto known = workers_.find(who); known != workers_.end() && known->second.session != hello.session)
    lose(who, "it was started anew");
  auto& worker = workers_[who];
  if (worker.index) {  // the old connection is dead, and nobody has noticed yet
    worker.sink.close();
    names_.erase(worker.peer.id);
    go_away(worker);
  }
  if (!worker.port) worker.port = self_->home_system().spawn(blob_port, BlobPortParts{services.store, parts_.alive});
  worker.peer = up.peer;
  worker.sink = up.sink;
  worker.session = hello.session;
  worker.program = hello.program;
  worker.protocol = std::min<std::uint32_t>(kProtocol, hello.protocol);
  worker.rests = worker.protocol >= kProtocolRest;
  worker.heard = now();
  worker.seen = services.clock->utc_now();
  worker.machine.name = who;
  worker.machine.labels = hello.labels;
  worker.machine.slots = hello.slots;
  worker.machine.draining = hello.draining;
  worker.machine.cordoned = cordoned_.contains(who);
  worker.index = machines_.size();
  machines_.push_back(std::move(worker.machine));
  names_[up.peer.id] = who;
  remote::Welcome words{worker.protocol, services.version, {}, {}, {}};
  words.beat = parts_.lost_after / 5;
  words.grace = parts_.lost_after * 4 / 5;
  if (worker.rests) words.idle_beat = words.beat * kIdleTimes;
  worker.sink.send(frame_of(FrameKind::welcome, words));
  caf::anon_send(worker.port, PortUp{worker.sink});
  say(who, "worker " + who + " (" + up.peer.address + ") has joined with " + std::to_string(hello.slots) + " slots");
  take_back(worker, hello);
  arm();
  place_all();
}

void WorkerDirectoryState::lose(const std::string& who, const std::string& why) {
  const auto entry = workers_.find(who);
  if (entry == workers_.end()) return;
  auto& worker = entry->second;
  say(who, "warning: worker " + who + " is gone: " + why);
  worker.sink.close();
  names_.erase(worker.peer.id);
  go_away(worker);
  std::vector<std::string> lost;
  for (const auto& [key, placed] : placed_)
    if (placed.worker == who) lost.push_back(key);
  for (const auto& key : lost) {
    auto& placed = placed_.at(key);
    AttemptLost outcome{placed.what->job->parts().ref, {}, {}};
    outcome.made_by = made_by(placed);
    if (placed.stage != Stage::ended) end(placed, std::move(outcome));
    placed_.erase(key);
  }
  std::erase_if(unclaimed_, [&](const auto& item) { return item.second == who; });
  caf::anon_send_exit(worker.port, caf::exit_reason::user_shutdown);
  workers_.erase(entry);
}

void WorkerDirectoryState::on_frame(wire::PeerFrame& message) {
  if (const auto stranger = strangers_.find(message.peer); stranger != strangers_.end()) {
    const auto up = std::move(stranger->second.up);
    strangers_.erase(stranger);
    const auto hello = message.frame.kind == FrameKind::hello
                           ? body_of<remote::Hello>(message)
                           : Error{Errc::host_protocol, "it does not begin with hello"};
    if (hello) return welcome(up, *hello);
    say(up.peer.name, "warning: worker " + up.peer.name + ": " + plain(to_string(hello.error())));
    return up.sink.close();
  }
  auto* worker = worker_of(message.peer);
  if (worker == nullptr) return;
  switch (message.frame.kind) {
    case FrameKind::beat:
      if (const auto beat = body_of<remote::Beat>(message)) {
        worker->heard = now();
        worker->seen = parts_.services->clock->utc_now();
        worker->beat = *beat;
        return worker->sink.send(frame_of(FrameKind::beat_seen, remote::Beat{beat->number, 0, 0, 0, 0}));
      }
      break;
    case FrameKind::outcome:
      return on_outcome(*worker, message);
    case FrameKind::claims:
      if (const auto shown = body_of<remote::Claims>(message)) return on_claims(*worker, *shown);
      break;
    case FrameKind::progress:
      if (const auto said = body_of<remote::Said>(message)) {
        const auto placed = placed_.find(said->key);
        if (placed == placed_.end() || placed->second.worker != worker->peer.name || !placed->second.live) return;
        return placed->second.live->say(placed->second.what->attempt.run->redactor.redact(said->text));
      }
      break;
    case FrameKind::renew:
      if (const auto asked = body_of<remote::RenewAsked>(message)) return on_renew(*worker, *asked);
      break;
    case FrameKind::blob_want:
    case FrameKind::blob_chunk:
    case FrameKind::blob_none:
      return caf::anon_send(worker->port, BlobFrame{std::move(message.frame), message.room});
    case FrameKind::drain:
      machine_of(*worker).draining = true;
      return;
    case FrameKind::log:
      if (const auto line = body_of<remote::Line>(message))
        return say(worker->peer.name, "worker " + worker->peer.name + ": " + plain(line->text));
      break;
    default:
      break;
  }
  // No honest worker says that.
  break_off(*worker, "a frame that cannot be read");
}

void WorkerDirectoryState::break_off(Worker& worker, const std::string& what) {
  say(worker.peer.name, "warning: worker " + worker.peer.name + " sent " + what + "; its connection ends");
  // Nothing that it has sent besides is heard.
  names_.erase(worker.peer.id);
  worker.sink.close();
  go_away(worker);
}

// -- people ---------------------------------------------------------------------------------------------

void WorkerDirectoryState::on_list(const ListWorkers& message) const {
  std::vector<WorkerStatus> rows;
  for (const auto& [who, worker] : workers_) {
    const auto& machine = worker.index ? machines_[*worker.index] : worker.machine;
    WorkerStatus row;
    row.name = who;
    row.fingerprint = worker.peer.fingerprint;
    row.address = worker.peer.address;
    row.program = worker.program;
    row.labels = machine.labels;
    row.slots = machine.slots;
    row.used = machine.used;
    for (const auto& [key, placed] : placed_)
      if (placed.worker == who && placed.stage != Stage::ended) row.attempts.push_back(key);
    std::sort(row.attempts.begin(), row.attempts.end());
    row.connected = worker.index.has_value();
    row.cordoned = machine.cordoned;
    row.draining = machine.draining;
    row.last_seen = worker.seen;
    row.load_percent = worker.beat.load_percent;
    row.memory_free_bytes = worker.beat.memory_free_bytes;
    row.disk_free_bytes = worker.beat.disk_free_bytes;
    rows.push_back(std::move(row));
  }
  message.reply.answer(std::move(rows));
}

void WorkerDirectoryState::on_tell(const TellWorker& message) {
  const auto entry = workers_.find(message.name);
  if (entry == workers_.end())
    return message.reply.answer(Error{Errc::not_found, "There is no worker of this name.", message.name,
                                      "`hillstar-actors workers ls` lists them."});
  auto& worker = entry->second;
  auto& machine = machine_of(worker);
  if (message.change == WorkerChange::drain) {
    machine.draining = true;
    worker.sink.send(frame_of(FrameKind::drain, remote::Line{}));
  } else {
    machine.cordoned = message.change == WorkerChange::cordon;
    if (machine.cordoned)
      cordoned_.insert(message.name);
    else
      cordoned_.erase(message.name);
    place_all();
  }
  message.reply.answer(true);
}

WorkerDirectory::behavior_type worker_directory(WorkerDirectory::stateful_pointer<WorkerDirectoryState> self,
                                                WorkerDirectoryParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](const PlaceAttempt& message) { self->state.on_place(message); },
          [self](const WithdrawPlaced& message) { self->state.on_withdraw(message); },
          [self](const AttemptKept& message) { self->state.on_kept(message); },
          [self](const ReportHere& message) { self->state.on_report_here(message); },
          [self](const ListWorkers& message) { self->state.on_list(message); },
          [self](const TellWorker& message) { self->state.on_tell(message); },
          [self](const WorkersTick&) { self->state.on_tick(); },
          [self](const KeptDue&) { self->state.on_kept_due(); },
          [self](const UseClaimKey& message) { self->state.on_claim_key(message); },
          [self](const UseAuthority& message) { self->state.on_authority(message); },
          [self](const CertificateMade& message) { self->state.on_certificate_made(message); },
          [self](const wire::PeerUp& message) { self->state.on_up(message); },
          [self](wire::PeerFrame& message) { self->state.on_frame(message); },
          [self](const wire::PeerDown& message) { self->state.on_down(message); }};
}

}  // namespace hillstar::actors
