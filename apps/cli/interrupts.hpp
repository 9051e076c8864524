// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM: the first asks politely, the second ends the process at once.
#pragma once

#include <functional>
#include <memory>

namespace hillstar::cli {

/// Catches SIGINT, SIGTERM and SIGHUP while it lives. The first one is told to `asked` on a thread of this object; the
/// second ends the process with 128 + signal, whatever else goes on: runs stay resumable by recovery.
class Interrupts {
 public:
  explicit Interrupts(std::function<void(int signal)> asked);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  struct Watch;
  std::unique_ptr<Watch> watch_;
};

}  // namespace hillstar::cli
