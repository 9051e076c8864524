// SPDX-License-Identifier: Apache-2.0
// ULIDs and dice from the kernel's random numbers. Source of the format: github.com/ulid/spec (2019).
#include "runtime/platform/id_source.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "runtime/platform/hash.hpp"
#include "runtime/platform/random.hpp"

namespace hillstar {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kUlidLength = 26;
constexpr std::int64_t kMillisMax = (std::int64_t{1} << 48) - 1;

/// Adds one to a big-endian number; true if it wrapped to zero.
bool increment(std::uint8_t (&number)[10]) {
  for (std::size_t i = sizeof number; i-- > 0;)
    if (++number[i] != 0) return false;
  return true;
}

/// 128 bits as 26 digits of five bits; the first digit carries the topmost three.
std::string encode(const std::array<std::uint8_t, 16>& bytes) {
  std::string text(kUlidLength, '0');
  for (std::size_t digit = 0; digit < kUlidLength; ++digit) {
    unsigned value = 0;
    for (std::size_t k = 0; k < 5; ++k) {
      const std::size_t bit = digit * 5 + k;  // counted from two zero bits in front of the 128
      const bool set = bit >= 2 && ((bytes[(bit - 2) / 8] >> (7 - (bit - 2) % 8)) & 1U) != 0;
      value = value << 1U | static_cast<unsigned>(set);
    }
    text[digit] = kAlphabet[value];
  }
  return text;
}

}  // namespace

RunId SystemIdSource::new_run(UtcTime now) {
  const std::lock_guard lock(mutex_);
  const std::int64_t millis = std::clamp<std::int64_t>(now.micros / 1000, 0, kMillisMax);
  if (millis > last_millis_) {
    last_millis_ = millis;
    const auto fresh = random_bytes(sizeof tail_);
    std::copy(fresh.begin(), fresh.end(), tail_);
    tail_[0] &= 0x7F;  // room to count up
  } else if (increment(tail_)) {
    // The clock stands still or went back: the order of the ids is kept by counting on.
    last_millis_ = std::min(last_millis_ + 1, kMillisMax);
  }
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(last_millis_ >> (8 * (5 - i)));
  std::copy(std::begin(tail_), std::end(tail_), bytes.begin() + 6);
  return RunId(encode(bytes));
}

std::uint32_t SystemIdSource::chance_ppm() {
  constexpr std::uint32_t kRange = 1'000'000;
  // Values above the last whole multiple are thrown again, so that every outcome is equally likely.
  constexpr std::uint32_t kFair = UINT32_MAX / kRange * kRange;
  std::uint32_t value = 0;
  do {
    std::memcpy(&value, random_bytes(sizeof value).data(), sizeof value);
  } while (value >= kFair);
  return value % kRange;
}

RunId derived_run(const RunId& from, std::string_view name) {
  constexpr std::size_t kTimeDigits = 10;
  const auto hash = sha256(from.str(), "/", name);
  std::array<std::uint8_t, 16> bytes{};
  std::copy(hash.begin(), hash.begin() + 16, bytes.begin());
  return RunId(from.str().substr(0, kTimeDigits) + encode(bytes).substr(kTimeDigits));
}

bool is_run_id(std::string_view text) {
  return text.size() == kUlidLength && text.front() <= '7' &&
         text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

}  // namespace hillstar
