// SPDX-License-Identifier: Apache-2.0
// Runs the programs of Slurm: no shell, an environment without keys, a time limit, bounded output.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/units.hpp"

namespace hillstar {

/// A program that has not answered by then is ended.
inline constexpr Millis kSlurmAnswerTime{30'000};
/// Of what it prints; the rest is thrown away.
inline constexpr std::size_t kSlurmOutputMax = 32U << 20U;
inline constexpr std::size_t kSlurmErrorsMax = 16U << 10U;

struct SlurmAnswer {
  bool ok = false;      ///< It ended with 0.
  bool absent = false;  ///< There is no such program.
  bool killed = false;  ///< It did not answer in time, or was ended by `cancel_descriptor`.
  std::string out;
  std::string err;
};

/// Of all variables of a process: those that programs of Slurm need to find their cluster, and a person's own defaults
/// of sbatch.
std::vector<std::string> slurm_environment(const std::vector<std::string>& environment);

/// Blocks. @param arguments  with the program first; looked up in PATH of `environment`
/// @param cancel_descriptor  readable: end it; -1: none
SlurmAnswer ask_slurm(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                      int cancel_descriptor);

}  // namespace hillstar
