// SPDX-License-Identifier: Apache-2.0
// Finds and reads the policy files that hold for a run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "runtime/policy/rules.hpp"

namespace hillstar::tools {

/// Below the workspace; the same file holds Hillstar's rules about commits.
inline constexpr std::string_view kProjectPolicy = ".hillstar/governance_policy.json";
/// The user's is below $XDG_CONFIG_HOME, else ~/.config.
inline constexpr std::string_view kUserPolicy = "hillstar/policy.json";
inline constexpr std::string_view kSitePolicy = "/etc/hillstar/policy.json";

/// Where the policies of the site and of the user stand, whether they are there or not.
std::vector<std::string> operator_policies(const std::vector<std::string>& environment);

/// The rules of the site, the user and the project together; a file that is not there says nothing. `environment` is
/// `NAME=value`, and an empty `workspace` has no project. Errors: policy_invalid, also for a file that is there and
/// cannot be read.
Result<std::shared_ptr<const policy::Rules>> load_rules(const std::string& workspace,
                                                        const std::vector<std::string>& environment);

}  // namespace hillstar::tools
