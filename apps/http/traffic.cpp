// SPDX-License-Identifier: Apache-2.0
#include "apps/http/traffic.hpp"

#include <algorithm>

namespace hillstar::http {

void Traffic::answered(const std::string& route, unsigned status, std::uint64_t micros) {
  const auto range = std::find_if(kMillis.begin(), kMillis.end(),
                                  [&](std::uint32_t end) { return micros <= std::uint64_t{end} * 1000; }) -
                     kMillis.begin();
  const std::lock_guard lock(mutex_);
  auto& count = counts_[{route, status}];
  ++count.answers;
  ++count.within[static_cast<std::size_t>(range)];
  count.micros += micros;
}

Traffic::Counts Traffic::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace hillstar::http
