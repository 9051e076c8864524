// SPDX-License-Identifier: Apache-2.0
// Whether the operating system grants the threads that an engine needs, before half of them have been started.
#pragma once

#include <cstddef>

#include "messages/error.hpp"

namespace hillstar::cli {

/// Starts `count` threads that live at the same time, looks for room for what they allocate, and ends them.
/// system_limit if something is refused. Threads that are
/// refused later, in the middle of a library, end a process or leave it waiting for an actor that has none.
Result<void> probe_threads(std::size_t count);
/// Threads of an engine on this machine, with those of its first runs, its host and its terminal.
std::size_t threads_of_engine();

}  // namespace hillstar::cli
