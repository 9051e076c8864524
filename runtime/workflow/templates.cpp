// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/templates.hpp"

#include <boost/json.hpp>

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

void visit_below(const bj::value& value, std::string& pointer,
                 const std::function<void(std::string_view, const std::string&)>& visit) {
  const auto size = pointer.size();
  if (value.is_string()) {
    visit(std::string_view(value.get_string().data(), value.get_string().size()), pointer);
  } else if (value.is_array()) {
    std::size_t index = 0;
    for (const auto& element : value.get_array()) {
      pointer += "/" + std::to_string(index++);
      visit_below(element, pointer, visit);
      pointer.resize(size);
    }
  } else if (value.is_object()) {
    for (const auto& [key, element] : value.get_object()) {
      pointer += "/" + json::pointer_token(key);
      visit_below(element, pointer, visit);
      pointer.resize(size);
    }
  }
}

}  // namespace

std::string_view trim(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\n\r\f\v";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string_view inner_text(std::string_view text, const Reference& reference) {
  return trim(text.substr(reference.begin + 2, reference.end - reference.begin - 4));
}

SourceAndKey split_reference(std::string_view inner, const std::function<bool(std::string_view)>& is_known) {
  for (auto dot = inner.rfind('.'); dot != std::string_view::npos && dot > 0; dot = inner.rfind('.', dot - 1))
    if (is_known(inner.substr(0, dot))) return {inner.substr(0, dot), inner.substr(dot + 1), true};
  const auto dot = inner.find('.');
  if (dot == std::string_view::npos) return {inner, {}, false};
  return {inner.substr(0, dot), inner.substr(dot + 1), true};
}

std::vector<Reference> find_references(std::string_view text) {
  std::vector<Reference> found;
  std::size_t at = 0;
  std::size_t close = 0;  // First '}' at or behind the inner text; kept, so that many '{' do not each search for it.
  while ((at = text.find("{{", at)) != std::string_view::npos) {
    const auto inner = at + 2;
    if (close < inner || close == 0) close = text.find('}', inner);
    if (close == std::string_view::npos) break;
    const bool closed = close > inner && text.substr(close, 2) == "}}";
    if (text[inner] == '{') {
      // Three braces or more: literal text up to where it closes.
      const auto open_end = text.find_first_not_of('{', inner);
      if (close < open_end || !closed) {
        at = open_end == std::string_view::npos ? text.size() : open_end;
        continue;
      }
      const auto close_end = text.find_first_not_of('}', close);
      at = close_end == std::string_view::npos ? text.size() : close_end;
    } else if (closed) {
      Reference reference{at, close + 2, {}, {}};
      const auto split = split_reference(inner_text(text, reference), [](std::string_view) { return false; });
      reference.source = split.source;
      reference.key = split.key;
      found.push_back(std::move(reference));
      at = close + 2;
    } else {
      ++at;
    }
  }
  return found;
}

std::string replace_references(std::string_view text,
                               const std::function<std::optional<std::string>(const Reference&)>& replace) {
  std::string out;
  std::size_t copied = 0;
  for (const auto& reference : find_references(text)) {
    const auto replacement = replace(reference);
    if (!replacement) continue;
    out.append(text.substr(copied, reference.begin - copied)).append(*replacement);
    copied = reference.end;
  }
  return out.append(text.substr(copied));
}

void visit_strings(const bj::value& value, const std::function<void(std::string_view, const std::string&)>& visit) {
  std::string pointer;
  visit_below(value, pointer, visit);
}

void change_strings(bj::value& value, const std::function<std::string(std::string_view)>& change) {
  if (value.is_string()) {
    value = bj::value(change(value.get_string()));
  } else if (value.is_array()) {
    for (auto& element : value.get_array()) change_strings(element, change);
  } else if (value.is_object()) {
    for (auto& member : value.get_object()) change_strings(member.value(), change);
  }
}

}  // namespace hillstar::workflow
