// SPDX-License-Identifier: Apache-2.0
// Find and fill {{ node.key }}, {{ inputs.key }}, {{ item }}, {{ item.key }}, {{ index }}.
// Source: Hillstar specification section 1.5.1; deviations in docs/guides/coming-from-hillstar.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/commands.hpp"
#include "messages/value.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::workflow {

/// One `{{ ... }}` in a string. `begin`, `end` are byte offsets of the whole token.
struct Reference {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string source;  ///< Node id, `inputs`, `item` or `index`.
  std::string key;     ///< Text after the first dot; empty if there is no dot.
};

/// All references of a string, in order. `{{{ ... }}}` is literal text and not reported.
std::vector<Reference> find_references(std::string_view text);

/// A filled template: text, or bytes where a binary blob was all there was to fill in.
struct Rendered {
  bool is_null = false;  ///< The template was null: the author gave no input.
  bool is_text = true;   ///< The template was a string; false: `text` is JSON.
  std::string text;      ///< What scripts read on stdin, files are written with, models are prompted with.
};

/// Fills the template with the bindings. Single pass: what was filled in is not scanned again. Structured values
/// are filled in as JSON, null and missing as nothing. Reads blobs through `read`; fails only if that fails.
Result<Rendered> render(const Json& input_template, const ExecuteNode& command, const ReadBlob& read);

/// Most items of one map.
inline constexpr std::size_t kItemsMax = 100'000;

/// The list of a map: a JSON array of the items, from an array, a text that holds one, or the lines of a text (blank
/// ones left out). `reference` if it is something else, output_limit beyond kItemsMax.
Result<Json> list_items(const Json& for_each_template, const ExecuteNode& command, const ReadBlob& read);

/// The verdict of a test on a result.
Result<bool> passes(const Test& test, const Value& result, const ReadBlob& read);
/// The same for a run input.
bool passes(const Test& test, std::string_view text);

}  // namespace hillstar::workflow
