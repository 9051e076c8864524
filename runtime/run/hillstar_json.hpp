// SPDX-License-Identifier: Apache-2.0
// JSON as Hillstar lays it out: members in the order they were put, `", "` and `": "` between them. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "messages/error.hpp"
#include "messages/value.hpp"
#include "runtime/run/hillstar_names.hpp"

namespace hillstar::run {

/// One line, without a newline at the end.
std::string spaced_json(const boost::json::value& value);
/// Indented by two.
std::string indented_json(const boost::json::value& value);

/// What a trace says about a result: its `output` if it is an object that has one, else the whole.
struct OutputFacts {
  std::optional<std::string> sha256;  ///< Of the text; of canonical JSON if it is no text; none for null.
  std::uint64_t bytes = 0;
  std::optional<std::string> summary;  ///< The beginning, on one line; none if the text is a blob.
};
OutputFacts output_facts(const Value& value, const HashText& sha256_hex);

/// The result with its blobs put back in place; bytes that are no UTF-8 become U+FFFD. Errors: those of `read_blob`;
/// record_corrupt if a blob's pointer leads nowhere.
Result<boost::json::value> whole_value(const Value& value, const ReadBlob& read_blob);

}  // namespace hillstar::run
