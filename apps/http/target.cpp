// SPDX-License-Identifier: Apache-2.0
#include "apps/http/target.hpp"

#include <algorithm>
#include <optional>

#include "messages/json.hpp"

namespace hillstar::http {
namespace {

Error bad(std::string what) { return {Errc::usage, std::move(what), "request target", {}}; }

std::optional<unsigned> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// The part in front of `separator`, which is taken off `rest` with it.
std::string_view next_part(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

Result<std::vector<std::string>> read_segments(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(1);
  if (path.empty()) return segments;
  // A slash at the end makes one more segment, an empty one.
  const auto count = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
  if (count > kSegmentsMax) return bad("The path has more than " + std::to_string(kSegmentsMax) + " parts.");
  for (std::size_t i = 0; i < count; ++i) {
    auto segment = percent_decoded(next_part(path, '/'), false);
    if (!segment) return segment.error();
    segments.push_back(std::move(segment).value());
    const std::string_view text = segments.back();
    if (text == "." || text == "..") return bad("The path holds '.' or '..' as a part.");
  }
  return segments;
}

}  // namespace

Result<std::string> percent_decoded(std::string_view text, bool plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const auto high = i + 2 < text.size() ? digit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? digit(text[i + 2]) : std::nullopt;
      if (!high || !low) return bad("A '%' is not followed by two hexadecimal digits.");
      c = static_cast<char>(*high << 4U | *low);
      i += 2;
    } else if (c == '+' && plus) {
      c = ' ';
    }
    if (is_control(c)) return bad("An address may not hold control characters.");
    decoded.push_back(c);
  }
  if (!json::is_utf8(decoded)) return bad("The address is not UTF-8.");
  return decoded;
}

Result<Target> read_target(std::string_view text) {
  if (text.size() > kTargetBytesMax) return bad("The address is too long.");
  if (text.empty() || text[0] != '/') return bad("The address must begin with '/'.");
  for (const char c : text)
    if (is_control(c) || c == ' ' || c == '#' || static_cast<unsigned char>(c) > 0x7F)
      return bad("The address holds a character that must be percent-encoded.");
  Target target;
  auto rest = text;
  const auto path = next_part(rest, '?');
  HILLSTAR_TRY(target.segments, read_segments(path));
  for (const auto& segment : target.segments) target.path += "/" + segment;
  if (target.segments.empty()) target.path = "/";
  while (!rest.empty()) {
    auto value = next_part(rest, '&');
    if (value.empty()) continue;
    if (target.query.size() == kQueryPairsMax) return bad("The query has too many parts.");
    const auto key = next_part(value, '=');
    HILLSTAR_TRY(auto name, percent_decoded(key, true));
    HILLSTAR_TRY(auto decoded, percent_decoded(value, true));
    target.query.emplace_back(std::move(name), std::move(decoded));
  }
  return target;
}

}  // namespace hillstar::http
