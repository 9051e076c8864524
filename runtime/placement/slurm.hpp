// SPDX-License-Identifier: Apache-2.0
// Slurm, as far as it is words: what sbatch is given, what squeue and sacct answer, and what the state of a job means
// for the attempt that it makes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::placement {

/// Rows that are read of one answer; a person has fewer jobs.
inline constexpr std::size_t kSlurmRowsMax = 100'000;
/// Jobs that one question names.
inline constexpr std::size_t kSlurmAskedMax = 500;
/// After the end of a job, so long is its report waited for: file systems that machines share show a new file late.
inline constexpr Millis kReportGrace{30'000};
/// The same after an end that hardly leaves one.
inline constexpr Millis kBrokenGrace{3'000};
/// So long Slurm may not know a job that it took.
inline constexpr Millis kUnknownGrace{30'000};
/// Between two questions: grows from the first to the second while nothing changes.
inline constexpr Millis kSlurmPollFirst{2'000};
inline constexpr Millis kSlurmPollMax{15'000};
/// Of what a program of Slurm said.
inline constexpr std::size_t kSlurmWordsMax = 300;

struct SlurmSubmission {
  workflow::SlurmJob job;
  std::string name;       ///< Of the job: the same for the same attempt, and of no other.
  std::string workspace;  ///< Where it starts.
  std::string log;        ///< What the batch script itself says.
  std::string script;     ///< Path of the batch script.
};

/// Arguments with the program first. Nothing of the host's environment goes along.
std::vector<std::string> sbatch_arguments(const SlurmSubmission& submission);
std::vector<std::string> squeue_arguments(unsigned user);
/// @param jobs  at most kSlurmAskedMax ids
std::vector<std::string> sacct_arguments(const std::vector<std::string>& jobs);
std::vector<std::string> sacct_by_name(const std::string& name);
/// The batch script: one program, one folder, no variable.
std::string slurm_script(std::string_view program, std::string_view folder);

/// The id in what `sbatch --parsable` printed: `17` or `17;cluster`, after whatever else was printed.
std::optional<std::string> job_of_sbatch(std::string_view out);
bool is_job_id(std::string_view text);

/// What Slurm says of one job.
struct SlurmRow {
  std::string job;
  std::string state;   ///< As printed: `RUNNING`, `CANCELLED by 1000`.
  std::string reason;  ///< Why it waits; empty: nothing is said.
  std::string name;

  bool operator==(const SlurmRow&) const = default;
};
/// Lines that are none are passed over, as are steps and elements of arrays: `17.batch`, `17_3`.
std::vector<SlurmRow> rows_of_squeue(std::string_view out);
std::vector<SlurmRow> rows_of_sacct(std::string_view out);

/// `gone`: its machine failed, or another job took its place.
enum class SlurmPhase { waiting, running, completed, failed, out_of_memory, timed_out, cancelled, gone };
/// A state that there is not, such as one of a newer Slurm, counts as running: only what is known to be an end ends
/// anything.
SlurmPhase phase_of(std::string_view state);
bool is_end(SlurmPhase phase);

/// `job 17 of Slurm waits: Resources`.
std::string why_waiting(const SlurmRow& row);

/// What is known of one attempt.
struct SlurmSight {
  enum class Report { none, ended, cancelled, lost };
  std::string job;
  std::optional<SlurmRow> row;   ///< Absent: Slurm answered, and does not know the job.
  Report report = Report::none;  ///< What the attempt left in its folder; `ended`: it succeeded or failed.
  bool claimed = false;          ///< It was begun.
  bool begun_again = false;      ///< The job came twice; the second time nothing was made.
  bool stopping = false;         ///< We asked for its end.
  Millis since{0};               ///< How long Slurm has said that it has ended, or does not know it.
  std::string last_words;        ///< Of the batch script itself.
};
/// `take`: the report is the end. `cancelled`: it has stopped as it was asked to.
enum class SlurmVerdict { wait, take, failed, timed_out, lost, cancelled };
struct SlurmDecision {
  SlurmVerdict verdict = SlurmVerdict::wait;
  std::string words;  ///< Of failed, timed_out and lost: one sentence.
};
SlurmDecision decide(const SlurmSight& sight);

/// What a refusal of sbatch means.
struct SlurmRefusal {
  bool for_good = false;  ///< Else: later, perhaps; and the job may have been taken after all.
  std::string words;      ///< Those of sbatch, on one line.
  std::string hint;
};
/// @param killed  it did not answer in time
SlurmRefusal refusal_of(std::string_view err, bool killed);
/// Whether a program of Slurm that failed could not reach Slurm; else it has no such service.
bool is_unreachable(std::string_view err);
/// What a program said, on one line, without its own name.
std::string slurm_words(std::string_view text);

/// The next wait between two questions.
Millis next_poll(Millis last, bool changed);

}  // namespace hillstar::placement
