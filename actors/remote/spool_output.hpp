// SPDX-License-Identifier: Apache-2.0
// What the script of a job says, on its way from the folder of the attempt to those who follow the run.
#pragma once

#include <cstdint>
#include <string>

#include "actors/remote/slurm_spool.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar::actors {

/// Of live output, at one look.
inline constexpr std::size_t kSpoolOutputPiece = 64U << 10U;

/// Reads the file on, piece by piece. The job masks what it knows to be secret; the host, what it knows, also where a
/// secret lies across two pieces. Blocks on disks.
class SpoolOutput {
 public:
  explicit SpoolOutput(policy::Redactor redactor) : clean_(std::move(redactor)) {}

  /// What came since the last look and can be no part of a secret, in whole characters; kSpoolOutputMax bytes in all.
  std::string more(const SlurmSpool& spool);
  /// What was held back; nothing comes after it.
  std::string rest();

 private:
  std::string whole(std::string_view clean, bool all);

  policy::StreamRedactor clean_;
  std::uint64_t read_ = 0;
  std::string cut_;  ///< The beginning of a character.
};

}  // namespace hillstar::actors
