// SPDX-License-Identifier: Apache-2.0
#include "runtime/placement/slurm.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

using namespace hillstar;
using namespace hillstar::placement;
using Strings = std::vector<std::string>;

namespace {

bool has(const Strings& arguments, const std::string& word) {
  return std::find(arguments.begin(), arguments.end(), word) != arguments.end();
}

SlurmSubmission submission() {
  SlurmSubmission result;
  result.name = "hs-0123";
  result.workspace = "/home/ada/flow";
  result.log = "/home/ada/flow/.hillstar/slurm/a/job.log";
  result.script = "/home/ada/flow/.hillstar/slurm/a/job.sh";
  return result;
}

/// Bytes that parsers like least.
std::string noise(std::mt19937_64& random, std::size_t size) {
  constexpr std::string_view kLetters = "|\n\r;17_.0 CANCELLED+byPENDINGx\0\xff\xc3'\"\\$`";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += kLetters[random() % kLetters.size()];
  return text;
}

}  // namespace

TEST_CASE("slurm: what the node does not name, sbatch is not told") {
  const auto arguments = sbatch_arguments(submission());
  CHECK(arguments.front() == "sbatch");
  CHECK(arguments.back() == submission().script);
  for (const auto& word : arguments)
    for (const auto* option : {"--partition", "--time", "--cpus-per-task", "--mem", "--gpus", "--account", "--qos"})
      CHECK_FALSE(word.starts_with(option));
}

TEST_CASE("slurm: each member of the node becomes one option, and nothing of the environment goes along") {
  auto asked = submission();
  asked.job = {"gpu,debug", "2:00:00", 8, "4G", "a100:2", "physics", "high"};
  const auto arguments = sbatch_arguments(asked);
  for (const auto* word : {"--parsable", "--export=NIL", "--no-requeue", "--nodes=1", "--ntasks=1", "--input=/dev/null",
                           "--job-name=hs-0123", "--chdir=/home/ada/flow", "--partition=gpu,debug", "--time=2:00:00",
                           "--cpus-per-task=8", "--mem=4G", "--gpus=a100:2", "--account=physics", "--qos=high"})
    CHECK_MESSAGE(has(arguments, word), word);
}

TEST_CASE("slurm: a per cent sign in a folder is no pattern") {
  auto asked = submission();
  asked.log = "/a/100%j/job.log";
  CHECK(has(sbatch_arguments(asked), "--output=/a/100%%j/job.log"));
}

TEST_CASE("slurm: the batch script runs one program, whatever is in the names") {
  CHECK(slurm_script("/opt/hillstar-actors", "/w/.hillstar/slurm/a")
            .ends_with("\nexec '/opt/hillstar-actors' attempt '/w/.hillstar/slurm/a'\n"));
  CHECK(slurm_script("/a b/x", "/it's $(here)`y`").ends_with("exec '/a b/x' attempt '/it'\\''s $(here)`y`'\n"));
  CHECK(slurm_script("x", "y").starts_with("#!/bin/sh\n"));
}

TEST_CASE("slurm: the id of a job is found after a banner, and nothing else is taken for one") {
  CHECK(job_of_sbatch("17\n") == "17");
  CHECK(job_of_sbatch("17") == "17");
  CHECK(job_of_sbatch("17;cluster\n") == "17");
  CHECK(job_of_sbatch("Welcome!\n\n 4242 \r\n\n") == "4242");
  CHECK(job_of_sbatch("999999999999") == "999999999999");
  for (const auto* text : {"", "\n", "Submitted batch job 17", "17_3", "17.batch", "017", "0", "-1", "1e3", ";17",
                           "seventeen", "17\nall is well", "1234567890123", "\xff\xff", " ; "})
    CHECK_MESSAGE(!job_of_sbatch(text), text);
}

TEST_CASE("slurm: questions name what they need") {
  CHECK(has(squeue_arguments(1000), "--user=1000"));
  CHECK(has(squeue_arguments(0), "--states=all"));
  CHECK(has(sacct_arguments({"17", "18"}), "--jobs=17,18"));
  CHECK(has(sacct_by_name("hs-1"), "--name=hs-1"));
  Strings many(kSlurmAskedMax + 5, "7");
  const auto arguments = sacct_arguments(many);
  CHECK(static_cast<std::size_t>(std::count(arguments.back().begin(), arguments.back().end(), ',')) ==
        kSlurmAskedMax - 1);
}

TEST_CASE("slurm: rows of squeue") {
  const auto rows = rows_of_squeue(
      "17|PENDING|Resources|hs-1\n18|RUNNING|None|a|b\n19|COMPLETED|(null)|\n"
      "20|PENDING|Nodes required for job are DOWN, DRAINED or reserved|x\n");
  REQUIRE(rows.size() == 4);
  CHECK(rows[0] == SlurmRow{"17", "PENDING", "Resources", "hs-1"});
  CHECK(rows[1] == SlurmRow{"18", "RUNNING", "", "a|b"});
  CHECK(rows[2] == SlurmRow{"19", "COMPLETED", "", ""});
  CHECK(rows[3].reason == "Nodes required for job are DOWN, DRAINED or reserved");
}

TEST_CASE("slurm: lines that are no rows are passed over") {
  for (const auto* text : {"", "\n\n\n", "slurm_load_jobs error: Invalid job id specified", "17", "17|", "17|RUNNING",
                           "17|RUNNING|None", "|RUNNING|None|x", "17||None|x", "17_4|RUNNING|None|x",
                           "17.batch|RUNNING|None|x", "17_[1-9]|PENDING|None|x", "JOBID|STATE|REASON|NAME",
                           "x17|RUNNING|None|y", "|||", "||||||", "+|RUNNING|None|a", "99999999999999|RUNNING||a"}) {
    CHECK_MESSAGE(rows_of_squeue(text).empty(), text);
    CHECK_MESSAGE(rows_of_sacct(text).empty(), text);
  }
  CHECK(rows_of_squeue("bad\n17|RUNNING|None|x").size() == 1);
  CHECK(rows_of_squeue("17|RUNNING|None|x\r\n")[0].name == "x");
}

TEST_CASE("slurm: rows of sacct, without steps") {
  const auto rows = rows_of_sacct(
      "17|COMPLETED|0:0|hs-1\n17.batch|COMPLETED|0:0|batch\n18|CANCELLED by 1000|0:15|hs-2\n19|FAILED|3:0|hs|3\n");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == SlurmRow{"17", "COMPLETED", "", "hs-1"});
  CHECK(rows[1].state == "CANCELLED by 1000");
  CHECK(rows[2].name == "hs|3");
}

TEST_CASE("slurm: an answer is bounded") {
  std::string text;
  for (std::size_t i = 0; i < kSlurmRowsMax + 10; ++i) text += "17|RUNNING|None|x\n";
  CHECK(rows_of_squeue(text).size() == kSlurmRowsMax);
}

TEST_CASE("slurm: whatever the bytes are, nothing is read that has no id and no state") {
  const auto seed = std::random_device()();
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 3'000; ++i) {
    const auto text = noise(random, random() % 200);
    for (const auto& row : rows_of_squeue(text)) CHECK((is_job_id(row.job) && !row.state.empty()));
    for (const auto& row : rows_of_sacct(text)) CHECK((is_job_id(row.job) && !row.state.empty()));
    if (const auto job = job_of_sbatch(text)) CHECK(is_job_id(*job));
    (void)phase_of(text);
    CHECK(slurm_words(text).size() <= kSlurmWordsMax);
    CHECK(slurm_words(text).find('\n') == std::string::npos);
    CHECK_FALSE(refusal_of(text, i % 2 == 0).words.empty());
  }
}

TEST_CASE("slurm: every state of Slurm has its phase, and one that there is not yet runs") {
  using enum SlurmPhase;
  const std::vector<std::pair<const char*, SlurmPhase>> known = {{"PENDING", waiting},
                                                                 {"CONFIGURING", waiting},
                                                                 {"REQUEUED", waiting},
                                                                 {"REQUEUE_HOLD", waiting},
                                                                 {"REQUEUE_FED", waiting},
                                                                 {"RESV_DEL_HOLD", waiting},
                                                                 {"SPECIAL_EXIT", waiting},
                                                                 {"RUNNING", running},
                                                                 {"COMPLETING", running},
                                                                 {"SUSPENDED", running},
                                                                 {"STOPPED", running},
                                                                 {"SIGNALING", running},
                                                                 {"STAGE_OUT", running},
                                                                 {"RESIZING", running},
                                                                 {"COMPLETED", completed},
                                                                 {"FAILED", failed},
                                                                 {"OUT_OF_MEMORY", out_of_memory},
                                                                 {"TIMEOUT", timed_out},
                                                                 {"DEADLINE", timed_out},
                                                                 {"CANCELLED", cancelled},
                                                                 {"CANCELLED by 1000", cancelled},
                                                                 {"CANCELLED+", cancelled},
                                                                 {"REVOKED", cancelled},
                                                                 {"NODE_FAIL", gone},
                                                                 {"PREEMPTED", gone},
                                                                 {"BOOT_FAIL", gone},
                                                                 {"LAUNCH_FAILED", gone},
                                                                 {"RECONFIG_FAIL", gone},
                                                                 {"", running},
                                                                 {"SOMETHING_NEW", running},
                                                                 {"completed", running},
                                                                 {" COMPLETED", running},
                                                                 {"COMPLETEDX", running}};
  for (const auto& [state, phase] : known) {
    CHECK_MESSAGE(phase_of(state) == phase, state);
    CHECK_MESSAGE(is_end(phase_of(state)) == (phase != waiting && phase != running), state);
  }
}

namespace {

SlurmSight sight(const char* state, Millis since = Millis{3'600'000}) {
  SlurmSight result;
  result.job = "17";
  if (state != nullptr) result.row = SlurmRow{"17", state, "", "hs-1"};
  result.claimed = true;
  result.since = since;
  return result;
}

SlurmVerdict verdict(const SlurmSight& what) { return decide(what).verdict; }

constexpr std::array kEnds{"COMPLETED", "FAILED",  "OUT_OF_MEMORY", "TIMEOUT",   "DEADLINE",
                           "CANCELLED", "REVOKED", "NODE_FAIL",     "PREEMPTED", "BOOT_FAIL"};
constexpr std::array kGoingOn{"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED", "NEW_STATE"};

}  // namespace

TEST_CASE("slurm: a report of an end is the end, whatever Slurm says") {
  for (const bool stopping : {false, true})
    for (const auto* state : {"PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"}) {
      auto what = sight(state, Millis{0});
      what.report = SlurmSight::Report::ended;
      what.stopping = stopping;
      CHECK_MESSAGE(verdict(what) == SlurmVerdict::take, state);
    }
  auto unknown = sight(nullptr);
  unknown.report = SlurmSight::Report::ended;
  CHECK(verdict(unknown) == SlurmVerdict::take);
}

TEST_CASE("slurm: without a report, a job that has not ended is waited for, however long") {
  for (const auto* state : kGoingOn)
    for (const bool stopping : {false, true}) {
      auto what = sight(state);
      what.stopping = stopping;
      CHECK_MESSAGE(verdict(what) == SlurmVerdict::wait, state);
    }
}

TEST_CASE("slurm: each end without a report has its meaning once the report had its time") {
  CHECK(verdict(sight("COMPLETED")) == SlurmVerdict::failed);
  CHECK(verdict(sight("FAILED")) == SlurmVerdict::failed);
  CHECK(verdict(sight("OUT_OF_MEMORY")) == SlurmVerdict::failed);
  CHECK(verdict(sight("TIMEOUT")) == SlurmVerdict::timed_out);
  CHECK(verdict(sight("DEADLINE")) == SlurmVerdict::timed_out);
  for (const auto* state : {"CANCELLED", "CANCELLED by 0", "REVOKED", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL"})
    CHECK_MESSAGE(verdict(sight(state)) == SlurmVerdict::lost, state);
  CHECK(verdict(sight("COMPLETED", kReportGrace - Millis{1})) == SlurmVerdict::wait);
  CHECK(verdict(sight("COMPLETED", kReportGrace)) == SlurmVerdict::failed);
  for (const auto* state : {"FAILED", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY"}) {
    CHECK_MESSAGE(verdict(sight(state, kBrokenGrace - Millis{1})) == SlurmVerdict::wait, state);
    CHECK_MESSAGE(verdict(sight(state, kBrokenGrace)) != SlurmVerdict::wait, state);
  }
}

TEST_CASE("slurm: an end says which job, and what the batch script said last") {
  auto what = sight("FAILED");
  what.last_words = "exec: hillstar-actors: not found";
  CHECK(decide(what).words ==
        "job 17 of Slurm ended (FAILED) and left no end of the attempt: exec: hillstar-actors: not found");
  CHECK(decide(sight("OUT_OF_MEMORY")).words ==
        "job 17 of Slurm needed more memory than it had: Slurm ended it (OUT_OF_MEMORY)");
  CHECK(decide(sight("TIMEOUT")).words == "job 17 of Slurm had its time: Slurm ended it (TIMEOUT)");
  CHECK(decide(sight("CANCELLED by 1000")).words == "job 17 of Slurm was ended (CANCELLED by 1000)");
  for (const auto* state : kEnds) CHECK_MESSAGE(decide(sight(state)).words.find("job 17") != std::string::npos, state);
}

TEST_CASE("slurm: a job that came twice made nothing the second time, and is lost") {
  for (const auto* state : {"COMPLETED", "FAILED"}) {
    auto what = sight(state);
    what.begun_again = true;
    CHECK_MESSAGE(verdict(what) == SlurmVerdict::lost, state);
  }
}

TEST_CASE("slurm: an attempt that was told to stop by somebody else is judged by the state of its job") {
  const auto told = [](const char* state) {
    auto what = sight(state, Millis{0});
    what.report = SlurmSight::Report::cancelled;
    return verdict(what);
  };
  for (const auto* state : kGoingOn) CHECK_MESSAGE(told(state) == SlurmVerdict::wait, state);
  CHECK(told("TIMEOUT") == SlurmVerdict::timed_out);
  CHECK(told("CANCELLED by 0") == SlurmVerdict::lost);
  CHECK(told("PREEMPTED") == SlurmVerdict::lost);
  CHECK(told("NODE_FAIL") == SlurmVerdict::lost);
  CHECK(told("COMPLETED") == SlurmVerdict::lost);
  CHECK(told("FAILED") == SlurmVerdict::lost);
  CHECK(told("OUT_OF_MEMORY") == SlurmVerdict::failed);
  CHECK(told(nullptr) == SlurmVerdict::wait);
  auto gone = sight(nullptr);
  gone.report = SlurmSight::Report::cancelled;
  CHECK(verdict(gone) == SlurmVerdict::lost);
}

TEST_CASE("slurm: what we stopped is cancelled once it has ended") {
  for (const auto* state : kEnds) {
    auto what = sight(state, Millis{0});
    what.stopping = true;
    CHECK_MESSAGE(verdict(what) == SlurmVerdict::cancelled, state);
  }
  auto told = sight("RUNNING", Millis{0});
  told.stopping = true;
  told.report = SlurmSight::Report::cancelled;
  CHECK(verdict(told) == SlurmVerdict::take);
  auto unknown = sight(nullptr, kUnknownGrace);
  unknown.stopping = true;
  CHECK(verdict(unknown) == SlurmVerdict::cancelled);
}

TEST_CASE("slurm: a job that Slurm does not know is lost, after a while") {
  CHECK(verdict(sight(nullptr, kUnknownGrace - Millis{1})) == SlurmVerdict::wait);
  CHECK(verdict(sight(nullptr, kUnknownGrace)) == SlurmVerdict::lost);
  auto what = sight("RUNNING");
  what.report = SlurmSight::Report::lost;
  CHECK(verdict(what) == SlurmVerdict::lost);
}

TEST_CASE("slurm: why a job waits") {
  CHECK(why_waiting({"17", "PENDING", "Resources", ""}) == "job 17 of Slurm waits: Resources");
  CHECK(why_waiting({"17", "PENDING", "", ""}) == "job 17 of Slurm waits");
  CHECK(why_waiting({"17", "CONFIGURING", "", ""}) == "job 17 of Slurm waits: CONFIGURING");
}

TEST_CASE("slurm: refusals for good carry sbatch's words and a mend") {
  const auto refused = refusal_of(
      "sbatch: error: invalid partition specified: nope\n"
      "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
      false);
  CHECK(refused.for_good);
  CHECK(refused.words ==
        "invalid partition specified: nope; Batch job submission failed: Invalid partition name specified");
  CHECK(refused.hint.find("sinfo") != std::string::npos);
  for (const auto* text :
       {"sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified",
        "sbatch: error: Invalid qos specification", "sbatch: error: Invalid --time specification",
        "sbatch: error: Memory specification can not be satisfied",
        "sbatch: error: Batch job submission failed: Requested node configuration is not available",
        "sbatch: error: Invalid generic resource (gres) specification",
        "sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)",
        "sbatch: error: Access/permission denied", ""}) {
    CHECK_MESSAGE(refusal_of(text, false).for_good, text);
    CHECK_MESSAGE(!refusal_of(text, false).hint.empty(), text);
    CHECK_MESSAGE(!refusal_of(text, false).words.empty(), text);
  }
}

TEST_CASE("slurm: a Slurm that cannot be reached is asked again") {
  for (const auto* text :
       {"sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
        "squeue: error: slurm_receive_msg: Zero Bytes were transmitted or received",
        "sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection to "
        "host:localhost:6819",
        "sbatch: error: Batch job submission failed: Resource temporarily unavailable",
        "sacct: error: Problem talking to the database: Connection refused"}) {
    CHECK_MESSAGE(!refusal_of(text, false).for_good, text);
    CHECK_MESSAGE(is_unreachable(text), text);
  }
  const auto* full =
      "sbatch: error: QOSMaxSubmitJobPerUserLimit\n"
      "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit)";
  CHECK_FALSE(refusal_of(full, false).for_good);
  CHECK_FALSE(is_unreachable(full));
  CHECK_FALSE(refusal_of("", true).for_good);
  CHECK(refusal_of("", true).words == "it did not answer in time");
  CHECK_FALSE(refusal_of("sbatch: error: invalid partition specified: x", true).for_good);
  CHECK_FALSE(is_unreachable("Slurm accounting storage is disabled"));
}

TEST_CASE("slurm: words of a program are one short line without what moves a cursor") {
  CHECK(slurm_words("  sbatch: error: no\x1b[2J way\n\n") == "no?[2J way");
  CHECK(slurm_words(std::string(2'000, 'x')).size() == kSlurmWordsMax);
  std::string wide(kSlurmWordsMax - 1, 'x');
  wide += "\xc3\xa4\xc3\xa4";
  CHECK(slurm_words(wide) == std::string(kSlurmWordsMax - 1, 'x'));
  CHECK(slurm_words("").empty());
}

TEST_CASE("slurm: questions become rarer while nothing changes") {
  auto wait = next_poll(Millis{0}, false);
  CHECK(wait == kSlurmPollFirst);
  for (int i = 0; i < 100; ++i) {
    const auto next = next_poll(wait, false);
    CHECK(next >= wait);
    CHECK(next <= kSlurmPollMax);
    wait = next;
  }
  CHECK(wait == kSlurmPollMax);
  CHECK(next_poll(wait, true) == kSlurmPollFirst);
}
