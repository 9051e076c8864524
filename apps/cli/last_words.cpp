// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/last_words.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/system/system_error.hpp>
#include <cerrno>
#include <cstdio>
#include <new>
#include <string>
#include <system_error>

#include "apps/cli/exit_codes.hpp"

namespace hillstar::cli {
namespace {

bool is_limit(int code) {
  return code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE || code == ENOSPC;
}

Error limit(const std::string& what) {
  return {Errc::system_limit,
          "the operating system refused what the program needs: " + what + ".",
          {},
          "Look at `ulimit -a`. Runs can be resumed."};
}

Error bug(const std::string& what) {
  return {Errc::internal, "internal error: " + what + ".", {}, "Please report it with the command that you ran."};
}

[[noreturn]] void say_and_end(const Error& error) {
  std::fprintf(stderr, "error %s\n", to_string(error).c_str());
  ::_exit(static_cast<int>(exit_of(error.code)));
}

[[noreturn]] void on_terminate() {
  if (const auto thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const InvariantError& broken) {
      say_and_end(error_of(broken));
    } catch (const std::exception& known) {
      say_and_end(error_of(known));
    } catch (...) {  // of no known type: it is told, and the process ends
      say_and_end(bug("an unknown exception"));
    }
  }
  // Libraries start several threads; if one is refused, the unwinding meets the others, which still run.
  if (std::uncaught_exceptions() > 0) say_and_end(limit("a thread, or memory"));
  say_and_end(bug("the program was told to end"));
}

}  // namespace

void hold_standard_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // A free number that is opened is the lowest one: this one.
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) (void)::open("/dev/null", O_RDONLY);
  }
}

void install_last_words() { std::set_terminate(on_terminate); }

Error error_of(const std::exception& thrown) {
  if (dynamic_cast<const std::bad_alloc*>(&thrown) != nullptr) return limit("memory");
  if (const auto* system = dynamic_cast<const std::system_error*>(&thrown); system != nullptr)
    return is_limit(system->code().value()) ? limit(thrown.what()) : bug(thrown.what());
  if (const auto* system = dynamic_cast<const boost::system::system_error*>(&thrown); system != nullptr)
    return is_limit(system->code().value()) ? limit(thrown.what()) : bug(thrown.what());
  return bug(thrown.what());
}

Error error_of(const InvariantError& broken) { return bug(broken.message); }

}  // namespace hillstar::cli
