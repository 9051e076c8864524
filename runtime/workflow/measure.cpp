// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/measure.hpp"

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "runtime/workflow/references.hpp"
#include "runtime/workflow/templates.hpp"

namespace hillstar::workflow {
namespace {

Result<std::string> no_blob(const std::string& sha256) {
  return Error{Errc::blob_missing, "blobs are not read here", sha256};
}

class Measure {
 public:
  Measure(const ExecuteNode& command, std::uint64_t item_bytes, bool quoted)
      : command_(command), item_bytes_(item_bytes), quoted_(quoted) {}

  std::uint64_t of(std::string_view token, std::string_view inner) const {
    if (inner == "item" || inner.starts_with("item.")) return quoted_ ? 2 * item_bytes_ : item_bytes_;
    const auto filled = render(Json::of(boost::json::value(boost::json::string(token))), command_, no_blob);
    if (!filled) return all_of(inner);
    if (!quoted_) return filled->text.size();
    std::string text;
    json::append_string(text, filled->text);
    return text.size();
  }

 private:
  /// All that the source of a reference holds. Text within JSON has its quotes and line ends escaped; only texts of
  /// control characters or of bytes that are no text would grow by more than twice.
  std::uint64_t all_of(std::string_view inner) const {
    for (const auto& binding : command_.bindings) {
      if (!inner.starts_with(binding.source + ".")) continue;
      std::uint64_t bytes = 0;
      for (const auto& blob : binding.result.blobs) bytes += blob.bytes;
      return binding.result.json.text().size() + (quoted_ ? 2 * bytes : bytes);
    }
    return 0;
  }

  const ExecuteNode& command_;
  std::uint64_t item_bytes_;
  bool quoted_;
};

}  // namespace

std::uint64_t most_bytes(const Json& input_template, const ExecuteNode& command, std::uint64_t item_bytes) {
  if (input_template.is_null()) return 0;
  const auto value = input_template.value();
  const Measure measure(command, item_bytes, !value.is_string());
  std::uint64_t sum = value.is_string() ? value.get_string().size() : input_template.text().size();
  visit_strings(value, [&](std::string_view text, const std::string&) {
    for (const auto& reference : find_references(text))
      sum += measure.of(text.substr(reference.begin, reference.end - reference.begin), inner_text(text, reference));
  });
  return sum;
}

}  // namespace hillstar::workflow
