// SPDX-License-Identifier: Apache-2.0
// The first half of json_schema.hpp: is this a schema, and one that can be checked here?
#include <re2/re2.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <vector>

#include "runtime/policy/json_schema.hpp"
#include "runtime/policy/schema_words.hpp"
#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

/// What a keyword's value must be.
enum class Kind {
  schema,
  schemas,
  schema_map,
  items,
  text,
  number,
  positive,
  count,
  flag,
  names,
  type,
  words,
  pattern,
  dependencies,
  reference,
  any,
  unchecked
};

struct Keyword {
  std::string_view name;
  Kind kind;
};

constexpr Keyword kKeywords[] = {{"$ref", Kind::reference},
                                 {"$schema", Kind::text},
                                 {"$id", Kind::text},
                                 {"$comment", Kind::text},
                                 {"$defs", Kind::schema_map},
                                 {"definitions", Kind::schema_map},
                                 {"title", Kind::text},
                                 {"description", Kind::text},
                                 {"default", Kind::any},
                                 {"examples", Kind::any},
                                 {"deprecated", Kind::any},
                                 {"readOnly", Kind::any},
                                 {"writeOnly", Kind::any},
                                 {"format", Kind::text},
                                 {"contentEncoding", Kind::text},
                                 {"contentMediaType", Kind::text},
                                 {"type", Kind::type},
                                 {"enum", Kind::words},
                                 {"const", Kind::any},
                                 {"multipleOf", Kind::positive},
                                 {"minimum", Kind::number},
                                 {"maximum", Kind::number},
                                 {"exclusiveMinimum", Kind::number},
                                 {"exclusiveMaximum", Kind::number},
                                 {"minLength", Kind::count},
                                 {"maxLength", Kind::count},
                                 {"pattern", Kind::pattern},
                                 {"items", Kind::items},
                                 {"prefixItems", Kind::schemas},
                                 {"additionalItems", Kind::schema},
                                 {"minItems", Kind::count},
                                 {"maxItems", Kind::count},
                                 {"uniqueItems", Kind::flag},
                                 {"contains", Kind::schema},
                                 {"minProperties", Kind::count},
                                 {"maxProperties", Kind::count},
                                 {"required", Kind::names},
                                 {"properties", Kind::schema_map},
                                 {"patternProperties", Kind::schema_map},
                                 {"additionalProperties", Kind::schema},
                                 {"propertyNames", Kind::schema},
                                 {"dependencies", Kind::dependencies},
                                 {"dependentRequired", Kind::dependencies},
                                 {"dependentSchemas", Kind::dependencies},
                                 {"allOf", Kind::schemas},
                                 {"anyOf", Kind::schemas},
                                 {"oneOf", Kind::schemas},
                                 {"not", Kind::schema},
                                 {"if", Kind::schema},
                                 {"then", Kind::schema},
                                 {"else", Kind::schema},
                                 {"unevaluatedProperties", Kind::unchecked},
                                 {"unevaluatedItems", Kind::unchecked},
                                 {"minContains", Kind::unchecked},
                                 {"maxContains", Kind::unchecked},
                                 {"contentSchema", Kind::unchecked},
                                 {"$anchor", Kind::unchecked},
                                 {"$dynamicRef", Kind::unchecked},
                                 {"$dynamicAnchor", Kind::unchecked},
                                 {"$recursiveRef", Kind::unchecked},
                                 {"$recursiveAnchor", Kind::unchecked},
                                 {"$vocabulary", Kind::unchecked}};

/// References that lead to one another without a schema between them; more of them are taken for a circle.
constexpr int kReferencesMax = 64;
constexpr std::string_view kTypes[] = {"string", "number", "integer", "boolean", "null", "array", "object"};

std::string_view view(const bj::string& text) { return {text.data(), text.size()}; }

bool is_count(const bj::value& value) {
  const double number = value.is_number() ? value.to_number<double>() : -1;
  return number >= 0 && number == static_cast<double>(static_cast<std::uint64_t>(std::min(number, 1e15)));
}

bool is_type(const bj::value& value) {
  return value.is_string() &&
         std::find(std::begin(kTypes), std::end(kTypes), view(value.get_string())) != std::end(kTypes);
}

bool is_names(const bj::value& value) {
  return value.is_array() && std::all_of(value.get_array().begin(), value.get_array().end(),
                                         [](const bj::value& name) { return name.is_string(); });
}

class Checker {
 public:
  explicit Checker(const bj::value& root) : root_(root) {}

  std::vector<SchemaRemark> run() {
    check(root_);
    return std::move(remarks_);
  }

 private:
  void remark(std::string message, std::string hint, bool is_error) {
    if (remarks_.size() < kRemarksMax) remarks_.push_back({pointer_, std::move(message), std::move(hint), is_error});
  }
  void wrong(const std::string& expected) { remark("a schema needs " + expected + " here", {}, true); }

  template <class Check>
  void at(std::string_view step, Check check) {
    const auto size = pointer_.size();
    pointer_ += "/" + json::pointer_token(step);
    check();
    pointer_.resize(size);
  }

  /// Recursion ends where the author's JSON does, which the parser bounds.
  void check(const bj::value& schema) {
    if (schema.is_bool()) return;
    const auto* object = schema.if_object();
    if (object == nullptr) return wrong("an object, true or false");
    for (const auto& [key, value] : *object) {
      if (remarks_.size() == kRemarksMax) return;
      const std::string_view name(key.data(), key.size());
      at(name, [&, &held = value] { check_keyword(name, held); });
    }
  }

  void check_keyword(std::string_view name, const bj::value& value) {
    const auto* known = std::find_if(std::begin(kKeywords), std::end(kKeywords),
                                     [&](const Keyword& keyword) { return keyword.name == name; });
    if (known == std::end(kKeywords)) {
      if (name.starts_with("x-")) return;
      std::vector<std::string_view> names;
      for (const auto& keyword : kKeywords) names.push_back(keyword.name);
      return remark("unknown keyword '" + std::string(name) + "', it is not checked",
                    workflow::did_you_mean(name, names), false);
    }
    if (known->kind == Kind::unchecked) {
      return remark("'" + std::string(name) + "' is not checked here",
                    "the provider may keep to it; the reply is not held to it", false);
    }
    if (!check_plain(known->kind, value)) check_nested(known->kind, value);
  }

  /// True if the kind has no schemas in it.
  bool check_plain(Kind kind, const bj::value& value) {
    switch (kind) {
      case Kind::any:
      case Kind::unchecked:
        return true;
      case Kind::text:
        if (!value.is_string()) wrong("text");
        return true;
      case Kind::number:
        if (!value.is_number()) wrong("a number");
        return true;
      case Kind::positive:
        if (!value.is_number() || value.to_number<double>() <= 0) wrong("a number above 0");
        return true;
      case Kind::count:
        if (!is_count(value)) wrong("a whole number from 0");
        return true;
      case Kind::flag:
        if (!value.is_bool()) wrong("true or false");
        return true;
      case Kind::names:
        if (!is_names(value)) wrong("a list of names");
        return true;
      case Kind::words:
        if (!value.is_array() || value.get_array().empty()) wrong("a list of values, one at least");
        return true;
      case Kind::type:
        check_type(value);
        return true;
      case Kind::pattern:
        check_pattern(value);
        return true;
      case Kind::reference:
        check_reference(value);
        return true;
      default:
        return false;
    }
  }

  void check_nested(Kind kind, const bj::value& value) {
    const bool list = kind == Kind::schemas || (kind == Kind::items && value.is_array());
    if (list) {
      if (!value.is_array() || (kind == Kind::schemas && value.get_array().empty()))
        return wrong("a list of schemas, one at least");
      std::size_t index = 0;
      for (const auto& one : value.get_array()) at(std::to_string(index++), [&] { check(one); });
    } else if (kind == Kind::schema_map || kind == Kind::dependencies) {
      const auto* map = value.if_object();
      if (map == nullptr) return wrong("an object of schemas");
      for (const auto& [key, one] : *map) {
        at({key.data(), key.size()}, [&, &held = one] {
          if (kind != Kind::dependencies || !held.is_array()) return check(held);
          if (!is_names(held)) wrong("a schema or a list of names");
        });
        if (pointer_.ends_with("/patternProperties")) check_pattern(bj::value(key));
      }
    } else {
      check(value);
    }
  }

  void check_type(const bj::value& value) {
    const auto* many = value.if_array();
    const bool good =
        many == nullptr ? is_type(value) : !many->empty() && std::all_of(many->begin(), many->end(), is_type);
    if (good) return;
    std::string hint;
    if (value.is_string())
      hint = workflow::did_you_mean(view(value.get_string()), {std::begin(kTypes), std::end(kTypes)});
    if (hint.empty()) hint = "write " + workflow::one_of({std::begin(kTypes), std::end(kTypes)});
    remark("a schema has no such type", std::move(hint), true);
  }

  void check_pattern(const bj::value& value) {
    if (!value.is_string()) return wrong("a regular expression");
    const auto compiled = compile_pattern(view(value.get_string()));
    if (!compiled->ok())
      remark("this pattern is not checked: " + compiled->error(), "RE2 knows no look-around and no back-references",
             false);
  }

  void check_reference(const bj::value& value) {
    if (!value.is_string()) return wrong("a reference, such as \"#/$defs/name\"");
    const auto text = view(value.get_string());
    if (!text.starts_with('#'))
      return remark("the reference leads out of the schema, and nothing is fetched",
                    "put what it names under '$defs' and refer to it as \"#/$defs/name\"", true);
    const auto* target = resolve(root_, text);
    for (int hops = 0; target != nullptr && hops < kReferencesMax; ++hops) {
      const auto* object = target->if_object();
      const auto* next = object == nullptr ? nullptr : object->if_contains("$ref");
      if (next == nullptr || !next->is_string()) return;
      target = resolve(root_, view(next->get_string()));
    }
    remark(
        target == nullptr ? "the schema has nothing at '" + std::string(text) + "'" : "the reference leads to itself",
        "refer to a part of the schema, such as \"#/$defs/name\"", true);
  }

  const bj::value& root_;
  std::string pointer_;
  std::vector<SchemaRemark> remarks_;
};

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// What strict modes know.
constexpr std::string_view kStrictKeywords[] = {"$defs",       "$ref",        "additionalProperties",
                                                "anyOf",       "const",       "enum",
                                                "items",       "definitions", "title",
                                                "description", "maxItems",    "minItems",
                                                "maximum",     "type",        "minimum",
                                                "required",    "properties"};

bool is_strict(const bj::value& schema) {
  const auto* object = schema.if_object();
  if (object == nullptr) return false;
  for (const auto& [key, value] : *object) {
    const std::string_view name(key.data(), key.size());
    if (std::find(std::begin(kStrictKeywords), std::end(kStrictKeywords), name) == std::end(kStrictKeywords))
      return false;
    const auto* map = value.if_object();
    const auto* list = value.if_array();
    bool good = true;
    if (name == "properties" || name == "$defs" || name == "definitions")
      good = map != nullptr &&
             std::all_of(map->begin(), map->end(), [](const auto& one) { return is_strict(one.value()); });
    else if (name == "anyOf")
      good = list != nullptr && std::all_of(list->begin(), list->end(), is_strict);
    else if (name == "items")
      good = is_strict(value);
    if (!good) return false;
  }
  const auto* type = object->if_contains("type");
  const auto* properties = object->if_contains("properties");
  if (properties == nullptr && (type == nullptr || *type != "object")) return true;
  const auto* others = object->if_contains("additionalProperties");
  const auto* required = object->if_contains("required");
  std::set<std::string_view> missing;
  if (properties != nullptr)
    for (const auto& property : properties->get_object()) missing.insert(property.key());
  if (required != nullptr && required->is_array())
    for (const auto& name : required->get_array())
      if (!name.is_string() || missing.erase(view(name.get_string())) == 0) return false;
  return others != nullptr && *others == false && missing.empty();
}

}  // namespace

const bj::value* resolve(const bj::value& root, std::string_view reference) {
  if (!reference.starts_with('#')) return nullptr;
  std::string pointer;
  for (std::size_t i = 1; i < reference.size(); ++i) {
    const bool escaped =
        reference[i] == '%' && i + 2 < reference.size() && hex(reference[i + 1]) >= 0 && hex(reference[i + 2]) >= 0;
    pointer += escaped ? static_cast<char>(hex(reference[i + 1]) * 16 + hex(reference[i + 2])) : reference[i];
    if (escaped) i += 2;
  }
  if (pointer.empty()) return &root;
  if (pointer.front() != '/') return nullptr;
  boost::system::error_code code;
  return root.find_pointer(pointer, code);
}

bool refs_stand_alone(const bj::value& root) {
  const auto* named = root.is_object() ? root.get_object().if_contains("$schema") : nullptr;
  return named != nullptr && named->is_string() && view(named->get_string()).find("draft-0") != std::string_view::npos;
}

std::vector<SchemaRemark> check_schema(const Json& schema) {
  const auto root = schema.value();
  return Checker(root).run();
}

bool is_strict_schema(const Json& schema) {
  const auto root = schema.value();
  const auto* type = root.is_object() ? root.get_object().if_contains("type") : nullptr;
  return type != nullptr && *type == "object" && is_strict(root);
}

}  // namespace hillstar::policy
