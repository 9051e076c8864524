// SPDX-License-Identifier: Apache-2.0
// The machine's clocks.
#include "runtime/platform/clock.hpp"

namespace hillstar {

UtcTime SystemClock::utc_now() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count()};
}

std::chrono::steady_clock::time_point SystemClock::steady_now() const { return std::chrono::steady_clock::now(); }

}  // namespace hillstar
