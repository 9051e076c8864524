// SPDX-License-Identifier: Apache-2.0
// The command line: options, help, version, and which function a command is.
#pragma once

namespace hillstar::cli {

/// Parses, runs one command, prints one error, returns the exit code.
int run_program(int argc, const char* const* argv);

}  // namespace hillstar::cli
