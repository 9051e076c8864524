// SPDX-License-Identifier: Apache-2.0
// The provider registry as this person has it: what comes with the program, and files laid over it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "runtime/policy/registry.hpp"

namespace hillstar::cli {

/// The shipped registry, then ~/.hillstar/provider_registry.json if there is one, then the file that HILLSTAR_REGISTRY
/// names. Errors: provider_config with file and JSON pointer; not_found if the named file cannot be read.
Result<std::shared_ptr<const policy::Registry>> load_registry(const std::vector<std::string>& environment);

}  // namespace hillstar::cli
