// SPDX-License-Identifier: Apache-2.0
// Collects diagnostics while a workflow is read. Places are built only when there is something to say about them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/workflow/diagnostics.hpp"

namespace hillstar::workflow {

/// A JSON pointer on the stack: each level points to the one above, which must outlive it.
class Place {
 public:
  Place() = default;
  [[nodiscard]] Place key(std::string_view name) const { return {this, name}; }
  [[nodiscard]] Place element(std::size_t index) const { return {this, index}; }
  [[nodiscard]] std::string pointer() const;

 private:
  Place(const Place* parent, std::string_view name) : parent_(parent), name_(name), is_index_(false) {}
  Place(const Place* parent, std::size_t index) : parent_(parent), index_(index), is_index_(true) {}

  const Place* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = 0;
  bool is_index_ = false;
};

class Problems {
 public:
  explicit Problems(bool strict) : strict_(strict) {}

  void error(Errc code, std::string pointer, std::string message, std::string hint = {});
  void warning(std::string pointer, std::string message, std::string hint = {});
  /// A warning, an error if the caller is strict.
  void unknown_field(std::string pointer, std::string message, std::string hint);

  /// did_you_mean, as long as the comparisons it costs stay within a bound for the whole file.
  std::string suggest(std::string_view name, const std::vector<std::string_view>& candidates);

  /// False if `count` more comparisons are too many: spares the caller building the list of candidates.
  [[nodiscard]] bool may_compare(std::size_t count) const { return count <= comparisons_left_; }

  [[nodiscard]] bool has_errors() const { return errors_ > 0; }
  /// The diagnostics, in the order of the file, with their positions in `text`.
  std::vector<Diagnostic> take(const std::string& text);

 private:
  void add(Severity severity, Errc code, std::string pointer, std::string message, std::string hint);

  bool strict_;
  std::size_t errors_ = 0;
  std::size_t left_out_ = 0;
  std::size_t comparisons_left_ = 1'000'000;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace hillstar::workflow
