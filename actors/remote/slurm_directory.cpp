// SPDX-License-Identifier: Apache-2.0
// Messages and time. What is said to Slurm and what comes of it: slurm_jobs.cpp.
#include "actors/remote/slurm_directory.hpp"

#include <unistd.h>

#include <algorithm>
#include <caf/send.hpp>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "actors/job.hpp"
#include "actors/remote/left_spools.hpp"

namespace hillstar::actors {
namespace {

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) variables.emplace_back(*entry);
  return variables;
}

/// From the hash at the end of the folder's name: the same in every process, and of no other attempt.
std::string name_of_job(const SlurmSpool& spool) {
  return "hs-" + spool.folder().substr(spool.folder().rfind('-') + 1);
}

/// Of the folder of an attempt that this process did not submit: the job that has it, or that was recorded.
std::string recorded_job(const SlurmSpool& spool) {
  const auto is_id = [](const std::optional<std::string>& text) { return text && placement::is_job_id(*text); };
  if (const auto who = spool.claimed_by(); is_id(who)) return *who;
  const auto job = spool.read(kSpoolJob, 64);
  return job && placement::is_job_id(*job) ? *job : std::string();
}

}  // namespace

void SlurmDirectoryState::open(SlurmDirectoryParts parts) {
  parts_ = std::move(parts);
  const auto own = own_environment();
  environment_ = slurm_environment(own);
  constexpr std::string_view kVariable = "HILLSTAR_SLURM_PROGRAM=";
  for (const auto& entry : own)
    if (entry.starts_with(kVariable)) program_ = entry.substr(kVariable.size());
  std::error_code ignored;  // then the program is looked for in PATH of the job
  if (program_.empty()) program_ = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  if (program_.empty()) program_ = "hillstar-actors";
}

void SlurmDirectoryState::arm() {
  if (std::exchange(ticking_, true)) return;
  caf::delayed_anon_send(SlurmDirectory(self_), kSlurmTick, SlurmTick{});
}

SlurmAnswer SlurmDirectoryState::run(const std::vector<std::string>& arguments) {
  return ask_slurm(arguments, environment_, parts_.stop->descriptor());
}

MadeBy SlurmDirectoryState::made_by(const Placed& placed) const {
  MadeBy made{"slurm", {}, {}};
  if (!placed.job.empty()) made.job = placed.job;
  return made;
}

void SlurmDirectoryState::on_place(const PlaceAttempt& message) {
  const auto& what = message.placed;
  arm();
  roots_.try_emplace(slurm_root(*what->attempt.run), false);
  if (what->unwanted) return end_unwanted(*what);
  if (const auto known = placed_.find(what->key); known != placed_.end() && !known->second.stopping) {
    // The run's actor died and asks again: what the job left is still there.
    known->second.what = what;
    if (known->second.stage == Stage::ended) known->second.stage = Stage::sent;
    return;
  }
  placed_.erase(what->key);
  auto& placed =
      placed_.emplace(what->key, Placed(SlurmSpool::of(slurm_root(*what->attempt.run), what->key))).first->second;
  placed.what = what;
  placed.since = placed.try_at = now();
  placed.job_name = name_of_job(placed.spool);
  const auto& ref = what->job->parts().ref;
  placed.live = std::make_unique<LiveOutput>(
      parts_.services->gate, parts_.services->feed,
      Progress{RunId(what->attempt.run->run), what->attempt.node->id, ref.item, ref.attempt, {}});
  placed.said.emplace(what->attempt.run->redactor);
  begin(placed);
  sweep();
}

/// Takes up what a host before this one has begun, or begins.
void SlurmDirectoryState::begin(Placed& placed) {
  if (!placed.spool.exists()) return submit(placed);
  if (!placed.what->attempt.command.resumes || !placed.spool.has(kSpoolOrder)) {
    // Of an attempt that has the same name and was given up; or nothing can have been submitted yet.
    auto old = placed.spool;
    old.put_aside();
    old.remove();
    return submit(placed);
  }
  if (auto job = recorded_job(placed.spool); !job.empty()) {
    found(placed, job);
    return look(placed);
  }
  placed.stage = Stage::unsure;
  find(placed);
}

void SlurmDirectoryState::on_withdraw(const WithdrawPlaced& message) {
  const auto entry = placed_.find(message.key);
  if (entry == placed_.end()) return;
  auto& placed = entry->second;
  if (placed.stage == Stage::ended || placed.stopping) return;
  if (message.why == Halt::leave) {
    // The next host takes it up.
    if (placed.what) placed.what->job->answer(AttemptCancelled{placed.what->job->parts().ref});
    placed_.erase(entry);
    return;
  }
  stop(placed);
  sweep();
}

/// Under way since before this process, perhaps, and its run wants no more of it.
void SlurmDirectoryState::end_unwanted(const PlacedAttempt& what) {
  auto spool = SlurmSpool::of(slurm_root(*what.attempt.run), what.key);
  if (placed_.contains(what.key) || !spool.has(kSpoolOrder)) return;
  auto& placed = placed_.emplace(what.key, Placed(std::move(spool))).first->second;
  placed.job_name = name_of_job(placed.spool);
  placed.job = recorded_job(placed.spool);
  placed.stage = placed.job.empty() ? Stage::unsure : Stage::sent;
  placed.since = now();
  stop(placed);
  sweep();
}

void SlurmDirectoryState::stop(Placed& placed) {
  placed.stopping = true;
  placed.stopped_at = now();
  placed.try_at = now();
  if (const auto written = placed.spool.exists() ? placed.spool.write(kSpoolStop, "") : Result<void>(); !written)
    parts_.services->log("warning: " + to_string(written.error()));
  const auto ours = placed.spool.exists() ? placed.spool.claim(kClaimOfHost) : Result<bool>(true);
  if (ours && *ours) {
    // No job can begin it any more. What is still in the queue is taken out of it, as soon as Slurm answers.
    if (placed.what) {
      AttemptCancelled outcome{placed.what->job->parts().ref, true};
      outcome.made_by = made_by(placed);
      if (placed.live) placed.live->end();
      placed.live.reset();
      std::exchange(placed.what, nullptr)->job->answer(std::move(outcome));
    }
    placed.spool.put_aside();
  }
  if (!placed.job.empty()) (void)run({"scancel", placed.job});
  ask_at_ = now() + kSlurmTick;
  ask_wait_ = {};
}

void SlurmDirectoryState::on_kept(const AttemptKept& message) {
  const auto entry = placed_.find(message.key);
  if (entry == placed_.end() || entry->second.stage != Stage::ended) return;
  entry->second.spool.remove();
  placed_.erase(entry);
}

/// Entries that nobody waits for go once their job has ended. An end that no run confirms is forgotten; its folder
/// stays, for whoever takes up the run.
void SlurmDirectoryState::sweep() {
  std::erase_if(placed_, [time = now()](auto& item) {
    auto& placed = item.second;
    if (placed.what && placed.stage == Stage::ended && time - placed.stopped_at > kSlurmForgetAfter) return true;
    if (placed.what || (placed.stage != Stage::ended && placed.stage != Stage::unsent)) return false;
    placed.spool.remove();
    return true;
  });
}

/// Once for each place, after the runs that go on have named what they still need.
void SlurmDirectoryState::remove_left() {
  if (std::all_of(roots_.begin(), roots_.end(), [](const auto& root) { return root.second; })) return;
  std::set<std::string> in_use;
  for (const auto& [key, placed] : placed_) in_use.insert(placed.spool.folder());
  for (auto& [root, done] : roots_) {
    if (std::exchange(done, true)) continue;
    for (const auto& spool : left_spools(root, *parts_.services->store, in_use)) spool.remove();
  }
}

void SlurmDirectoryState::on_tick() {
  ticking_ = false;
  const auto time = now();
  look_at_some();
  for (auto& [key, placed] : placed_) {
    if (parts_.stop->is_set()) return;
    if (time < placed.try_at) continue;
    if (placed.stage == Stage::unsent && placed.what)
      submit(placed);
    else if (placed.stage == Stage::unsure)
      find(placed);
    else if (placed.stage == Stage::sent && placed.stopping && time - placed.stopped_at > kSlurmStopAgain) {
      placed.stopped_at = time;
      (void)run({"scancel", placed.job});
    }
  }
  if (time >= ask_at_) ask();
  for (auto& [key, placed] : placed_) check_queue_time(placed);
  sweep();
  remove_left();
  if (!placed_.empty()) arm();
}

SlurmDirectory::behavior_type slurm_directory(SlurmDirectory::stateful_pointer<SlurmDirectoryState> self,
                                              SlurmDirectoryParts parts) {
  die_quietly(self);
  self->state.open(std::move(parts));
  return {[self](const PlaceAttempt& message) { self->state.on_place(message); },
          [self](const WithdrawPlaced& message) { self->state.on_withdraw(message); },
          [self](const AttemptKept& message) { self->state.on_kept(message); },
          [self](const SlurmTick&) { self->state.on_tick(); }};
}

}  // namespace hillstar::actors
