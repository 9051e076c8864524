// SPDX-License-Identifier: Apache-2.0
// New run ids and dice. The only reader of randomness.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "messages/ids.hpp"
#include "messages/units.hpp"

namespace hillstar {

class IdSource {
 public:
  virtual ~IdSource() = default;
  /// A ULID; later calls within one process sort later, also within one millisecond.
  virtual RunId new_run(UtcTime now) = 0;
  /// Uniform in [0, 1000000).
  virtual std::uint32_t chance_ppm() = 0;
};

/// Seeded from the kernel. Thread-safe.
class SystemIdSource final : public IdSource {
 public:
  RunId new_run(UtcTime now) override;
  std::uint32_t chance_ppm() override;

 private:
  std::mutex mutex_;
  std::int64_t last_millis_ = 0;
  std::uint8_t tail_[10] = {};  // 80 random bits, counted up within one millisecond
};

/// The same for the same: a ULID with the time of `from`, made of `from` and `name`.
RunId derived_run(const RunId& from, std::string_view name);

/// True if `text` is 26 characters of Crockford base32 that make a ULID.
bool is_run_id(std::string_view text);

}  // namespace hillstar
