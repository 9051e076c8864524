// SPDX-License-Identifier: Apache-2.0
// What checking a schema and checking by a schema share. For json_schema.cpp and schema_check.cpp.
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <string_view>

namespace re2 {
class RE2;
}

namespace hillstar::policy {

/// Memory of one compiled pattern.
inline constexpr int kPatternBytesMax = 4 << 20;

/// Not ok() if RE2 does not know what the pattern uses. It never takes more than linear time, unlike the pattern's
/// native engines.
std::unique_ptr<re2::RE2> compile_pattern(std::string_view pattern);

/// `#`, `#/$defs/x`: what it names within the schema, or nullptr.
const boost::json::value* resolve(const boost::json::value& root, std::string_view reference);
/// True for schemas of the drafts in which `$ref` silences what stands beside it.
bool refs_stand_alone(const boost::json::value& root);

}  // namespace hillstar::policy
