// SPDX-License-Identifier: Apache-2.0
// Where the command line and the other places of settings meet: an option that was typed wins.
#pragma once

#include "apps/cli/configuration.hpp"

namespace CLI {
class App;
}  // namespace CLI

namespace hillstar::cli {

/// Gives each option of the parsed command that was not typed what the settings say, and notes in `configuration` those
/// that were. The variables that options are bound to must still be there.
void hand_to_options(CLI::App& app, Configuration& configuration);

}  // namespace hillstar::cli
