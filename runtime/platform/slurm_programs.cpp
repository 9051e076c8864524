// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/slurm_programs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/platform/file_access.hpp"
#include "runtime/platform/process.hpp"

namespace hillstar {
namespace {

constexpr std::array<std::string_view, 11> kNeeded{"PATH",
                                                   "HOME",
                                                   "USER",
                                                   "LOGNAME",
                                                   "TZ",
                                                   "LD_LIBRARY_PATH",
                                                   "SLURM_CONF",
                                                   "SBATCH_ACCOUNT",
                                                   "SBATCH_QOS",
                                                   "SBATCH_PARTITION",
                                                   "SBATCH_RESERVATION"};

OutputPiece keep(std::string& text, std::size_t most) {
  return [&text, most](std::string_view piece) -> Result<void> {
    text += piece.substr(0, std::min(piece.size(), most - std::min(most, text.size())));
    return {};
  };
}

}  // namespace

std::vector<std::string> slurm_environment(const std::vector<std::string>& environment) {
  std::vector<std::string> picked;
  for (const auto& entry : environment)
    if (std::find(kNeeded.begin(), kNeeded.end(), std::string_view(entry).substr(0, entry.find('='))) != kNeeded.end())
      picked.push_back(entry);
  picked.emplace_back("LC_ALL=C");  // its words are read
  return picked;
}

SlurmAnswer ask_slurm(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                      int cancel_descriptor) {
  ProcessSpec spec;
  spec.program = arguments.front();
  spec.arguments = arguments;
  spec.environment = environment;
  spec.cwd = "/";
  spec.cancel_descriptor = cancel_descriptor;
  spec.output_bytes_max = kProcessOutputBytesMax;
  spec.time_limit = kSlurmAnswerTime;
  SlurmAnswer answer;
  ProcessOutput output;
  output.on_stdout = keep(answer.out, kSlurmOutputMax);
  output.on_stderr = keep(answer.err, kSlurmErrorsMax);
  const auto end = run_process(spec, output, nullptr);
  answer.ok = end.kind == ProcessEndKind::exited && end.code == 0;
  answer.absent = end.kind == ProcessEndKind::not_started && end.code == ENOENT;
  answer.killed = end.kind == ProcessEndKind::timed_out || end.kind == ProcessEndKind::cancelled;
  if (end.kind == ProcessEndKind::not_started && !answer.absent) answer.err = "cannot start: " + errno_text(end.code);
  return answer;
}

}  // namespace hillstar
