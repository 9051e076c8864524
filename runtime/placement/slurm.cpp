// SPDX-License-Identifier: Apache-2.0
// What Slurm's programs are given and what they answer. What a state means: slurm_states.cpp.
#include "runtime/placement/slurm.hpp"

#include <algorithm>
#include <array>

namespace hillstar::placement {
namespace {

constexpr std::size_t kJobDigitsMax = 12;

/// A pattern in a file name for sbatch, that stands for itself.
std::string plain_name(std::string_view path) {
  std::string plain;
  for (const char c : path) {
    if (c == '%') plain += '%';
    plain += c;
  }
  return plain;
}

/// For the shell: one word, whatever is in it.
std::string quoted(std::string_view word) {
  std::string text = "'";
  for (const char c : word) {
    if (c == '\'')
      text += "'\\''";
    else
      text += c;
  }
  return text + "'";
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Calls `take` with each line; no more than kSlurmRowsMax.
template <class Take>
void each_line(std::string_view text, Take take) {
  for (std::size_t lines = 0; !text.empty() && lines < kSlurmRowsMax; ++lines) {
    const auto end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// Four parts with bars between; the last one may have bars in it.
std::optional<std::array<std::string_view, 4>> parts_of(std::string_view line) {
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const auto bar = line.find('|');
    if (bar == std::string_view::npos) return std::nullopt;
    parts.at(i) = trimmed(line.substr(0, bar));
    line.remove_prefix(bar + 1);
  }
  parts.back() = trimmed(line);
  return parts;
}

}  // namespace

bool is_job_id(std::string_view text) {
  return !text.empty() && text.size() <= kJobDigitsMax && text.front() != '0' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string> sbatch_arguments(const SlurmSubmission& submission) {
  const auto& job = submission.job;
  std::vector<std::string> arguments{"sbatch",
                                     "--parsable",
                                     "--export=NIL",
                                     "--no-requeue",
                                     "--nodes=1",
                                     "--ntasks=1",
                                     "--input=/dev/null",
                                     "--open-mode=append",
                                     "--job-name=" + submission.name,
                                     "--chdir=" + submission.workspace,
                                     "--output=" + plain_name(submission.log)};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) arguments.push_back(option + value);
  };
  add("--partition=", job.partition);
  add("--time=", job.time);
  if (job.cpus) add("--cpus-per-task=", std::to_string(*job.cpus));
  add("--mem=", job.memory);
  add("--gpus=", job.gpus);
  add("--account=", job.account);
  add("--qos=", job.qos);
  arguments.push_back(submission.script);
  return arguments;
}

std::vector<std::string> squeue_arguments(unsigned user) {
  return {"squeue", "--noheader", "--all", "--states=all", "--user=" + std::to_string(user), "--format=%i|%T|%r|%j"};
}

std::vector<std::string> sacct_arguments(const std::vector<std::string>& jobs) {
  std::string list;
  for (std::size_t i = 0; i < std::min(jobs.size(), kSlurmAskedMax); ++i) list += (list.empty() ? "" : ",") + jobs[i];
  return {"sacct",         "--parsable2", "--noheader", "--allocations", "--format=JobIDRaw,State,ExitCode,JobName",
          "--jobs=" + list};
}

std::vector<std::string> sacct_by_name(const std::string& name) {
  // Without a start it looks at today alone.
  return {"sacct",
          "--parsable2",
          "--noheader",
          "--allocations",
          "--format=JobIDRaw,State,ExitCode,JobName",
          "--starttime=now-30days",
          "--name=" + name};
}

std::string slurm_script(std::string_view program, std::string_view folder) {
  return "#!/bin/sh\n# Makes one attempt of a run of hillstar-actors; the folder says which.\nexec " + quoted(program) +
         " attempt " + quoted(folder) + "\n";
}

std::optional<std::string> job_of_sbatch(std::string_view out) {
  std::string_view last;
  each_line(out, [&](std::string_view line) {
    if (const auto text = trimmed(line); !text.empty()) last = text;
  });
  const auto job = last.substr(0, last.find(';'));
  if (!is_job_id(job)) return std::nullopt;
  return std::string(job);
}

std::vector<SlurmRow> rows_of_squeue(std::string_view out) {
  std::vector<SlurmRow> rows;
  each_line(out, [&](std::string_view line) {
    const auto parts = parts_of(line);
    if (!parts || !is_job_id((*parts)[0]) || (*parts)[1].empty()) return;
    const auto reason = (*parts)[2] == "None" || (*parts)[2] == "(null)" ? std::string_view() : (*parts)[2];
    rows.push_back({std::string((*parts)[0]), std::string((*parts)[1]), std::string(reason), std::string((*parts)[3])});
  });
  return rows;
}

std::vector<SlurmRow> rows_of_sacct(std::string_view out) {
  std::vector<SlurmRow> rows;
  each_line(out, [&](std::string_view line) {
    const auto parts = parts_of(line);
    if (!parts || !is_job_id((*parts)[0]) || (*parts)[1].empty()) return;
    rows.push_back({std::string((*parts)[0]), std::string((*parts)[1]), {}, std::string((*parts)[3])});
  });
  return rows;
}

std::string slurm_words(std::string_view text) {
  std::string words;
  each_line(text, [&](std::string_view line) {
    line = trimmed(line);
    for (const std::string_view name : {"sbatch: ", "squeue: ", "sacct: ", "scancel: ", "error: ", "fatal: "})
      if (line.starts_with(name)) line = trimmed(line.substr(name.size()));
    if (line.empty() || words.size() > kSlurmWordsMax) return;
    words += (words.empty() ? "" : "; ") + std::string(line);
  });
  for (char& c : words)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = '?';
  if (words.size() > kSlurmWordsMax) {
    words.resize(kSlurmWordsMax);
    // Not in the middle of a character.
    while (!words.empty() && (static_cast<unsigned char>(words.back()) & 0xC0U) == 0x80U) words.pop_back();
    if (!words.empty() && (static_cast<unsigned char>(words.back()) & 0x80U) != 0) words.pop_back();
  }
  return words;
}

}  // namespace hillstar::placement
