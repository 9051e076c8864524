// SPDX-License-Identifier: Apache-2.0
// What is said to Slurm, and what comes of it. The other half of SlurmDirectoryState.
#include <unistd.h>

#include <algorithm>
#include <caf/send.hpp>
#include <utility>

#include "actors/job.hpp"
#include "actors/remote/orders.hpp"
#include "actors/remote/slurm_directory.hpp"
#include "runtime/policy/script_variables.hpp"

namespace hillstar::actors {
namespace {

using placement::SlurmRow;
using placement::SlurmSight;
using placement::SlurmVerdict;

SlurmSight::Report kind_of(const std::optional<remote::Report>& report) {
  if (!report) return SlurmSight::Report::none;
  switch (report->ending) {
    case remote::Ending::cancelled:
      return SlurmSight::Report::cancelled;
    case remote::Ending::lost:
      return SlurmSight::Report::lost;
    default:
      return SlurmSight::Report::ended;
  }
}

/// Nothing: there is none yet, or it cannot be read at the moment, as happens on file systems of many machines. Should
/// it stay so, the state of the job decides.
Result<std::optional<remote::Report>> read_report(const SlurmSpool& spool) {
  const auto text = spool.read(kSpoolReport);
  if (!text && text.error().code != Errc::too_large) return std::optional<remote::Report>();
  if (!text) return text.error();
  HILLSTAR_TRY(const auto tree, json::parse(*text));
  HILLSTAR_TRY(auto report, json::read<remote::Report>(tree));
  return std::optional(std::move(report));
}

/// A job of that name; one that has not ended rather than one that has, and a later one rather than an earlier.
const SlurmRow* best(const std::vector<SlurmRow>& rows, const std::string& name) {
  const SlurmRow* found = nullptr;
  for (const auto& row : rows) {
    if (row.name != name) continue;
    const bool over = placement::is_end(placement::phase_of(row.state));
    if (found == nullptr || !over || placement::is_end(placement::phase_of(found->state))) found = &row;
  }
  return found;
}

}  // namespace

// -- submitting -------------------------------------------------------------------------------------------

Result<void> SlurmDirectoryState::write(Placed& placed) {
  const auto& attempt = placed.what->attempt;
  const auto& run = *attempt.run;
  SpoolOrder order;
  order.key = placed.what->key;
  order.workspace = run.workspace;
  order.output_dir = run.output_dir;
  order.allow_paths = run.allow_paths;
  // What the script of a local attempt would get, without any key: those are on the machine of the job, or nowhere.
  order.environment = policy::script_variables(run.environment, {}, run.redactor).given;
  order.order = order_of(attempt, parts_.services->clock->utc_now(), {});
  HILLSTAR_CHECK(write_order(placed.spool, order, *parts_.services->store));
  return placed.spool.write(kSpoolScript, placement::slurm_script(program_, placed.spool.folder()));
}

void SlurmDirectoryState::submit(Placed& placed) {
  if (!placed.spool.has(kSpoolScript)) {
    if (const auto written = write(placed); !written) return fail(placed, FailureClass::io, written.error());
  }
  placement::SlurmSubmission submission;
  submission.job = *placed.what->attempt.node->placement->slurm;
  submission.name = placed.job_name;
  submission.workspace = placed.what->attempt.run->workspace;
  submission.log = placed.spool.at(kSpoolLog);
  submission.script = placed.spool.at(kSpoolScript);
  placed.stage = Stage::unsure;
  const auto answer = run(placement::sbatch_arguments(submission));
  if (!answer.ok) return refuse(placed, answer);
  const auto job = placement::job_of_sbatch(answer.out);
  if (!job) return try_later(placed, "sbatch names no job: " + placement::slurm_words(answer.out));
  found(placed, *job);
}

void SlurmDirectoryState::refuse(Placed& placed, const SlurmAnswer& answer) {
  if (answer.absent) {
    placed.stage = Stage::unsent;
    return fail(placed, FailureClass::invalid_input,
                {Errc::placement_impossible, "There is no sbatch on this machine.", placed.what->key,
                 "Run the host where Slurm's programs are, such as on a login node of the cluster; they are looked for "
                 "in PATH."});
  }
  const auto refusal = placement::refusal_of(answer.err, answer.killed);
  if (!refusal.for_good) return try_later(placed, refusal.words);
  placed.stage = Stage::unsent;
  fail(placed, FailureClass::invalid_input,
       {Errc::placement_impossible, "Slurm does not take the job: " + refusal.words, placed.what->key, refusal.hint});
}

/// Nobody knows whether the job was taken: it is looked for before it is submitted again.
void SlurmDirectoryState::try_later(Placed& placed, const std::string& why) {
  placed.wait = placement::next_poll(placed.wait, false);
  placed.try_at = now() + placed.wait;
  tell(placed, "Slurm takes no job at the moment: " + why);
}

/// By its name. Submitted again only if Slurm answers that it has no such job; and if it is wrong, the claim decides.
void SlurmDirectoryState::find(Placed& placed) {
  if (auto who = placed.spool.claimed_by(); who && placement::is_job_id(*who)) return found(placed, *who);
  const auto answer = run(placement::squeue_arguments(::geteuid()));
  if (!answer.ok) return try_later(placed, placement::slurm_words(answer.err));
  if (const auto rows = placement::rows_of_squeue(answer.out); const auto* row = best(rows, placed.job_name))
    return found(placed, row->job);
  const auto past = run(placement::sacct_by_name(placed.job_name));
  if (!past.ok && (past.killed || placement::is_unreachable(past.err)))
    return try_later(placed, placement::slurm_words(past.err));
  if (const auto rows = placement::rows_of_sacct(past.out); past.ok)
    if (const auto* row = best(rows, placed.job_name)) return found(placed, row->job);
  if (placed.what && !placed.stopping) return submit(placed);
  placed.stage = Stage::unsent;  // there is nothing to be stopped
}

void SlurmDirectoryState::found(Placed& placed, const std::string& job) {
  placed.job = job;
  placed.stage = Stage::sent;
  placed.wait = {};
  // Of another job, perhaps, that was submitted besides.
  placed.row.reset();
  placed.over.reset();
  if (const auto written = placed.spool.write(kSpoolJob, job); !written)
    parts_.services->log("warning: " + to_string(written.error()));  // it has a name by which it is found
  if (placed.what) parts_.services->log("attempt " + placed.what->key + " is job " + job + " of Slurm");
  if (placed.stopping) (void)run({"scancel", job});
  ask_wait_ = placement::kSlurmPollFirst;
  ask_at_ = std::min(std::max(ask_at_, now()), now() + ask_wait_);
}

// -- following --------------------------------------------------------------------------------------------

/// One question about all jobs.
void SlurmDirectoryState::ask() {
  const bool any =
      std::any_of(placed_.begin(), placed_.end(), [](const auto& item) { return item.second.stage == Stage::sent; });
  ask_wait_ = placement::next_poll(ask_wait_, std::exchange(changed_, false));
  ask_at_ = now() + ask_wait_;
  if (!any) return;
  const auto answer = run(placement::squeue_arguments(::geteuid()));
  if (!answer.ok) {
    const auto why = answer.killed ? "it did not answer in time" : placement::slurm_words(answer.err);
    if (std::exchange(silent_, why) != why)
      parts_.services->log("warning: Slurm does not answer (" + why + "); its jobs are waited for");
    for (auto& [key, placed] : placed_)
      if (placed.stage == Stage::sent && !placed.claimed) tell(placed, "Slurm does not answer: " + why);
    return;
  }
  if (!std::exchange(silent_, {}).empty()) parts_.services->log("Slurm answers again");
  std::unordered_map<std::string, SlurmRow> rows;
  for (auto& row : placement::rows_of_squeue(answer.out)) rows[row.job] = std::move(row);
  std::vector<Placed*> unknown;
  for (auto& [key, placed] : placed_) {
    if (placed.stage != Stage::sent) continue;
    if (const auto row = rows.find(placed.job); row != rows.end())
      see(placed, row->second);
    else if (unknown.size() < placement::kSlurmAskedMax)
      unknown.push_back(&placed);
  }
  if (!unknown.empty()) ask_accounting(unknown);
}

/// Of jobs that the controller has forgotten.
void SlurmDirectoryState::ask_accounting(const std::vector<Placed*>& unknown) {
  std::vector<std::string> jobs;
  jobs.reserve(unknown.size());
  for (const auto* placed : unknown) jobs.push_back(placed->job);
  const auto answer = run(placement::sacct_arguments(jobs));
  if (!answer.ok && (answer.killed || placement::is_unreachable(answer.err))) return;  // later
  std::unordered_map<std::string, SlurmRow> rows;
  if (answer.ok)
    for (auto& row : placement::rows_of_sacct(answer.out)) rows[row.job] = std::move(row);
  for (auto* placed : unknown) {
    const auto row = rows.find(placed->job);
    see(*placed, row == rows.end() ? std::nullopt : std::optional(row->second));
  }
}

void SlurmDirectoryState::see(Placed& placed, const std::optional<SlurmRow>& row) {
  changed_ = changed_ || placed.row != row;
  placed.row = row;
  const auto phase = row ? placement::phase_of(row->state) : placement::SlurmPhase::gone;
  if (!placement::is_end(phase)) {
    placed.over.reset();
    if (phase == placement::SlurmPhase::waiting) tell(placed, placement::why_waiting(*row));
  } else if (!placed.over) {
    placed.over = now();
  }
  look(placed);
}

void SlurmDirectoryState::tell(Placed& placed, const std::string& why) {
  const auto time = now();
  if (!placed.what || placed.stopping || why == placed.told || time - placed.since < kSlurmToldAfter) return;
  if (!placed.told.empty() && time - placed.told_at < kSlurmToldAgain) return;
  placed.told = why;
  placed.told_at = time;
  const auto& parts = placed.what->job->parts();
  caf::anon_send(parts.node, PlaceMissing{parts.ref, placed.what->attempt.run->redactor.redact(why)});
}

void SlurmDirectoryState::look_at_some() {
  std::size_t looks = 0;
  auto entry = placed_.upper_bound(looked_);
  for (; entry != placed_.end() && looks < kSlurmLooksMax; ++entry) {
    looked_ = entry->first;
    if (entry->second.stage != Stage::sent) continue;
    ++looks;
    look(entry->second);
  }
  if (entry == placed_.end()) looked_.clear();
}

void SlurmDirectoryState::look(Placed& placed) {
  if (placed.stage != Stage::sent) return;
  if (!placed.claimed) {
    const auto who = placed.spool.claimed_by();
    placed.claimed = who.has_value();
    // Two were submitted, and the other one has the attempt: this one would make nothing.
    if (who && *who != placed.job && placement::is_job_id(*who)) {
      (void)run({"scancel", placed.job});
      found(placed, *who);
    }
  }
  show_output(placed);
  const auto report = read_report(placed.spool);
  if (!report) return fail(placed, FailureClass::io, report.error());
  judge(placed, *report);
}

void SlurmDirectoryState::show_output(Placed& placed) {
  if (!placed.live || !placed.claimed) return;
  if (const auto text = placed.said->more(placed.spool); !text.empty()) placed.live->say(text);
}

/// The time that the node may wait for its turn.
void SlurmDirectoryState::check_queue_time(Placed& placed) {
  if (!placed.what || placed.claimed || placed.stopping || placed.stage == Stage::ended) return;
  const auto limit = placed.what->job->parts().queue_timeout;
  if (!limit || now() - placed.since <= *limit) return;
  if (const auto ours = placed.spool.claim(kClaimOfHost); !ours || !*ours) return;  // it has just begun
  auto failure = no_slot_within(limit);
  if (!placed.told.empty()) failure.message += ": " + placed.told;
  AttemptFailed outcome{placed.what->job->parts().ref, std::move(failure), {}, {}};
  outcome.made_by = made_by(placed);
  if (placed.stage != Stage::unsent)
    (void)run({"scancel", placed.job.empty() ? "--name=" + placed.job_name : placed.job});
  end(placed, std::move(outcome));
}

// -- ends -------------------------------------------------------------------------------------------------

void SlurmDirectoryState::judge(Placed& placed, const std::optional<remote::Report>& report) {
  SlurmSight sight;
  sight.job = placed.job;
  sight.row = placed.row;
  sight.report = kind_of(report);
  sight.claimed = placed.claimed;
  sight.stopping = placed.stopping;
  if (placed.over) {
    sight.since = std::chrono::duration_cast<Millis>(now() - *placed.over);
    sight.begun_again = placed.spool.has(kSpoolAgain);
    if (const auto log = placed.spool.read_from(kSpoolLog, 0, placement::kSlurmWordsMax); log)
      sight.last_words = placement::slurm_words(*log);
  }
  const auto decision = placement::decide(sight);
  switch (decision.verdict) {
    case SlurmVerdict::wait:
      return;
    case SlurmVerdict::take:
      return take(placed, *report);
    case SlurmVerdict::failed:
      return fail(placed, FailureClass::internal, {Errc::placement_impossible, decision.words, {}, {}});
    case SlurmVerdict::timed_out: {
      if (!placed.what) return end(placed, {});
      AttemptFailed outcome{placed.what->job->parts().ref, Failure{FailureClass::timeout, decision.words, {}}, {}, {}};
      outcome.made_by = made_by(placed);
      return end(placed, std::move(outcome));
    }
    case SlurmVerdict::lost:
      return lose(placed, decision.words);
    case SlurmVerdict::cancelled:
      return cancelled(placed, false);
  }
}

void SlurmDirectoryState::take(Placed& placed, const remote::Report& report) {
  if (!placed.what) return end(placed, {});
  auto outcome = outcome_of(report, placed.what->job->parts().ref, made_by(placed));
  if (!outcome) return fail(placed, FailureClass::io, outcome.error());
  const SpoolStore blobs(placed.spool.folder());
  for (const auto& blob : blobs_of(report))
    if (const auto copied = blobs.copy_to(blob.sha256, *parts_.services->store); !copied) {
      // What machines share is seen late at times.
      if (copied.error().code != Errc::record_corrupt && ++placed.copies < kSlurmCopiesMax) return;
      return fail(placed, FailureClass::io, copied.error());
    }
  mask(*outcome, placed.what->attempt.run->redactor);
  end(placed, std::move(*outcome));
}

void SlurmDirectoryState::fail(Placed& placed, FailureClass kind, const Error& error) {
  if (!placed.what) return end(placed, {});
  const bool sent = placed.stage != Stage::unsent;
  AttemptFailed outcome{placed.what->job->parts().ref, Failure{kind, to_string(error), {}}, {}, {}};
  if (sent) outcome.made_by = made_by(placed);
  end(placed, std::move(outcome));
  if (sent) return;
  placed.spool.remove();  // nobody else knows of it
  placed.what.reset();
}

void SlurmDirectoryState::lose(Placed& placed, const std::string& why) {
  if (!placed.what) return end(placed, {});
  parts_.services->log("warning: attempt " + placed.what->key + " is lost: " + why);
  (void)placed.spool.write(kSpoolStop, "");  // should its machine only be cut off
  AttemptLost outcome{placed.what->job->parts().ref, {}, {}};
  outcome.made_by = made_by(placed);
  end(placed, std::move(outcome));
}

void SlurmDirectoryState::cancelled(Placed& placed, bool unsent) {
  if (!placed.what) return end(placed, {});
  AttemptCancelled outcome{placed.what->job->parts().ref, unsent};
  outcome.made_by = made_by(placed);
  end(placed, std::move(outcome));
}

void SlurmDirectoryState::end(Placed& placed, NodeOutcome outcome) {
  if (placed.live) {
    show_output(placed);
    if (const auto text = placed.said->rest(); !text.empty()) placed.live->say(text);
    placed.live->end();
  }
  placed.live.reset();
  placed.stage = Stage::ended;
  placed.stopped_at = now();
  if (placed.what) placed.what->job->answer(std::move(outcome));
  if (placed.stopping) placed.what.reset();  // nobody takes it up again: its folder may go
}

}  // namespace hillstar::actors
