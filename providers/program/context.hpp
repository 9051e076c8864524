// SPDX-License-Identifier: Apache-2.0
// What a program that answers a model call is started with, beside its command.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/policy/redaction.hpp"

namespace hillstar::providers {

/// Immutable. The same as a script of the same node gets.
struct ProgramContext {
  std::string folder;                    ///< Where it runs: the run's workspace.
  std::vector<std::string> environment;  ///< `NAME=value`; all it sees. Holds keys.
  policy::Redactor redactor;             ///< For what it writes to stderr.
  std::string run;
  std::string node;  ///< With `[3]` behind it for an item of a map.
  std::uint32_t attempt = 1;
  std::string idempotency_key;  ///< The same for every attempt.
};

}  // namespace hillstar::providers
