// SPDX-License-Identifier: Apache-2.0
// Attempts that workers make: waiting, sent, adopted, ended. The other half of WorkerDirectoryState.
#include <algorithm>
#include <caf/send.hpp>
#include <utility>

#include "actors/job.hpp"
#include "actors/remote/orders.hpp"
#include "actors/remote/own_thread.hpp"
#include "actors/remote/placed_node.hpp"
#include "actors/remote/worker_directory.hpp"
#include "runtime/tools/file_patterns.hpp"

namespace hillstar::actors {
namespace {

AttemptFailed failed(const PlacedAttempt& what, FailureClass kind, const Error& error) {
  return {what.job->parts().ref, Failure{kind, to_string(error), {}}, {}, {}};
}

/// A worker may bring back what the node names, and nothing else.
Result<void> check_files(const PlacedAttempt& what, const remote::Report& report) {
  for (const auto& file : report.files) {
    if (!tools::names_file(what.attempt.node->files_out, file.path))
      return Error{Errc::host_protocol, "the worker brings a file that 'files_out' does not name", plain(file.path)};
    if (file.bytes > kFileBytesMax)
      return Error{Errc::host_protocol, "the worker brings a file of " + std::to_string(file.bytes) + " bytes",
                   plain(file.path)};
  }
  std::uint64_t total = 0;
  for (const auto& blob : blobs_of(report)) total += std::min(blob.bytes, kBlobBytesMax + 1);
  if (total > kReportBlobsMax)
    return Error{Errc::output_limit,
                 "the end of the attempt brings more than " + std::to_string(kReportBlobsMax >> 30U) + " GiB",
                 {},
                 "Leave files out of 'files_out'."};
  return {};
}

Result<remote::Report> report_in(const persistence::EventStore& store, const std::string& sha256) {
  HILLSTAR_TRY(const auto text, store.read_blob(sha256));
  HILLSTAR_TRY(const auto tree, json::parse(text));
  return json::read<remote::Report>(tree);
}

}  // namespace

void WorkerDirectoryState::on_place(const PlaceAttempt& message) {
  const auto& what = message.placed;
  if (what->attempt.node->placement->slurm) return caf::anon_send(slurm(), message);
  if (!parts_.takes_workers)
    return what->job->answer(failed(*what, FailureClass::invalid_input,
                                    {Errc::placement_impossible, "This process takes no workers.", what->key,
                                     "Start it with --workers ADDRESS:PORT."}));
  const bool known = placed_.contains(what->key);
  auto& placed = placed_[what->key];
  placed.what = what;
  placed.since = now();
  arm();
  if (known) {
    // The run's actor died and asks again; an end that it has not seen is said again by the worker.
    if (const auto worker = workers_.find(placed.worker); placed.stage == Stage::ended && worker != workers_.end())
      adopt(placed, worker->second);
    return;
  }
  if (!what->attempt.command.resumes) return enqueue(placed);
  const auto unclaimed = unclaimed_.find(what->key);
  placed.stage = Stage::adopting;
  if (unclaimed == unclaimed_.end()) return;
  const auto worker = workers_.find(unclaimed->second);
  unclaimed_.erase(unclaimed);
  if (worker != workers_.end()) adopt(placed, worker->second);
}

SlurmDirectory& WorkerDirectoryState::slurm() {
  if (!slurm_)
    slurm_ = spawn_blocking(self_->home_system(), parts_.services->own_threads, slurm_directory,
                            SlurmDirectoryParts{parts_.services, slurm_stop_, parts_.alive});
  return slurm_;
}

void WorkerDirectoryState::enqueue(Placed& placed) {
  const auto ticket = queue_.add(wish_of(placed), placed.what->attempt.run->priority);
  if (!ticket) {
    end(placed, failed(*placed.what, FailureClass::overloaded,
                       {Errc::placement_impossible, "too many attempts wait for a machine", placed.what->key, {}}));
    placed_.erase(std::string(placed.what->key));
    return;
  }
  placed.stage = Stage::waiting;
  placed.ticket = *ticket;
  tickets_[*ticket] = placed.what->key;
  place_all();
}

placement::Wish WorkerDirectoryState::wish_of(const Placed& placed) const {
  placement::Wish wish;
  wish.placement = *placed.what->attempt.node->placement;
  wish.run = placed.what->attempt.run->run;
  for (const auto& file : placed.what->files) wish.inputs.emplace_back(file.sha256, file.bytes);
  for (const auto& binding : placed.what->attempt.command.bindings)
    for (const auto& blob : binding.result.blobs) wish.inputs.emplace_back(blob.sha256, blob.bytes);
  return wish;
}

MadeBy WorkerDirectoryState::made_by(const Placed& placed) const {
  MadeBy made{placed.worker, {}, {}};
  if (const auto worker = workers_.find(placed.worker); worker != workers_.end())
    made.fingerprint = worker->second.peer.fingerprint;
  return made;
}

void WorkerDirectoryState::place_all() {
  if (queue_.empty() || machines_.empty()) return;
  for (const auto& turn : queue_.place(machines_)) {
    const auto key = tickets_.extract(turn.ticket);
    if (key.empty()) continue;
    begin(placed_.at(key.mapped()), workers_.at(machines_[turn.machine].name));
  }
}

void WorkerDirectoryState::begin(Placed& placed, Worker& worker) {
  if (worker.making++ == 0) worker.heard = now();
  placed.worker = worker.peer.name;
  placed.stage = Stage::running;
  send(placed, worker);
}

void WorkerDirectoryState::send(Placed& placed, Worker& worker) {
  const auto& services = *parts_.services;
  const auto& what = *placed.what;
  const auto& ref = what.job->parts().ref;
  placed.live = std::make_unique<LiveOutput>(
      services.gate, services.feed,
      Progress{RunId(what.attempt.run->run), what.attempt.node->id, ref.item, ref.attempt, {}});
  remote::AttemptSent sent{what.key, order_of(what.attempt, services.clock->utc_now(), what.files), {}, {}};
  for (const auto& blob : blobs_of(*sent.order)) placed.offered.push_back(blob.sha256);
  if (worker.protocol >= kProtocolClaims && !claim_key_.empty())
    sent.claim = claim_of(claim_key_, what.key, owner_of(worker));
  auto frame = frame_of(FrameKind::attempt, sent);
  if (frame.json.size() > kFrameOrderMax) {
    auto sha256 = services.store->put_blob(json::to_text(*sent.order));
    if (!sha256) return end(placed, failed(what, FailureClass::io, sha256.error()));
    placed.offered.push_back(*sha256);
    sent.order.reset();
    sent.order_sha256 = *std::move(sha256);
    frame = frame_of(FrameKind::attempt, sent);
  }
  if (!placed.offered.empty()) caf::anon_send(worker.port, OfferBlobs{placed.offered});
  worker.sink.send(std::move(frame));
}

// -- ends -------------------------------------------------------------------------------------------------

void WorkerDirectoryState::on_outcome(Worker& worker, const wire::PeerFrame& message) {
  const auto key = key_in(message);
  if (!key) return break_off(worker, "an end that cannot be read");
  const auto entry = placed_.find(*key);
  if (entry == placed_.end() || entry->second.worker != worker.peer.name) {
    const auto unclaimed = unclaimed_.find(*key);
    if (unclaimed == unclaimed_.end() || unclaimed->second != worker.peer.name) forget(*key, worker);
    return;
  }
  if (entry->second.stage != Stage::running) return;  // said again
  entry->second.stage = Stage::reported;
  auto told = body_of<remote::OutcomeTold>(message);
  if (!told) return take_report(*key, told.error());
  if (told->report.has_value() == told->report_sha256.has_value())
    return take_report(*key, Error{Errc::host_protocol, "the end of an attempt without a report, or with two", *key});
  if (told->report) return take_report(*key, *std::move(told->report));
  caf::anon_send(worker.port, FetchBlobs{{{"", kReportMax, false, *told->report_sha256}},
                                         [self = WorkerDirectory(self_), key = *key, store = parts_.services->store,
                                          sha256 = *told->report_sha256](const Result<bool>& here) {
                                           auto report = here ? report_in(*store, sha256) : here.error();
                                           ReportHere found{key, nullptr, {}};
                                           if (report)
                                             found.told = *std::move(report);
                                           else
                                             found.error = report.error();
                                           caf::anon_send(self, std::move(found));
                                         }});
}

void WorkerDirectoryState::take_report(const std::string& key, Result<remote::Report> report) {
  const auto refuse = [&](const Error& error) { on_report_here({key, nullptr, error}); };
  if (!report) return refuse(report.error());
  const auto& placed = placed_.at(key);
  if (const auto fits = check_files(*placed.what, *report); !fits) return refuse(fits.error());
  auto blobs = blobs_of(*report);
  fetch(key, std::move(blobs), std::make_shared<const remote::Report>(std::move(*report)));
}

void WorkerDirectoryState::fetch(const std::string& key, std::vector<BlobRef> blobs,
                                 std::shared_ptr<const remote::Report> report) {
  if (blobs.empty()) return on_report_here({key, std::move(report), {}});
  const auto& placed = placed_.at(key);
  const bool writes = report->ending == remote::Ending::succeeded && !report->files.empty();
  auto done = [self = WorkerDirectory(self_), key, report, writes, store = parts_.services->store,
               folder = placed.what->attempt.run->workspace, alive = parts_.alive,
               system = &self_->home_system()](const Result<bool>& here) {
    if (!here) return caf::anon_send(self, ReportHere{key, nullptr, here.error()});
    if (!writes) return caf::anon_send(self, ReportHere{key, report, {}});
    // Disks are waited for elsewhere.
    on_own_thread(*system, [self, key, report, store, folder, alive] {
      const auto written = write_files(folder, report->files, *store);
      caf::anon_send(self, written ? ReportHere{key, report, {}} : ReportHere{key, nullptr, written.error()});
    });
  };
  caf::anon_send(workers_.at(placed.worker).port, FetchBlobs{std::move(blobs), std::move(done)});
}

void WorkerDirectoryState::on_report_here(const ReportHere& message) {
  const auto entry = placed_.find(message.key);
  if (entry == placed_.end() || entry->second.stage != Stage::reported) return;
  if (message.told) return take_report(message.key, *message.told);
  auto& placed = entry->second;
  const auto& ref = placed.what->job->parts().ref;
  auto outcome =
      message.error ? Result<NodeOutcome>(*message.error) : outcome_of(*message.report, ref, made_by(placed));
  if (outcome) {
    mask(*outcome, placed.what->attempt.run->redactor);
    return end(placed, std::move(*outcome));
  }
  auto broken = failed(*placed.what, FailureClass::io, outcome.error());
  broken.made_by = made_by(placed);
  end(placed, std::move(broken));
}

void WorkerDirectoryState::end(Placed& placed, NodeOutcome outcome) {
  if (placed.live) placed.live->end();
  placed.live.reset();
  placed.what->job->answer(std::move(outcome), self_->context());
  release(placed);
  placed.stage = Stage::ended;
  placed.since = now();
  place_all();
}

void WorkerDirectoryState::release(Placed& placed) {
  const auto entry = workers_.find(placed.worker);
  if (entry == workers_.end()) return;
  --entry->second.making;
  const auto& attempt = placed.what->attempt;
  placement::give_back(machine_of(entry->second), attempt.run->run, attempt.node->placement->slots);
  if (!placed.offered.empty()) caf::anon_send(entry->second.port, OfferBlobs{std::move(placed.offered), true});
  placed.offered.clear();
}

void WorkerDirectoryState::on_kept(const AttemptKept& message) {
  const auto entry = placed_.find(message.key);
  if (entry == placed_.end() && slurm_) return caf::anon_send(slurm_, message);
  if (entry == placed_.end() || entry->second.stage != Stage::ended) return;
  if (const auto worker = workers_.find(entry->second.worker); worker != workers_.end())
    confirm(message.key, worker->second);
  placed_.erase(entry);
}

/// Its end is not wanted any more.
void WorkerDirectoryState::forget(const std::string& key, Worker& worker) {
  worker.sink.send(frame_of(FrameKind::cancel, remote::AttemptNamed{key, true}));
  worker.sink.send(frame_of(FrameKind::outcome_kept, remote::AttemptNamed{key, true}));
}

/// The worker waits for it with nothing but its memory: what it is to make next goes first.
void WorkerDirectoryState::confirm(const std::string& key, Worker& worker) {
  if (!worker.index) return;
  worker.kept.push_back(key);
  if (worker.kept.size() >= kKeptTogether) return tell_kept(worker);
  if (!std::exchange(kept_due_, true)) caf::delayed_anon_send(WorkerDirectory(self_), kKeptToldAfter, KeptDue{});
}

void WorkerDirectoryState::on_kept_due() {
  kept_due_ = false;
  for (auto& [who, worker] : workers_) tell_kept(worker);
}

void WorkerDirectoryState::tell_kept(Worker& worker) {
  auto keys = std::exchange(worker.kept, {});
  if (keys.empty()) return;
  if (worker.protocol >= kProtocolKept)
    return worker.sink.send(frame_of(FrameKind::ends_kept, remote::EndsKept{std::move(keys)}));
  for (const auto& key : keys) worker.sink.send(frame_of(FrameKind::outcome_kept, remote::AttemptNamed{key, false}));
}

void WorkerDirectoryState::on_withdraw(const WithdrawPlaced& message) {
  const auto entry = placed_.find(message.key);
  if (entry == placed_.end()) {
    if (slurm_) caf::anon_send(slurm_, message);
    return;
  }
  auto& placed = entry->second;
  const auto& ref = placed.what->job->parts().ref;
  if (placed.stage == Stage::running && message.why == Halt::leave) {
    // The next host asks for it: its end is confirmed by that one.
    placed.what->job->answer(AttemptCancelled{ref});
    placed.stage = Stage::ended;
    placed.since = now();
    return;
  }
  if (placed.stage == Stage::waiting || placed.stage == Stage::adopting) {
    if (placed.stage == Stage::waiting) {
      queue_.remove(placed.ticket);
      tickets_.erase(placed.ticket);
    }
    placed.what->job->answer(AttemptCancelled{ref, placed.stage == Stage::waiting});
    placed_.erase(entry);
    return place_all();
  }
  const auto worker = workers_.find(placed.worker);
  if (placed.stage == Stage::running && worker != workers_.end())
    worker->second.sink.send(frame_of(FrameKind::cancel, remote::AttemptNamed{message.key, false}));
}

// -- time -------------------------------------------------------------------------------------------------

void WorkerDirectoryState::look_at_waiting(Moment now) {
  if (now >= adopt_until_)
    for (const auto& [key, who] : std::exchange(unclaimed_, {}))
      if (const auto worker = workers_.find(who); worker != workers_.end()) forget(key, worker->second);
  for (auto& [who, worker] : workers_)
    if (now >= adopt_until_) refuse_unproved(worker, "it has not shown them in time");
  std::vector<std::string> over;
  bool waits = false;
  for (const auto& [key, placed] : placed_) {
    const auto limit = placed.what->job->parts().queue_timeout;
    const auto age = now - placed.since;
    waits = waits || (placed.stage == Stage::waiting && age >= kPlaceToldAfter);
    if ((placed.stage == Stage::ended && age > kForgetAfter) ||
        (placed.stage == Stage::adopting && now >= adopt_until_) ||
        (placed.stage == Stage::waiting && limit && age > *limit))
      over.push_back(key);
  }
  if (waits) {
    for (const auto& held : queue_.held(machines_)) {
      auto& placed = placed_.at(tickets_.at(held.ticket));
      auto why = held.why.sentence();
      if (now - placed.since < kPlaceToldAfter || placed.told == held.why.why) continue;
      placed.told = held.why.why;
      caf::anon_send(placed.what->job->parts().node, PlaceMissing{placed.what->job->parts().ref, std::move(why)});
    }
  }
  for (const auto& key : over) {
    auto& placed = placed_.at(key);
    if (placed.stage == Stage::ended) {
      on_kept({key});
    } else if (placed.stage == Stage::adopting) {
      placed.what->job->answer(AttemptLost{placed.what->job->parts().ref, {}, {}});
      placed_.erase(key);
    } else {
      auto failure = no_slot_within(placed.what->job->parts().queue_timeout);
      if (!placed.told.empty()) failure.message += ": " + placed.told;
      queue_.remove(placed.ticket);
      tickets_.erase(placed.ticket);
      placed.what->job->answer(AttemptFailed{placed.what->job->parts().ref, std::move(failure), {}, {}});
      placed_.erase(key);
    }
  }
}

}  // namespace hillstar::actors
