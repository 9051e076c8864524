// SPDX-License-Identifier: Apache-2.0
// hillstar-actors: one command, one error, one exit code.
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "apps/cli/app.hpp"
#include "apps/cli/exit_codes.hpp"
#include "apps/cli/last_words.hpp"
#include "messages/error.hpp"

namespace {

/// A dump of this process would hold the keys of its environment. Other programs of the same user cannot read its
/// memory either. Programs that it starts are dumped as ever.
void keep_memory_here() {
  if (std::getenv("HILLSTAR_CORE_DUMPS") == nullptr) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int end_with(const hillstar::Error& error) {
  std::fprintf(stderr, "error %s\n", to_string(error).c_str());
  return static_cast<int>(hillstar::cli::exit_of(error.code));
}

}  // namespace

int main(int argc, char** argv) {
  hillstar::cli::hold_standard_streams();
  keep_memory_here();
  hillstar::cli::install_last_words();
  // A reader that goes away and a file at its limit are errors of a write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return hillstar::cli::run_program(argc, argv);
  } catch (const hillstar::InvariantError& broken) {
    return end_with(hillstar::cli::error_of(broken));
  } catch (const std::exception& thrown) {
    return end_with(hillstar::cli::error_of(thrown));
  }
}
