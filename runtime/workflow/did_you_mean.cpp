// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/did_you_mean.hpp"

#include <algorithm>

namespace hillstar::workflow {
namespace {

/// Longer names are compared by their first letters only.
constexpr std::size_t kNameBytesMax = 128;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  a = a.substr(0, kNameBytesMax);
  b = b.substr(0, kNameBytesMax);
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit) return limit + 1;
  // Three rows of the table: the one before the previous is needed for swapped neighbours.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t k = 0; k <= b.size(); ++k) previous[k] = k;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    auto smallest = i;
    for (std::size_t k = 1; k <= b.size(); ++k) {
      const std::size_t differs = lower(a[i - 1]) == lower(b[k - 1]) ? 0 : 1;
      row[k] = std::min({previous[k] + 1, row[k - 1] + 1, previous[k - 1] + differs});
      if (i > 1 && k > 1 && lower(a[i - 1]) == lower(b[k - 2]) && lower(a[i - 2]) == lower(b[k - 1]))
        row[k] = std::min(row[k], before[k - 2] + 1);
      smallest = std::min(smallest, row[k]);
    }
    if (smallest > limit) return limit + 1;
    std::swap(before, previous);
    std::swap(previous, row);
  }
  return std::min(previous[b.size()], limit + 1);
}

std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, std::min<std::size_t>(name.size(), kNameBytesMax) / 3) + 1;
  for (const auto candidate : candidates) {
    // A name that shares no letter is no help, however short both are.
    if (candidate.empty() || candidate.size() <= best_distance - 1) {
      if (name.find_first_of(candidate) == std::string_view::npos) continue;
    }
    const auto distance = edit_distance(name, candidate, best_distance - 1);
    if (distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
    if (distance == 0) break;
  }
  return best.empty() ? "" : "did you mean '" + std::string(best) + "'?";
}

std::string one_of(const std::vector<std::string_view>& names) {
  std::string text = "one of ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += "'" + std::string(names[i]) + "'";
  }
  return text;
}

}  // namespace hillstar::workflow
