// SPDX-License-Identifier: Apache-2.0
// Programs as a transport: a request to `program:[...]` starts the program, its body is stdin, stdout is the reply.
//
// Everything above stays as it is: a call of a program waits, is counted, cancelled and timed like any other. It runs
// as scripts do (runtime/platform/process.hpp): no shell, a process group of its own that is gone when the call has
// ended, also after a kill of this process. `connect_timeout`, `first_byte_timeout` and `idle_timeout` do not apply.
#pragma once

#include <cstddef>
#include <memory>

#include "providers/http/transport.hpp"

namespace hillstar::providers {

/// Programs that answer calls at once; each has a thread that waits for it.
inline constexpr std::size_t kProgramsMax = 64;
/// Calls that may wait for one of these; more are refused with FailureClass::overloaded. Pools rarely let it come so
/// far.
inline constexpr std::size_t kProgramsWaitingMax = 10'000;

/// Sends requests to programs itself and all others through `servers`. A program that ended with 0 is a reply with
/// status 200. Failures: exit_code, signal, timeout, output_limit; spawn (it cannot be started); invalid_request (its
/// address); network (cancelled). The last words of stderr stand in the message, redacted.
/// The destructor ends the programs that run and waits for them.
std::unique_ptr<Transport> with_programs(std::unique_ptr<Transport> servers);

}  // namespace hillstar::providers
