// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/problems.hpp"

#include <algorithm>
#include <numeric>

#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::workflow {
namespace {

/// Nobody reads more; a file that is wrong throughout is wrong in the same way.
constexpr std::size_t kDiagnosticsMax = 1000;

std::size_t offset_of(const json::Located& located, std::string pointer) {
  while (!pointer.empty()) {
    if (const auto found = located.offsets.find(pointer); found != located.offsets.end()) return found->second;
    pointer.resize(std::min(pointer.rfind('/'), pointer.size() - 1));
  }
  return std::min(located.text.find_first_not_of(" \t\r\n"), located.text.size());
}

}  // namespace

std::string Place::pointer() const {
  std::vector<const Place*> places;
  for (const auto* place = this; place->parent_ != nullptr; place = place->parent_) places.push_back(place);
  std::string out;
  for (auto place = places.rbegin(); place != places.rend(); ++place)
    out += "/" + ((*place)->is_index_ ? std::to_string((*place)->index_) : json::pointer_token((*place)->name_));
  return out;
}

void Problems::add(Severity severity, Errc code, std::string pointer, std::string message, std::string hint) {
  if (severity == Severity::error) ++errors_;
  if (diagnostics_.size() == kDiagnosticsMax) {
    ++left_out_;
    return;
  }
  diagnostics_.push_back({severity, code, std::move(pointer), {}, std::move(message), std::move(hint)});
}

void Problems::error(Errc code, std::string pointer, std::string message, std::string hint) {
  add(Severity::error, code, std::move(pointer), std::move(message), std::move(hint));
}

void Problems::warning(std::string pointer, std::string message, std::string hint) {
  add(Severity::warning, Errc::workflow_invalid, std::move(pointer), std::move(message), std::move(hint));
}

void Problems::unknown_field(std::string pointer, std::string message, std::string hint) {
  add(strict_ ? Severity::error : Severity::warning, Errc::workflow_invalid, std::move(pointer), std::move(message),
      std::move(hint));
}

std::string Problems::suggest(std::string_view name, const std::vector<std::string_view>& candidates) {
  if (candidates.size() > comparisons_left_) return {};
  comparisons_left_ -= candidates.size();
  return did_you_mean(name, candidates);
}

std::vector<Diagnostic> Problems::take(const std::string& text) {
  if (diagnostics_.empty()) return {};
  // The text was read once without positions, which is faster; only a file with problems is read again.
  const auto located = json::parse_located(text);
  std::vector<std::size_t> offsets;
  for (const auto& diagnostic : diagnostics_) offsets.push_back(located ? offset_of(*located, diagnostic.pointer) : 0);
  std::vector<std::size_t> order(offsets.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return offsets[a] < offsets[b]; });
  std::vector<Diagnostic> sorted;
  json::Position position;
  std::size_t at = 0;
  for (const auto which : order) {
    for (; at < offsets[which]; ++at) {
      position.column = text[at] == '\n' ? 1 : position.column + 1;
      if (text[at] == '\n') ++position.line;
    }
    sorted.push_back(std::move(diagnostics_[which]));
    sorted.back().position = position;
  }
  if (left_out_ > 0) {
    const bool all_are_warnings = !workflow::has_errors(sorted) && errors_ == 0;
    sorted.push_back({all_are_warnings ? Severity::warning : Severity::error,
                      Errc::workflow_invalid,
                      "",
                      {},
                      std::to_string(left_out_) + " more problems are not listed",
                      "mend the first ones"});
  }
  diagnostics_.clear();
  return sorted;
}

}  // namespace hillstar::workflow
