// SPDX-License-Identifier: Apache-2.0
// What an engine does where nobody said otherwise.
#pragma once

#include <functional>
#include <string>

#include "actors/engine.hpp"
#include "runtime/policy/model_choice.hpp"

namespace hillstar::actors {

unsigned cores();
/// One more than run: the event log holds one while it waits for the disk.
unsigned threads_for(const EngineOptions& options);
/// Of a backend: what the options say, else the registry.
std::function<providers::PoolLimits(const policy::Backend&)> limits_of(const EngineOptions& options);

/// One line on stderr.
void print_line(const std::string& line);

/// A failed write means "unknown": nothing may be done on top of it in this process. The histories say what is durable.
[[noreturn]] void end_process(const Error& error);

}  // namespace hillstar::actors
