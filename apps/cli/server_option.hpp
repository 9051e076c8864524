// SPDX-License-Identifier: Apache-2.0
// --server: a command asks a service elsewhere in place of a store on this machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"

namespace hillstar::cli {

/// What a command does with a store.
enum class StoreUse {
  reads_or_asks,  ///< A folder or a service: it works the same with both.
  none,           ///< It looks at no store; a service that is named is not asked.
  needs_folder,   ///< It works on the files of the store, or hosts it.
};
StoreUse store_use(std::string_view command);

/// Which store a person named.
struct StoreChoice {
  std::string folder;         ///< --store, else what stands in for it.
  bool folder_given = false;  ///< On the command line.
  std::string server;         ///< --server; may be empty.
};

/// What Context::store becomes: the address of the service if one is asked for, else the folder, absolute. What is on
/// the command line goes before HILLSTAR_SERVER. Errors: usage, for both at once, for what is no address, and for a
/// command that needs the folder while a service is named: it never works on another store than the one that is meant.
Result<std::string> place_of_store(const StoreChoice& choice, const std::string& command,
                                   const std::vector<std::string>& environment);

}  // namespace hillstar::cli
