// SPDX-License-Identifier: Apache-2.0
// --server: a command asks a service elsewhere in place of a store on this machine.
#pragma once

#include <string>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::cli {

/// What Context::store becomes: the address of the service if one is asked for, else the folder. `given` is --server;
/// HILLSTAR_SERVER counts for commands that can ask a service, and --server is refused by the others.
Result<std::string> place_of_store(const std::string& folder, const std::string& given, const std::string& command,
                                   const std::vector<std::string>& environment);

}  // namespace hillstar::cli
