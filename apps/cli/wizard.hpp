// SPDX-License-Identifier: Apache-2.0
// wizard: asks for keys and local servers, tries each with a real request, and writes everything at the end.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

struct WizardArgs {};

/// On a terminal or with answers from a pipe. Until the last question nothing is written.
Result<Exit> set_up(Context& context, const WizardArgs& args);

/// The registry file `text` with addresses of providers put where Hillstar's wizard puts them
/// (`user_overrides.providers`); the rest stays. Errors: those of JSON, with `path` as the place.
Result<std::optional<std::string>> with_addresses(const std::optional<std::string>& text, const std::string& path,
                                                  const std::map<std::string, std::string>& addresses);

}  // namespace hillstar::cli
