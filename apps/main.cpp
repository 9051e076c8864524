// SPDX-License-Identifier: Apache-2.0
// hillstar-actors: one command, one error, one exit code.
#include <csignal>
#include <cstdio>
#include <exception>

#include "apps/cli/app.hpp"
#include "apps/cli/exit_codes.hpp"
#include "messages/error.hpp"

namespace {

int bug(const char* what) {
  std::fprintf(stderr, "error HS900: internal error: %s. Please report it with the command that you ran.\n", what);
  return static_cast<int>(hillstar::cli::Exit::internal);
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that goes away and a file at its limit are errors of a write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return hillstar::cli::run_program(argc, argv);
  } catch (const hillstar::InvariantError& broken) {
    return bug(broken.message.c_str());
  } catch (const std::exception& thrown) {
    return bug(thrown.what());
  }
}
