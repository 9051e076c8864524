// SPDX-License-Identifier: Apache-2.0
// The filter of system calls (seccomp): which ones a script has no business with.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "runtime/platform/sandbox.hpp"

namespace hillstar {

/// A program for the kernel's filter. Empty on machines that it is not written for.
///
/// Refused are calls that look into other programs, change what the machine is, or make namespaces (in which a program
/// has rights that no filter foresees). Refused means EPERM, so that a program can go on without; clone3 is "not
/// there" (ENOSYS), because its flags cannot be seen, and libraries then use clone.
std::vector<sock_filter> make_call_filter(SandboxNetwork network);

}  // namespace hillstar
