// SPDX-License-Identifier: Apache-2.0
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/tools/tool.hpp"

namespace hillstar::tools {
namespace {

void ring(int descriptor) {
  const std::uint64_t one = 1;
  // Cannot fail: the counter is never read, and its range is not used up by two writes.
  (void)!write(descriptor, &one, sizeof one);
}

}  // namespace

CancelFlag::Bell::~Bell() {
  if (const int descriptor = descriptor_.load(); descriptor >= 0) close(descriptor);
}

void CancelFlag::Bell::ring() {
  rung_.store(true);
  if (const int descriptor = descriptor_.load(); descriptor >= 0) hillstar::tools::ring(descriptor);
}

int CancelFlag::Bell::descriptor() {
  if (const int known = descriptor_.load(); known >= 0) return known;
  const int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made < 0) return -1;
  int expected = -1;
  if (!descriptor_.compare_exchange_strong(expected, made)) {
    close(made);
    return expected;
  }
  if (rung_.load()) hillstar::tools::ring(made);
  return made;
}

}  // namespace hillstar::tools
