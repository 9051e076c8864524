// SPDX-License-Identifier: Apache-2.0
// JSON at the edges: a strict reader, a canonical writer (RFC 8785), and an immutable document.
//
// read<T> and write over Boost.Describe are in messages/json_codec.hpp, which is heavier to include.
#pragma once

#include <boost/json/fwd.hpp>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "messages/error.hpp"

namespace hillstar {

/// An immutable JSON document, held as its canonical text; copies share it. Equal text is equal value.
/// Small enough to travel in events and messages; thread-safe like every shared constant.
class Json {
 public:
  /// The document `null`.
  Json();
  static Json of(const boost::json::value& value);
  static Json string(std::string_view text);
  /// The caller vouches that `text` is canonical JSON, such as text read back from the log.
  static Json from_canonical(std::string text);

  [[nodiscard]] const std::string& text() const { return *text_; }
  [[nodiscard]] boost::json::value value() const;
  [[nodiscard]] bool is_null() const { return *text_ == "null"; }

  bool operator==(const Json& other) const { return *text_ == *other.text_; }

 private:
  explicit Json(std::shared_ptr<const std::string> text) : text_(std::move(text)) {}
  std::shared_ptr<const std::string> text_;
};

namespace json {

struct Limits {
  std::size_t bytes_max = 64U << 20U;
  std::size_t depth_max = 64;
};

/// Where a value starts in the text: 1-based line and column (column counts bytes).
struct Position {
  std::size_t line = 1;
  std::size_t column = 1;
};

/// A parsed text that remembers where everything stood.
struct Located {
  std::shared_ptr<const boost::json::value> root;
  /// JSON pointer (RFC 6901) of every object member and array element -> where its value starts.
  std::unordered_map<std::string, std::size_t> offsets;
  std::string text;

  /// Position of the value at `pointer`, or of its nearest located parent.
  [[nodiscard]] Position at(std::string_view pointer) const;
};

/// Strict RFC 8259: refuses duplicate keys (json_duplicate_key), numbers that are infinite or integers
/// beyond 64 bits (json_number; the digits of a double below 1e21 as canonical text has them are that double), nesting
/// beyond the limit (json_too_deep), invalid UTF-8 and lone surrogates (json_encoding), a byte order mark, comments and
/// trailing text (json_syntax). The error's `where` is `line:column`.
Result<boost::json::value> parse(std::string_view text, const Limits& limits = {});
/// The same, with positions; several times slower, for files that people wrote.
Result<Located> parse_located(std::string text, const Limits& limits = {});

/// Appends `value` in canonical form: keys sorted by UTF-16 code units, no white space,
/// numbers as ECMAScript prints them. Source: RFC 8785.
void append_canonical(std::string& out, const boost::json::value& value);
std::string canonical(const boost::json::value& value);
/// Appends `text` quoted and escaped as RFC 8785 wants it. `text` must be valid UTF-8.
void append_string(std::string& out, std::string_view text);
/// Appends a double as ECMAScript's Number::toString does; `value` is finite.
void append_number(std::string& out, double value);

/// True if `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);
/// `text` with every malformed byte replaced by U+FFFD.
std::string to_utf8(std::string_view text);
/// One token of a JSON pointer, escaped: `a/b~c` -> `a~1b~0c`.
std::string pointer_token(std::string_view key);

/// The member of an object; nullptr if `value` is none, or the member is absent or null.
const boost::json::value* member(const boost::json::value& value, std::string_view key);

}  // namespace json
}  // namespace hillstar
