// SPDX-License-Identifier: Apache-2.0
// secrets set, ls, rm, move: keys are kept where runs find them, and are never shown.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/commands.hpp"
#include "apps/cli/keyring.hpp"
#include "runtime/policy/registry.hpp"

namespace hillstar::cli {

struct SecretsArgs {
  std::string what = "ls";
  std::string name;
  std::string place = "auto";  ///< keyring, file, or auto: the keyring if there is one.
};

Result<Exit> manage_secrets(Context& context, const SecretsArgs& args);

/// The variable that `name`, a provider's or its own, stands for. Errors: usage, not_found.
Result<std::string> key_variable(const std::string& name, const policy::Registry& registry);
/// A key as a person typed it, or why it is none. Errors: usage; never with the value.
Result<std::string> checked_key(const std::string& variable, const std::string& typed);

/// Keeps a key in one place and takes it out of the other. Returns the place, in words. `place` as in SecretsArgs.
Result<std::string> keep_key(const std::vector<std::string>& environment, const std::string& variable,
                             const std::string& value, const std::string& place);

}  // namespace hillstar::cli
