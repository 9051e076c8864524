// SPDX-License-Identifier: Apache-2.0
// Starts a program; used by process.cpp only.
#pragma once

#include <sys/types.h>

#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/process.hpp"
#include "runtime/platform/sandbox.hpp"

namespace hillstar {

struct Spawned {
  pid_t pid = -1;
  Descriptor input;        ///< Our end of stdin, non-blocking; closed if the spec names a descriptor.
  Descriptor out;          ///< Our end of stdout, non-blocking.
  Descriptor err;          ///< Our end of stderr, non-blocking.
  int error_number = 0;    ///< Not 0: nothing was started.
  bool in_folder = false;  ///< `error_number` is about the working directory.
  ConfinementStep in_step = ConfinementStep::none;  ///< Not none: `error_number` is about this.
};

/// Costs about as much as posix_spawn: the child borrows our memory until it becomes the program (vfork).
Spawned spawn_process(const ProcessSpec& spec, ProcessGuard* guard);

}  // namespace hillstar
