// SPDX-License-Identifier: Apache-2.0
// The variables that a run, or a check of providers, works with: what is set, what files add, and keys that are kept.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "runtime/policy/registry.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::cli {

struct Variables {
  std::vector<std::string> environment;       ///< `NAME=value`.
  std::map<std::string, std::string> places;  ///< Of those that were not set: the file, or `keyring`.
  std::vector<std::string> warnings;
};

struct VariableFiles {
  std::string folder;  ///< Where the search for a .env starts,
  std::string given;   ///< unless a file is named.
};

/// What is set wins; then the nearest .env of `folder` and its parents or the given file, then secrets.env, then keys
/// in plain text in the person's registry. A .env that was found, not given, says nothing about where keys go. Errors:
/// not_found if the given file cannot be read.
Result<Variables> read_variables(const std::vector<std::string>& environment, const VariableFiles& files,
                                 const policy::Registry& registry);

/// Asks the keyring for those of `names` that are missing; asks nothing if none is. A keyring that fails is a warning.
void add_from_keyring(Variables& variables, const std::vector<std::string>& names);

/// The keys that the plan's model calls look for and that are not set, not even to nothing.
std::vector<std::string> missing_keys(const workflow::Plan& plan, const policy::Registry& registry,
                                      const std::vector<std::string>& environment);
/// The keys of these providers (empty: of all) that are missing.
std::vector<std::string> missing_keys(const policy::Registry& registry, const std::vector<std::string>& providers,
                                      const std::vector<std::string>& environment);

}  // namespace hillstar::cli
