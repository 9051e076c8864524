// SPDX-License-Identifier: Apache-2.0
// The commands by which a person sets this program up: settings, keys, checks.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/configuration.hpp"

namespace hillstar::cli {

class Commands;

/// `configuration` must outlive the table.
void add_operator_commands(Commands& commands, const Configuration& configuration);

/// What the shells complete behind one of these commands; empty for others.
std::vector<std::string> operator_choices(const std::string& command);

}  // namespace hillstar::cli
