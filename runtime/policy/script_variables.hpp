// SPDX-License-Identifier: Apache-2.0
// Which variables of a person's environment a script gets: all but keys, and doors to programs that hold keys. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/policy/redaction.hpp"

namespace hillstar::policy {

struct ScriptVariables {
  std::vector<std::string> given;     ///< `NAME=value`, in their order.
  std::vector<std::string> withheld;  ///< Names only.
};

/// Withheld are
/// - variables whose name is that of a secret (sounds_secret), unless the value is a path, a yes or no, or empty;
/// - variables whose value holds a secret: a URL with a password, or what `redactor` finds;
/// - the sockets of agents that sign or unlock for the person (SSH_AUTH_SOCK and the like).
/// @param named  what the author names, exactly, is given whatever it is
ScriptVariables script_variables(const std::vector<std::string>& environment, const std::vector<std::string>& named,
                                 const Redactor& redactor);

}  // namespace hillstar::policy
