// SPDX-License-Identifier: Apache-2.0
// Landlock: which files a program and its children may use. For sandbox.cpp.
#pragma once

#include "messages/error.hpp"
#include "runtime/platform/descriptor.hpp"
#include "runtime/platform/sandbox.hpp"

namespace hillstar {

/// Opens what is named; what does not exist or cannot be seen is left out. Errc::io if the kernel refuses a rule.
/// @param version  of Landlock; at least 1. Older ones close less: see sandbox_abilities.hpp
Result<Descriptor> make_ruleset(const SandboxFiles& files, int version, bool scopes_signals);

/// Enters it for good; 0 or errno. Safe in a child that borrows our memory.
int enter_ruleset(int ruleset);

}  // namespace hillstar
