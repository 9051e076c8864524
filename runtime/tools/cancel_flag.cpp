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

CancelFlag::CancelFlag() = default;

CancelFlag::~CancelFlag() {
  if (const int descriptor = descriptor_.load(); descriptor >= 0) close(descriptor);
}

// set() stores the flag and then looks for a descriptor; descriptor() stores one and then looks at the flag. In the
// one order that all threads agree on, at least one of the two sees the other.
void CancelFlag::set() {
  set_.store(true);
  if (const int descriptor = descriptor_.load(); descriptor >= 0) ring(descriptor);
}

int CancelFlag::descriptor() {
  if (const int known = descriptor_.load(); known >= 0) return known;
  const int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made < 0) return -1;
  int expected = -1;
  if (!descriptor_.compare_exchange_strong(expected, made)) {
    close(made);
    return expected;
  }
  if (set_.load()) ring(made);
  return made;
}

}  // namespace hillstar::tools
