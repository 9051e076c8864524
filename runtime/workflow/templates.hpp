// SPDX-License-Identifier: Apache-2.0
// Templates as JSON: where their references are, whom they name, and how they are rewritten. For compile and render.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "messages/error.hpp"
#include "runtime/workflow/references.hpp"

namespace hillstar::workflow {

/// What stands between the braces, without white space around it. A view into `text`.
std::string_view inner_text(std::string_view text, const Reference& reference);

struct SourceAndKey {
  std::string_view source;
  std::string_view key;
  bool has_dot = false;
};
/// Splits `node.key` behind the longest known id that a dot follows; at the first dot if none is known.
SourceAndKey split_reference(std::string_view inner, const std::function<bool(std::string_view)>& is_known);

/// Copies `text`, with every reference replaced by what `replace` returns for it. Nothing returned: left as it is.
std::string replace_references(std::string_view text,
                               const std::function<std::optional<std::string>(const Reference&)>& replace);

/// Calls `visit` with each string value of `value` (object keys are none) and its JSON pointer below `value`.
void visit_strings(const boost::json::value& value,
                   const std::function<void(std::string_view text, const std::string& pointer)>& visit);
/// Replaces each string value of `value` by what `change` returns for it.
void change_strings(boost::json::value& value, const std::function<std::string(std::string_view)>& change);

std::string_view trim(std::string_view text);

}  // namespace hillstar::workflow
