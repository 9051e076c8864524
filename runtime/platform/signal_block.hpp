// SPDX-License-Identifier: Apache-2.0
// Turns a signal that a system call of this thread would raise (SIGPIPE, SIGXFSZ) into its error code.
#pragma once

#include <csignal>

namespace hillstar {

/// While it lives, `signal` does not reach this thread; one that a write of ours raised is thrown away at the end.
/// Must be destroyed on the thread that made it.
class SignalBlock {
 public:
  explicit SignalBlock(int signal);
  ~SignalBlock();
  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;

 private:
  int signal_;
  bool was_pending_ = false;
  sigset_t before_{};
};

}  // namespace hillstar
