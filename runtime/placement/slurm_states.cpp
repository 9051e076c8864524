// SPDX-License-Identifier: Apache-2.0
// What the state of a job, or a refusal, means for the attempt.
#include <algorithm>
#include <array>
#include <utility>

#include "runtime/placement/slurm.hpp"

namespace hillstar::placement {
namespace {

struct Named {
  std::string_view state;
  SlurmPhase phase;
};
/// Long names as squeue and sacct print them. What is not here runs.
constexpr std::array kPhases{
    Named{"PENDING", SlurmPhase::waiting},      Named{"CONFIGURING", SlurmPhase::waiting},
    Named{"REQUEUED", SlurmPhase::waiting},     Named{"REQUEUE_HOLD", SlurmPhase::waiting},
    Named{"REQUEUE_FED", SlurmPhase::waiting},  Named{"RESV_DEL_HOLD", SlurmPhase::waiting},
    Named{"SPECIAL_EXIT", SlurmPhase::waiting}, Named{"COMPLETED", SlurmPhase::completed},
    Named{"FAILED", SlurmPhase::failed},        Named{"OUT_OF_MEMORY", SlurmPhase::out_of_memory},
    Named{"TIMEOUT", SlurmPhase::timed_out},    Named{"DEADLINE", SlurmPhase::timed_out},
    Named{"CANCELLED", SlurmPhase::cancelled},  Named{"REVOKED", SlurmPhase::cancelled},
    Named{"NODE_FAIL", SlurmPhase::gone},       Named{"PREEMPTED", SlurmPhase::gone},
    Named{"BOOT_FAIL", SlurmPhase::gone},       Named{"LAUNCH_FAILED", SlurmPhase::gone},
    Named{"RECONFIG_FAIL", SlurmPhase::gone},
};

/// What Slurm's programs say when it is Slurm that is not there, or has too much to do.
constexpr std::array<std::string_view, 12> kUnreachable{"Unable to contact slurm",
                                                        "Socket timed out",
                                                        "Connection refused",
                                                        "Connection timed out",
                                                        "Zero Bytes were transmitted",
                                                        "temporarily unable",
                                                        "Resource temporarily unavailable",
                                                        "Transport endpoint is not connected",
                                                        "Communication connection failure",
                                                        "Problem talking to",
                                                        "slurm_persist_conn_open",
                                                        "Slurm backup controller in standby mode"};

struct Hint {
  std::string_view says;
  const char* mend;
};
constexpr std::array kHints{
    Hint{"partition", "`sinfo -s` lists the partitions; the node names one in \"placement\": {\"slurm\": ...}."},
    Hint{"account", "`sacctmgr show associations user=$USER` lists the accounts that you may use."},
    Hint{"qos", "`sacctmgr show associations user=$USER` lists the qualities of service that you may use."},
    Hint{"--time", "Write a time such as 30 (minutes), 2:00:00 or 1-12."},
    Hint{"time limit", "Ask for less time, or for another partition; `sinfo -s` lists their limits."},
    Hint{"Memory", "Ask for less memory, or for another partition."},
    Hint{"gres", "`sinfo -o '%P %G'` lists which partitions have GPUs."},
    Hint{"node configuration", "Ask for less, or for another partition; `sinfo -Nl` lists what the machines have."},
};

/// Letters of either case are the same.
bool contains(std::string_view text, std::string_view part) {
  const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [&](char a, char b) { return low(a) == low(b); }) != text.end();
}

std::string with_last_words(std::string text, const std::string& words) {
  if (!words.empty()) text += ": " + words;
  return text;
}

SlurmDecision after_end(const SlurmSight& sight, SlurmPhase phase, const std::string& who) {
  const bool told_to_stop = sight.report == SlurmSight::Report::cancelled;
  const auto patience = phase == SlurmPhase::completed ? kReportGrace : kBrokenGrace;
  // A report may still be on its way through the file system.
  if (!told_to_stop && sight.since < patience && phase != SlurmPhase::timed_out) return {};
  const auto& state = sight.row->state;
  switch (phase) {
    case SlurmPhase::timed_out:
      return {SlurmVerdict::timed_out, who + " had its time: Slurm ended it (" + state + ")"};
    case SlurmPhase::out_of_memory:
      return {SlurmVerdict::failed, who + " needed more memory than it had: Slurm ended it (OUT_OF_MEMORY)"};
    case SlurmPhase::completed:
    case SlurmPhase::failed:
      if (told_to_stop || sight.begun_again)
        return {SlurmVerdict::lost,
                who + (told_to_stop ? " was told to stop (" : " was started twice (") + state + ")"};
      return {SlurmVerdict::failed,
              with_last_words(who + " ended (" + state + ") and left no end of the attempt", sight.last_words)};
    default:
      return {SlurmVerdict::lost, who + " was ended (" + state + ")"};
  }
}

}  // namespace

SlurmPhase phase_of(std::string_view state) {
  const auto word = state.substr(0, state.find_first_of(" +"));  // `CANCELLED by 1000`, `CANCELLED+`
  const auto* const named =
      std::find_if(kPhases.begin(), kPhases.end(), [&](const Named& known) { return known.state == word; });
  return named == kPhases.end() ? SlurmPhase::running : named->phase;
}

bool is_end(SlurmPhase phase) { return phase != SlurmPhase::waiting && phase != SlurmPhase::running; }

std::string why_waiting(const SlurmRow& row) {
  std::string text = "job " + row.job + " of Slurm waits";
  if (!row.reason.empty())
    text += ": " + row.reason;
  else if (row.state != "PENDING")
    text += ": " + row.state;
  return text;
}

SlurmDecision decide(const SlurmSight& sight) {
  const auto who = "job " + sight.job + " of Slurm";
  if (sight.report == SlurmSight::Report::ended) return {SlurmVerdict::take, {}};
  if (sight.report == SlurmSight::Report::lost) return {SlurmVerdict::lost, who + " lost the attempt"};
  const bool told_to_stop = sight.report == SlurmSight::Report::cancelled;
  if (told_to_stop && sight.stopping) return {SlurmVerdict::take, {}};
  if (!sight.row) {
    if (sight.since < kUnknownGrace && !told_to_stop) return {};
    if (sight.stopping) return {SlurmVerdict::cancelled, {}};
    if (sight.since < kBrokenGrace) return {};
    return {SlurmVerdict::lost,
            "Slurm does not know job " + sight.job + " any more, and it left no end of the attempt"};
  }
  const auto phase = phase_of(sight.row->state);
  if (!is_end(phase)) return {};
  if (sight.stopping) return {SlurmVerdict::cancelled, {}};
  return after_end(sight, phase, who);
}

bool is_unreachable(std::string_view err) {
  return std::any_of(kUnreachable.begin(), kUnreachable.end(),
                     [&](std::string_view says) { return contains(err, says); });
}

SlurmRefusal refusal_of(std::string_view err, bool killed) {
  SlurmRefusal refusal;
  refusal.words = slurm_words(err);
  if (killed && refusal.words.empty()) refusal.words = "it did not answer in time";
  // As many jobs as one may have: another one fits in when one of them has ended.
  refusal.for_good = !killed && !is_unreachable(err) && !contains(err, "MaxSubmitJob");
  if (refusal.words.empty()) refusal.words = "it gave no reason";
  if (!refusal.for_good) return refusal;
  refusal.hint = "Try the same with `sbatch` by hand: the words are its own.";
  for (const auto& hint : kHints) {
    if (!contains(err, hint.says)) continue;
    refusal.hint = hint.mend;
    break;
  }
  return refusal;
}

Millis next_poll(Millis last, bool changed) {
  if (changed || last < kSlurmPollFirst) return kSlurmPollFirst;
  return std::min(last + last / 4, kSlurmPollMax);
}

}  // namespace hillstar::placement
