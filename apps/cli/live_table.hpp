// SPDX-License-Identifier: Apache-2.0
// The commands for runs that have no end yet: pause, wait, signal, input, ps, top, watch.
#pragma once

namespace hillstar::cli {

class Commands;

void add_live(Commands& commands);

}  // namespace hillstar::cli
