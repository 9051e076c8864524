// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs as a report shows them: masked, bounded, with the hash of what was cut.
#pragma once

#include <string>
#include <string_view>

#include "apps/cli/report_document.hpp"
#include "messages/commands.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::cli::doc {

/// Reads what is kept, as far as it is shown. Not thread-safe.
class Texts {
 public:
  Texts(const persistence::EventStore& store, const policy::Redactor& redactor) : store_(store), redactor_(redactor) {}

  /// Without secrets.
  [[nodiscard]] std::string clean(std::string_view text) const { return redactor_.redact(text); }
  /// Without secrets, and cut.
  Text of(std::string label, std::string_view text);
  /// The template of a node, filled as the attempt saw it.
  Text input(const workflow::PlanNode& node, ExecuteNode command);
  /// A request as it was sent.
  Text request(const std::string& sha256);
  /// `output`, and `error` if there is one; the whole result if it is no such object.
  void add_result(std::vector<Text>& texts, const Value& value);

 private:
  Text missing(std::string label, const std::string& why);
  Text of_member(std::string label, const Value& value, const std::string& key);
  Text of_blob(std::string label, const BlobRef& blob);
  void charge(Text& text);

  const persistence::EventStore& store_;
  const policy::Redactor& redactor_;
  std::size_t left_ = kAllTextBytesMax;
};

}  // namespace hillstar::cli::doc
