// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/span.hpp"

#include <array>
#include <charconv>
#include <string>

namespace hillstar::cli {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t millis;
};
constexpr std::array<Unit, 5> kUnits{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::int64_t kMillisMax = 36'525LL * 86'400'000;

}  // namespace

Result<Millis> span_of(std::string_view text) {
  std::int64_t count = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, count);
  const std::string_view name(rest, static_cast<std::size_t>(end - rest));
  for (const auto& unit : kUnits)
    if (code == std::errc() && count >= 0 && name == unit.name && count <= kMillisMax / unit.millis)
      return Millis(count * unit.millis);
  return Error{
      Errc::usage, "'" + std::string(text) + "' is no span of time.", {}, "Write 500ms, 30s, 15m, 12h or 90d."};
}

Result<std::uint64_t> bytes_of(const std::string& text, const std::string& option) {
  std::uint64_t count = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, count);
  constexpr std::string_view kUnits = "KMGT";
  unsigned shift = 0;
  bool good = code == std::errc();
  if (good && rest != end) {
    const auto unit = kUnits.find(*rest);
    good = rest + 1 == end && unit != std::string_view::npos;
    if (good) shift = 10U * (static_cast<unsigned>(unit) + 1U);
  }
  if (!good || count > UINT64_MAX >> shift)
    return Error{Errc::usage,
                 option + ": '" + text + "' is no number of bytes.",
                 {},
                 "Give a number, with K, M, G or T behind it if you like."};
  return count << shift;
}

}  // namespace hillstar::cli
