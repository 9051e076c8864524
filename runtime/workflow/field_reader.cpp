// SPDX-License-Identifier: Apache-2.0
#include "runtime/workflow/field_reader.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

void wrong_type(std::string_view expected, const bj::value& found, const Place& at, Problems& problems) {
  problems.error(Errc::json_type, at.pointer(), "expected " + std::string(expected) + ", found " + kind_of(found));
}

/// `1 to 100 seconds`, `at least 0`.
std::string words(const Range& range) {
  const auto digits = [](double bound) {
    std::string text;
    json::append_number(text, bound);
    return text;
  };
  std::string text = range.most >= 9e18 ? "at least " + digits(range.least)
                                        : "from " + digits(range.least) + " to " + digits(range.most);
  if (!range.unit.empty()) text += " " + std::string(range.unit);
  return text;
}

/// Names that documents of Hillstar's and habit put at the wrong place, and what to do with them; empty: none of these.
std::string_view right_place(Section section, std::string_view name) {
  struct Misplaced {
    Section section;
    std::string_view name;
    std::string_view hint;
  };
  constexpr std::string_view kParameters = "move it into 'parameters'";
  constexpr std::array<Misplaced, 16> kMisplaced{{
      {Section::workflow, "nodes", "move it into 'graph'"},
      {Section::workflow, "edges", "move it into 'graph'"},
      {Section::workflow, "loops", "move it into 'graph'"},
      {Section::node, "script", kParameters},
      {Section::node, "path", kParameters},
      {Section::node, "message", kParameters},
      {Section::node, "system", kParameters},
      {Section::node, "max_tokens", kParameters},
      {Section::node, "temperature", kParameters},
      {Section::node, "prompt", "write it as 'input'"},
      {Section::node, "type", "write 'tool'"},
      {Section::node, "depends_on", "write it as an edge: {\"from\": ..., \"to\": ...}"},
      {Section::model_parameters, "prompt", "write it as 'input' of the node"},
      {Section::model_parameters, "messages", "write 'input': {\"messages\": [...]} at the node"},
      {Section::model_parameters, "model", "move it out of 'parameters', to the node"},
      {Section::model_parameters, "provider", "move it out of 'parameters', to the node"},
  }};
  for (const auto& one : kMisplaced)
    if (one.section == section && one.name == name) return one.hint;
  return {};
}

}  // namespace

std::string kind_of(const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      return "null";
    case bj::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case bj::kind::int64:
    case bj::kind::uint64:
    case bj::kind::double_:
      return json::canonical(value);
    case bj::kind::string:
      return "a string";
    case bj::kind::array:
      return "an array";
    case bj::kind::object:
      return "an object";
  }
  return "something else";
}

const bj::object* as_object(const bj::value& value, const Place& at, Problems& problems) {
  if (const auto* object = value.if_object()) return object;
  wrong_type("an object", value, at, problems);
  return nullptr;
}

std::vector<std::string> strings_of(const bj::value& value, const Place& at, Problems& problems) {
  std::vector<std::string> out;
  const auto* array = value.if_array();
  if (array == nullptr) {
    wrong_type("an array of strings", value, at, problems);
    return out;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    if (const auto* text = (*array)[i].if_string())
      out.emplace_back(*text);
    else
      wrong_type("a string", (*array)[i], at.element(i), problems);
  }
  return out;
}

std::optional<double> number_of(const bj::value& value, const Range& range, const Place& at, Problems& problems) {
  if (value.is_number()) {
    const auto number = value.to_number<double>();
    if (number >= range.least && number <= range.most) return number;
  }
  wrong_type("a number " + words(range), value, at, problems);
  return std::nullopt;
}

std::optional<std::int64_t> integer_of(const bj::value& value, const Range& range, const Place& at,
                                       Problems& problems) {
  // 3.0 is written by tools that know no integers; true is no number at all.
  if (value.is_number()) {
    const auto number = value.to_number<double>();
    const auto whole = number >= -9e15 && number <= 9e15 ? static_cast<std::int64_t>(number) : 0;
    if (static_cast<double>(whole) == number && number >= range.least && number <= range.most) return whole;
  }
  wrong_type("a whole number " + words(range), value, at, problems);
  return std::nullopt;
}

std::optional<std::size_t> word_of(const bj::value& value, const std::vector<std::string_view>& names, const Place& at,
                                   Problems& problems) {
  const auto* text = value.if_string();
  if (text == nullptr) {
    wrong_type(one_of(names), value, at, problems);
    return std::nullopt;
  }
  const std::string_view word(text->data(), text->size());
  const auto found = std::find(names.begin(), names.end(), word);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  problems.error(Errc::workflow_invalid, at.pointer(), "'" + std::string(word) + "' is not " + one_of(names),
                 problems.suggest(word, names));
  return std::nullopt;
}

void FieldReader::check_names(Section section) const {
  const auto& names = fields_of(section);
  for (const auto& [key, value] : object_) {
    const std::string_view name(key.data(), key.size());
    if (std::find(names.begin(), names.end(), name) != names.end() || is_private_field(name)) continue;
    std::string hint(right_place(section, name));
    if (hint.empty()) hint = problems_.suggest(name, names);
    problems_.unknown_field(at_.key(name).pointer(), "unknown field '" + std::string(name) + "', it has no effect",
                            std::move(hint));
  }
}

const bj::value* FieldReader::find(std::string_view name) const { return object_.if_contains(name); }

const bj::object* FieldReader::object(std::string_view name) const {
  const auto* value = find(name);
  return value == nullptr ? nullptr : as_object(*value, at_.key(name), problems_);
}

const bj::array* FieldReader::array(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return nullptr;
  if (const auto* array = value->if_array()) return array;
  wrong_type("an array", *value, at_.key(name), problems_);
  return nullptr;
}

std::optional<std::string> FieldReader::string(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->if_string()) return std::string(*text);
  wrong_type("a string", *value, at_.key(name), problems_);
  return std::nullopt;
}

std::vector<std::string> FieldReader::strings(std::string_view name) const {
  const auto* value = find(name);
  return value == nullptr ? std::vector<std::string>{} : strings_of(*value, at_.key(name), problems_);
}

std::optional<bool> FieldReader::boolean(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* truth = value->if_bool()) return *truth;
  wrong_type("true or false", *value, at_.key(name), problems_);
  return std::nullopt;
}

std::optional<double> FieldReader::number(std::string_view name, const Range& range) const {
  const auto* value = find(name);
  return value == nullptr ? std::nullopt : number_of(*value, range, at_.key(name), problems_);
}

std::optional<std::int64_t> FieldReader::integer(std::string_view name, const Range& range) const {
  const auto* value = find(name);
  return value == nullptr ? std::nullopt : integer_of(*value, range, at_.key(name), problems_);
}

std::optional<std::size_t> FieldReader::word(std::string_view name, const std::vector<std::string_view>& names) const {
  const auto* value = find(name);
  return value == nullptr ? std::nullopt : word_of(*value, names, at_.key(name), problems_);
}

void FieldReader::missing(std::string_view name, std::string hint) const {
  problems_.error(Errc::workflow_invalid, at_.pointer(), "'" + std::string(name) + "' is missing", std::move(hint));
}

}  // namespace hillstar::workflow
