// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/signal_block.hpp"

#include <ctime>

namespace hillstar {

SignalBlock::SignalBlock(int signal) : signal_(signal) {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  was_pending_ = sigismember(&pending, signal_) == 1;
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, signal_);
  pthread_sigmask(SIG_BLOCK, &blocked, &before_);
}

SignalBlock::~SignalBlock() {
  if (!was_pending_) {
    sigset_t mine;
    sigemptyset(&mine);
    sigaddset(&mine, signal_);
    const timespec at_once{};
    while (sigtimedwait(&mine, nullptr, &at_once) > 0) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace hillstar
