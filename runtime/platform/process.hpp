// SPDX-License-Identifier: Apache-2.0
// Runs one program to its end: feeds it, drains it, and takes its whole process group down with it.
//
// The child leads a session and process group of its own and starts with no descriptors but 0, 1 and 2, default signal
// handling and an empty signal mask. It dies with the calling thread (parent-death signal), and its group dies with
// this process if a guard is given. When run_process returns, the group is dead: what a script left in the background
// dies too, unless it moved into a session of its own (setsid), as daemons do.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/units.hpp"

namespace hillstar {

class Confinement;
class ProcessGuard;

/// What a program may write to stdout, and again to stderr.
inline constexpr std::uint64_t kProcessOutputBytesMax = 64U << 20U;
/// Between the request to end (SIGTERM) and the end (SIGKILL); also how long pipes may stay open after the program.
inline constexpr Millis kProcessGrace{2'000};

struct ProcessSpec {
  /// With a slash: a path, relative to `cwd`. Without: looked up in PATH of `environment` (without PATH:
  /// /bin:/usr/bin).
  std::string program;
  std::vector<std::string> arguments;    ///< With the program's own name first.
  std::vector<std::string> environment;  ///< `NAME=value`; all the program sees.
  std::string cwd;                       ///< Empty: that of this process.
  std::string_view input;                ///< Fed to stdin, which is then closed. Must outlive the call.
  int input_descriptor = -1;             ///< Not -1: stdin itself, in place of `input`. Not closed.
  int cancel_descriptor = -1;            ///< Readable: end the program.
  int kill_descriptor = -1;              ///< Readable: end it without any grace.
  std::uint64_t output_bytes_max = kProcessOutputBytesMax;
  std::optional<Millis> time_limit;  ///< Empty: none.
  Millis grace = kProcessGrace;
  const Confinement* confinement = nullptr;  ///< What the program is shut in; null: nothing. Must outlive the call.
};

/// Takes pieces as they come, on the calling thread. An error ends the program.
using OutputPiece = std::function<Result<void>(std::string_view)>;
struct ProcessOutput {
  OutputPiece on_stdout;  ///< Null: thrown away.
  OutputPiece on_stderr;
};

enum class ProcessEndKind {
  exited,     ///< `code` is its exit code.
  signalled,  ///< `code` is the signal that killed it; not one of ours.
  timed_out,
  cancelled,
  output_limit,
  output_failed,  ///< `error` is what a piece taker said.
  not_confined,   ///< It could not be shut in as asked, so it was not started; `error` says why.
  no_folder,      ///< The working directory cannot be entered; `code` is errno.
  not_started,    ///< The program cannot be run; `code` is errno.
};

struct ProcessEnd {
  ProcessEndKind kind = ProcessEndKind::not_started;
  int code = 0;
  std::optional<Error> error;
};

/// Blocks until the end. The calling thread must not end meanwhile, which it cannot. Thread-safe.
/// @param guard  may be null: then only the program itself, not its children, dies if this process is killed
ProcessEnd run_process(const ProcessSpec& spec, const ProcessOutput& output, ProcessGuard* guard);

}  // namespace hillstar
