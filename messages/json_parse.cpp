// SPDX-License-Identifier: Apache-2.0
// The strict JSON reader: one pass over the text that builds the value and, if asked, notes where everything stood.
//
// Boost.JSON holds the values but does not read them: its reader lets the last of two equal keys win, turns large
// integers into doubles, and rounds fractions loosely, so that canonical text would not read back equal.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <optional>

#include "messages/json.hpp"
#include "messages/utf8.hpp"

namespace hillstar::json {
namespace {

namespace bj = boost::json;

/// The reader recurses once per level, so the deepest nesting anybody may ask for is bounded too.
constexpr std::size_t kDepthHardMax = 1024;
/// Boost.JSON counts elements and bytes in 31 bits.
constexpr std::size_t kBytesHardMax = 0x7fff'0000;

Position position_of(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line.
  return {1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')), offset - line_start + 1};
}

std::string place(std::string_view text, std::size_t offset) {
  const auto position = position_of(text, offset);
  return std::to_string(position.line) + ":" + std::to_string(position.column);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// Bytes that a string may hold as they are: printable ASCII but the quote and the backslash.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

void append_utf8(std::string& out, unsigned point) {
  const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6U));
    put(0x80 | (point & 0x3FU));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12U));
    put(0x80 | ((point >> 6U) & 0x3FU));
    put(0x80 | (point & 0x3FU));
  } else {
    put(0xF0 | (point >> 18U));
    put(0x80 | ((point >> 12U) & 0x3FU));
    put(0x80 | ((point >> 6U) & 0x3FU));
    put(0x80 | (point & 0x3FU));
  }
}

/// True if a decimal number that does not fit a double is too small rather than too large.
bool underflows(std::string_view number) {
  if (number.front() == '-') number.remove_prefix(1);
  const auto exponent_at = number.find_first_of("eE");
  const auto mantissa = number.substr(0, exponent_at);
  if (mantissa.find_first_of("123456789") == std::string_view::npos) return true;
  if (exponent_at == std::string_view::npos) return mantissa.front() == '0';
  const bool negative = number[exponent_at + 1] == '-';
  long long exponent = 0;
  for (const char c : number.substr(exponent_at + 1))
    if (is_digit(c) && exponent < 1'000'000'000'000LL) exponent = exponent * 10 + (c - '0');
  const auto point = std::min(mantissa.find('.'), mantissa.size());
  const auto first = mantissa.find_first_of("123456789");
  const auto magnitude = static_cast<long long>(point) - static_cast<long long>(first);
  return (negative ? -exponent : exponent) + magnitude < 0;
}

class Parser {
 public:
  Parser(std::string_view text, const Limits& limits, std::unordered_map<std::string, std::size_t>* offsets)
      : text_(text), depth_max_(std::min(limits.depth_max, kDepthHardMax)), offsets_(offsets) {}

  Result<bj::value> run(std::size_t bytes_max) {
    bj::value root;
    if (text_.size() > std::min(bytes_max, kBytesHardMax)) {
      fail(Errc::json_too_large, 0,
           "text of " + std::to_string(text_.size()) + " bytes, at most " + std::to_string(bytes_max) + " are read");
    } else if (text_.substr(0, 3) == "\xEF\xBB\xBF") {
      fail(Errc::json_syntax, 0, "byte order mark at the start", "Save the file as UTF-8 without one.");
    } else if (document(root)) {
      return root;
    }
    return *std::move(error_);
  }

 private:
  bool fail(Errc code, std::size_t offset, std::string message, std::string hint = {}) {
    error_.emplace(code, std::move(message), place(text_, offset), std::move(hint));
    return false;
  }

  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  /// What stands at the cursor, for a message.
  [[nodiscard]] std::string found() const {
    if (at_end()) return "the end of the text";
    const auto length = utf8_length(text_.substr(at_));
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) return "byte " + std::to_string(byte);
    return "'" + std::string(text_.substr(at_, length)) + "'";
  }
  bool unexpected(std::string_view expected) {
    if (!at_end() && utf8_length(text_.substr(at_)) == 0)
      return fail(Errc::json_encoding, at_, "byte that is not valid UTF-8");
    std::string hint = !at_end() && text_[at_] == '/' ? "JSON has no comments." : "";
    if (!at_end() && text_[at_] == '\'') hint = "Strings stand in double quotes.";
    return fail(Errc::json_syntax, at_, "expected " + std::string(expected) + ", found " + found(), std::move(hint));
  }

  bool document(bj::value& root) {
    skip_space();
    if (!value(root)) return false;
    skip_space();
    return at_end() || unexpected("the end of the text");
  }

  bool value(bj::value& out) {
    if (offsets_ != nullptr && !pointer_.empty()) offsets_->emplace(pointer_, at_);
    if (at_end()) return unexpected("a value");
    switch (text_[at_]) {
      case '{':
        return nested(out, &Parser::object);
      case '[':
        return nested(out, &Parser::array);
      case '"':
        return string_value(out);
      case 't':
        return literal("true", true, out);
      case 'f':
        return literal("false", false, out);
      case 'n':
        return literal("null", nullptr, out);
      default:
        return number(out);
    }
  }

  bool string_value(bj::value& out) {
    std::string_view text;
    if (!string(text)) return false;
    out.emplace_string().assign(text.data(), text.size());
    return true;
  }

  template <class T>
  bool literal(std::string_view word, T meaning, bj::value& out) {
    if (text_.substr(at_, word.size()) != word) return unexpected("a value");
    at_ += word.size();
    out = meaning;
    return true;
  }

  bool nested(bj::value& out, bool (Parser::*body)(bj::value&)) {
    if (depth_ == depth_max_)
      return fail(Errc::json_too_deep, at_, "nested deeper than " + std::to_string(depth_max_) + " levels");
    ++depth_;
    ++at_;
    skip_space();
    const bool ok = (this->*body)(out);
    --depth_;
    return ok;
  }

  bool array(bj::value& out) {
    auto& elements = out.emplace_array();
    if (!at_end() && text_[at_] == ']') return ++at_, true;
    const auto pointer_size = pointer_.size();
    while (true) {
      if (offsets_ != nullptr) pointer_ += "/" + std::to_string(elements.size());
      if (!value(elements.emplace_back(nullptr))) return false;
      pointer_.resize(pointer_size);
      skip_space();
      if (at_end() || (text_[at_] != ',' && text_[at_] != ']')) return unexpected("',' or ']'");
      if (text_[at_++] == ']') return true;
      skip_space();
    }
  }

  bool object(bj::value& out) {
    auto& members = out.emplace_object();
    if (!at_end() && text_[at_] == '}') return ++at_, true;
    const auto pointer_size = pointer_.size();
    const auto first_key = key_offsets_.size();
    while (true) {
      if (at_end() || text_[at_] != '"') return unexpected("a key in double quotes");
      if (!member(members, first_key)) return false;
      pointer_.resize(pointer_size);
      skip_space();
      if (at_end() || (text_[at_] != ',' && text_[at_] != '}')) return unexpected("',' or '}'");
      if (text_[at_++] == '}') break;
      skip_space();
    }
    key_offsets_.resize(first_key);
    return true;
  }

  bool member(bj::object& members, std::size_t first_key) {
    const auto key_at = at_;
    std::string_view key;
    if (!string(key)) return false;
    const auto [entry, is_new] = members.emplace(key, nullptr);
    if (!is_new) {
      const auto earlier = key_offsets_[first_key + static_cast<std::size_t>(entry - members.begin())];
      return fail(Errc::json_duplicate_key, key_at,
                  "key '" + std::string(key) + "' stands twice in one object, first at " + place(text_, earlier),
                  "Remove one of them.");
    }
    key_offsets_.push_back(key_at);
    if (offsets_ != nullptr) pointer_ += "/" + pointer_token(key);
    skip_space();
    if (at_end() || text_[at_] != ':') return unexpected("':'");
    ++at_;
    skip_space();
    return value(entry->value());
  }

  /// Sets `out` to the string's text: a piece of the input, or of `scratch_` until the next string.
  bool string(std::string_view& out) {
    const auto start = at_++;
    auto piece = at_;
    bool escaped = false;
    while (true) {
      while (!at_end() && kPlain[static_cast<unsigned char>(text_[at_])]) ++at_;
      if (at_end()) return fail(Errc::json_syntax, start, "string without an end");
      if (text_[at_] == '"') break;
      if (text_[at_] == '\\') {
        if (!escaped) scratch_.clear();
        escaped = true;
        scratch_.append(text_.substr(piece, at_ - piece));
        if (!escape()) return false;
        piece = at_;
      } else if (static_cast<unsigned char>(text_[at_]) < 0x20) {
        return fail(Errc::json_syntax, at_, "control character in a string", "Write it as \\n, \\t or \\u00XX.");
      } else {
        const auto length = utf8_length(text_.substr(at_, 4));
        if (length == 0) return fail(Errc::json_encoding, at_, "byte that is not valid UTF-8");
        at_ += length;
      }
    }
    out = text_.substr(piece, at_ - piece);
    if (escaped) out = scratch_.append(out);
    ++at_;
    return true;
  }

  bool escape() {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const auto start = at_++;
    if (!at_end() && text_[at_] == 'u') return unicode_escape(start);
    const auto which = at_end() ? std::string_view::npos : kNames.find(text_[at_]);
    if (which == std::string_view::npos) return fail(Errc::json_syntax, start, "unknown escape in a string");
    scratch_ += kMeanings[which];
    ++at_;
    return true;
  }

  std::optional<unsigned> four_hex_digits() {
    unsigned unit = 0;
    const auto digits = text_.substr(std::min(at_ + 1, text_.size()), 4);
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    if (digits.size() != 4 || code != std::errc{} || end != digits.data() + 4) return std::nullopt;
    at_ += 5;
    return unit;
  }

  bool unicode_escape(std::size_t start) {
    const auto unit = four_hex_digits();
    if (!unit) return fail(Errc::json_syntax, start, "\\u needs four hexadecimal digits");
    unsigned point = *unit;
    if (point >= 0xD800 && point <= 0xDFFF) {
      std::optional<unsigned> low;
      if (point < 0xDC00 && text_.substr(at_, 2) == "\\u") {
        ++at_;
        low = four_hex_digits();
      }
      if (!low || *low < 0xDC00 || *low > 0xDFFF)
        return fail(Errc::json_encoding, start, "half of a surrogate pair", "Write the character itself.");
      point = 0x10000 + ((point - 0xD800) << 10U) + (*low - 0xDC00);
    }
    append_utf8(scratch_, point);
    return true;
  }

  void skip_digits() { at_ = std::min(text_.find_first_not_of("0123456789", at_), text_.size()); }

  bool number(bj::value& out) {
    const auto start = at_;
    if (text_[at_] == '-') ++at_;
    if (at_end() || !is_digit(text_[at_])) return at_ = start, unexpected("a value");
    if (text_[at_] == '0' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))
      return fail(Errc::json_syntax, start, "number with a leading zero");
    skip_digits();
    bool whole = true;
    for (const std::string_view part : {".", "eE"}) {
      if (at_end() || part.find(text_[at_]) == std::string_view::npos) continue;
      whole = false;
      ++at_;
      if (part.size() == 2 && !at_end() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (at_end() || !is_digit(text_[at_])) return unexpected("a digit");
      skip_digits();
    }
    const auto digits = text_.substr(start, at_ - start);
    return whole ? integer(start, digits, out) : fraction(start, digits, out);
  }

  bool integer(std::size_t start, std::string_view digits, bj::value& out) {
    const auto* const last = digits.data() + digits.size();
    std::int64_t small = 0;
    if (std::from_chars(digits.data(), last, small).ec == std::errc{}) return out = small, true;
    std::uint64_t large = 0;
    if (digits.front() != '-' && std::from_chars(digits.data(), last, large).ec == std::errc{})
      return out = large, true;
    // Canonical text writes doubles below 1e21 without a fraction: those digits, and no others, stand for a double.
    double real = 0;
    std::string canonical_digits;
    if (std::from_chars(digits.data(), last, real).ec == std::errc{}) append_number(canonical_digits, real);
    if (canonical_digits == digits) return out = real, true;
    return fail(Errc::json_number, start, "integer beyond 64 bits", "Write it as a string.");
  }

  bool fraction(std::size_t start, std::string_view digits, bj::value& out) {
    double real = 0;
    const auto code = std::from_chars(digits.data(), digits.data() + digits.size(), real).ec;
    if (code == std::errc::result_out_of_range) {
      if (!underflows(digits)) return fail(Errc::json_number, start, "number too large for a double");
      real = 0;
    }
    out = real;
    return true;
  }

  std::string_view text_;
  std::size_t depth_max_;
  std::unordered_map<std::string, std::size_t>* offsets_;  ///< Null: positions are not wanted.
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::string scratch_;
  std::string pointer_;                   ///< Where the cursor is; kept only if positions are wanted.
  std::vector<std::size_t> key_offsets_;  ///< Of the objects that are open, one behind the other.
  std::optional<Error> error_;
};

}  // namespace

Position Located::at(std::string_view pointer) const {
  std::string nearest(pointer);
  while (!nearest.empty()) {
    if (const auto found = offsets.find(nearest); found != offsets.end()) return position_of(text, found->second);
    nearest.resize(nearest.rfind('/') == std::string::npos ? 0 : nearest.rfind('/'));
  }
  const auto start = text.find_first_not_of(" \n\r\t");
  return position_of(text, start == std::string::npos ? 0 : start);
}

Result<boost::json::value> parse(std::string_view text, const Limits& limits) {
  return Parser(text, limits, nullptr).run(limits.bytes_max);
}

Result<Located> parse_located(std::string text, const Limits& limits) {
  Located located;
  located.text = std::move(text);
  // A rough guess at the number of values, to spare the table most of its growth.
  located.offsets.reserve(std::min(located.text.size(), limits.bytes_max) / 32);
  HILLSTAR_TRY(auto root, Parser(located.text, limits, &located.offsets).run(limits.bytes_max));
  located.root = std::make_shared<const bj::value>(std::move(root));
  return located;
}

}  // namespace hillstar::json
