// SPDX-License-Identifier: Apache-2.0
// The command `run` and its options.
#pragma once

namespace hillstar::cli {

class Commands;

void add_run(Commands& commands);

}  // namespace hillstar::cli
