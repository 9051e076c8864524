// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/labels.hpp"

#include <algorithm>

namespace hillstar::workflow {
namespace {

constexpr std::size_t kWordMax = 64;

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

bool is_label_word(std::string_view text) {
  if (text.empty() || text.size() > kWordMax || !is_plain(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_plain(c) || c == '_' || c == '-' || c == '.'; });
}

std::string fault_of_labels(const std::map<std::string, std::string>& labels) {
  if (labels.size() > kLabelsMax) return "there are more than " + std::to_string(kLabelsMax) + " labels";
  for (const auto& [name, value] : labels) {
    if (!is_label_word(name)) return "the name of a label is not " + std::string(kLabelHint);
    if (!value.empty() && !is_label_word(value))
      return "the value of the label " + name + " is not " + std::string(kLabelHint);
  }
  return {};
}

}  // namespace hillstar::workflow
