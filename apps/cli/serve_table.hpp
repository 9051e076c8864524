// SPDX-License-Identifier: Apache-2.0
// serve, token and stream in the table of the program.
#pragma once

namespace hillstar::cli {

class Commands;
void add_serve(Commands& commands);

}  // namespace hillstar::cli
