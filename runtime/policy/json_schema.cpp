// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/json_schema.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <memory>
#include <set>

#include "runtime/policy/schema_values.hpp"
#include "runtime/policy/schema_words.hpp"
#include "runtime/policy/shortened.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

/// Nesting of schema within schema, references included.
constexpr int kDepthMax = 256;
constexpr std::size_t kPointerMax = 200;
constexpr std::size_t kMessageMax = 400;
/// Members that are named in a message.
constexpr std::size_t kNamesMax = 8;
/// Bytes that are looked at in the time of one step.
constexpr std::size_t kStepBytes = 64;
/// What looking for a name, comparing a word and compiling a byte of a pattern take, in the same measure.
constexpr std::size_t kNameBytes = 16;
constexpr std::size_t kWordBytes = 4;
constexpr std::size_t kCompileBytes = 64;
/// Compiled patterns that are kept for the next text.
constexpr std::size_t kPatternsMax = 64;

std::string_view view(const bj::string& text) { return {text.data(), text.size()}; }

const bj::value* keyword(const bj::object& schema, std::string_view name) { return schema.if_contains(name); }

class Validator {
 public:
  explicit Validator(const bj::value& root) : root_(root), old_references_(refs_stand_alone(root)) {}

  std::vector<Mismatch> run(const bj::value& value) {
    check(root_, value);
    return std::move(found_);
  }

 private:
  bool fail(std::string message) {
    if (quiet_ == 0 && found_.size() < kMismatchesMax)
      found_.push_back({shortened(pointer_, kPointerMax), shortened(std::move(message), kMessageMax)});
    return false;
  }

  /// Counts `bytes` that are about to be looked at. False: it is too much, and the check ends.
  bool spend(std::size_t bytes) {
    if (over_) return false;
    spent_ += bytes;
    if (spent_ / kStepBytes <= kSchemaStepsMax && depth_ <= kDepthMax) return true;
    over_ = true;
    if (found_.size() == kMismatchesMax) found_.pop_back();
    found_.push_back({shortened(pointer_, kPointerMax), "this is too much to be checked against the schema"});
    return false;
  }

  /// Numbers by their value: 1 and 1.0 are one.
  bool equal(const bj::value& a, const bj::value& b) {
    if (a.is_number() != b.is_number() || (!a.is_number() && a.kind() != b.kind())) return false;
    if (a.is_string()) return a.get_string() == b.get_string();
    const auto left = json::canonical(a);
    const auto right = json::canonical(b);
    return spend(left.size() + right.size()) && left == right;
  }

  bool fits(const bj::value& schema, const bj::value& value) {
    ++quiet_;
    const bool good = check(schema, value);
    --quiet_;
    return good;
  }

  bool check_at(const bj::value& schema, const bj::value& value, std::string_view step) {
    const auto size = pointer_.size();
    pointer_ += "/" + json::pointer_token(step);
    const bool good = check(schema, value);
    pointer_.resize(size);
    return good;
  }

  bool check(const bj::value& schema, const bj::value& value) {
    if (schema.is_bool()) return schema.get_bool() || fail("nothing is allowed here");
    const auto* object = schema.if_object();
    if (object == nullptr) return true;
    if (!spend(kStepBytes)) return false;
    ++depth_;
    const bool good = check_object_schema(*object, value);
    --depth_;
    return good;
  }

  bool check_object_schema(const bj::object& schema, const bj::value& value) {
    bool good = true;
    if (const auto* reference = keyword(schema, "$ref"); reference != nullptr && reference->is_string()) {
      const auto name = view(reference->get_string());
      if (!spend(name.size())) return false;
      const auto* target = resolve(root_, name);
      if (target == nullptr) return fail("the schema refers to what is not there");
      good = check(*target, value);
      if (old_references_) return good;
    }
    good = check_value(schema, value) && good;
    if (value.is_number()) good = check_number(schema, value) && good;
    if (value.is_string()) good = check_text(schema, value) && good;
    if (value.is_array()) good = check_list(schema, value.get_array()) && good;
    if (value.is_object()) good = check_members(schema, value) && good;
    return check_combined(schema, value) && good;
  }

  bool check_value(const bj::object& schema, const bj::value& value) {
    if (const auto* type = keyword(schema, "type")) {
      const auto* one = type->if_string();
      const auto* many = type->if_array();
      bool good = one != nullptr && is_of(value, view(*one));
      std::string names = one != nullptr ? std::string(*one) : std::string();
      if (many != nullptr && spend(many->size() * kNameBytes))
        for (const auto& entry : *many) {
          if (!entry.is_string()) continue;
          good = good || is_of(value, view(entry.get_string()));
          names += (names.empty() ? "" : " or ") + std::string(entry.get_string());
        }
      // Further complaints would say the same again.
      if (!good) return fail("expected " + names + ", found " + shown(value));
    }
    if (const auto* fixed = keyword(schema, "const"); fixed != nullptr && !equal(*fixed, value))
      return fail("expected " + shown(*fixed) + ", found " + shown(value));
    const auto* words = keyword(schema, "enum");
    if (words == nullptr || !words->is_array()) return true;
    std::string names;
    std::size_t told = 0;
    if (!spend(words->get_array().size() * kWordBytes)) return false;
    for (const auto& word : words->get_array()) {
      if (over_) return false;
      if (equal(word, value)) return true;
      if (told++ < kNamesMax) names += (names.empty() ? "" : ", ") + shown(word);
    }
    return fail("expected one of " + names + (told > kNamesMax ? ", ..." : "") + ", found " + shown(value));
  }

  bool check_number(const bj::object& schema, const bj::value& value) {
    struct Bound {
      const char* name;
      const char* words;
      bool (*holds)(int order);
    };
    static constexpr Bound kBounds[] = {{"minimum", "at least ", [](int order) { return order >= 0; }},
                                        {"maximum", "at most ", [](int order) { return order <= 0; }},
                                        {"exclusiveMinimum", "more than ", [](int order) { return order > 0; }},
                                        {"exclusiveMaximum", "less than ", [](int order) { return order < 0; }}};
    bool good = true;
    for (const auto& bound : kBounds) {
      const auto* limit = keyword(schema, bound.name);
      if (limit == nullptr || !limit->is_number() || bound.holds(order_of(value, *limit))) continue;
      good = fail("expected " + std::string(bound.words) + shown(*limit) + ", found " + shown(value));
    }
    const auto* of = keyword(schema, "multipleOf");
    if (of != nullptr && of->is_number() && !is_multiple(value, *of))
      good = fail("expected a multiple of " + shown(*of) + ", found " + shown(value));
    return good;
  }

  /// minX and maxX of what is counted in `unit`.
  bool check_count(const bj::object& schema, std::string_view what, std::size_t count, const std::string& unit) {
    bool good = true;
    const auto* least = keyword(schema, "min" + std::string(what));
    const auto* most = keyword(schema, "max" + std::string(what));
    if (least != nullptr && count < count_of(*least))
      good = fail("expected at least " + shown(*least) + " " + unit + ", found " + std::to_string(count));
    if (most != nullptr && count > count_of(*most))
      good = fail("expected at most " + shown(*most) + " " + unit + ", found " + std::to_string(count));
    return good;
  }

  bool check_text(const bj::object& schema, const bj::value& value) {
    const auto text = view(value.get_string());
    if (!spend(text.size())) return false;
    bool good = check_count(schema, "Length", code_points(text), "characters");
    const auto* pattern = keyword(schema, "pattern");
    if (pattern != nullptr && pattern->is_string() && !matches(view(pattern->get_string()), text))
      good = fail("expected text that matches " + shown(*pattern) + ", found " + shown(value));
    return good;
  }

  /// A pattern that cannot be compiled here holds for every text.
  bool matches(std::string_view pattern, std::string_view text) {
    if (!spend(kStepBytes + pattern.size() + text.size())) return false;
    auto found = patterns_.find(pattern);
    if (found == patterns_.end()) {
      if (patterns_.size() == kPatternsMax) patterns_.clear();
      if (!spend(pattern.size() * kCompileBytes)) return false;
      found = patterns_.emplace(pattern, compile_pattern(pattern)).first;
    }
    const auto& compiled = found->second;
    return !compiled->ok() || RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled);
  }

  bool check_list(const bj::object& schema, const bj::array& list) {
    if (!spend(list.size())) return false;
    bool good = check_count(schema, "Items", list.size(), "items");
    good = check_items(schema, list) && good;
    if (const auto* unique = keyword(schema, "uniqueItems"); unique != nullptr && *unique == true) {
      std::set<std::string> seen;
      for (const auto& item : list) {
        auto text = json::canonical(item);
        if (!spend(kStepBytes + text.size())) return false;
        if (!seen.insert(std::move(text)).second) return fail("expected items that differ, found one twice");
      }
    }
    const auto* wanted = keyword(schema, "contains");
    if (wanted == nullptr) return good;
    const bool any = std::any_of(list.begin(), list.end(), [&](const bj::value& item) { return fits(*wanted, item); });
    return any ? good : fail("expected an item as 'contains' asks for, found none");
  }

  /// The first items by place, in either draft's spelling; the rest alike.
  bool check_items(const bj::object& schema, const bj::array& list) {
    const auto* items = keyword(schema, "items");
    const auto* prefix = keyword(schema, "prefixItems");
    const auto* rest = items;
    if (prefix == nullptr && items != nullptr && items->is_array()) {
      prefix = items;
      rest = keyword(schema, "additionalItems");
    }
    const auto* places = prefix == nullptr ? nullptr : prefix->if_array();
    bool good = true;
    for (std::size_t i = 0; i < list.size() && !over_; ++i) {
      const auto* one = places != nullptr && i < places->size() ? &(*places)[i] : rest;
      if (one != nullptr) good = check_at(*one, list[i], std::to_string(i)) && good;
    }
    return good;
  }

  bool check_members(const bj::object& schema, const bj::value& value) {
    const auto& object = value.get_object();
    bool good = check_count(schema, "Properties", object.size(), "members");
    if (const auto* required = keyword(schema, "required"); required != nullptr && required->is_array())
      good = check_required(required->get_array(), object, "") && good;
    const auto* names = keyword(schema, "propertyNames");
    for (const auto& [key, member] : object) {
      if (!spend(kStepBytes + key.size())) return false;
      good = check_member(schema, key, member) && good;
      if (names != nullptr && !fits(*names, bj::value(key)))
        good = fail("the name '" + std::string(key) + "' is not allowed") && good;
    }
    for (const auto* name : {"dependencies", "dependentRequired", "dependentSchemas"}) {
      const auto* all = keyword(schema, name);
      if (all == nullptr || !all->is_object() || !spend(all->get_object().size() * kNameBytes)) continue;
      for (const auto& [key, needs] : all->get_object()) {
        if (!object.contains(key)) continue;
        if (const auto* list = needs.if_array())
          good = check_required(*list, object, " beside '" + std::string(key) + "'") && good;
        else
          good = check(needs, value) && good;
      }
    }
    return good;
  }

  bool check_required(const bj::array& names, const bj::object& object, const std::string& why) {
    if (!spend(names.size() * kNameBytes)) return false;
    bool good = true;
    for (const auto& name : names)
      if (name.is_string() && !object.contains(name.get_string()))
        good = fail("'" + std::string(name.get_string()) + "' is missing" + why);
    return good;
  }

  bool check_member(const bj::object& schema, std::string_view key, const bj::value& value) {
    bool known = false;
    bool good = true;
    if (const auto* own = keyword(schema, "properties"); own != nullptr && own->is_object())
      if (const auto* one = own->get_object().if_contains(key)) {
        known = true;
        good = check_at(*one, value, key);
      }
    if (const auto* patterns = keyword(schema, "patternProperties"); patterns != nullptr && patterns->is_object())
      for (const auto& [pattern, one] : patterns->get_object()) {
        if (!matches(pattern, key)) continue;
        known = true;
        good = check_at(one, value, key) && good;
      }
    const auto* others = keyword(schema, "additionalProperties");
    if (known || others == nullptr) return good;
    if (*others == false) return fail("'" + std::string(key) + "' is not allowed");
    return check_at(*others, value, key) && good;
  }

  bool check_combined(const bj::object& schema, const bj::value& value) {
    bool good = true;
    if (const auto* all = keyword(schema, "allOf"); all != nullptr && all->is_array())
      for (const auto& one : all->get_array()) good = check(one, value) && good;
    for (const auto* name : {"anyOf", "oneOf"}) {
      const auto* list = keyword(schema, name);
      if (list == nullptr || !list->is_array()) continue;
      good = check_choice(list->get_array(), value, std::string_view(name) == "oneOf") && good;
    }
    if (const auto* none = keyword(schema, "not"); none != nullptr && fits(*none, value))
      good = fail("expected what 'not' does not describe, found " + shown(value));
    if (const auto* condition = keyword(schema, "if")) {
      const auto* then = keyword(schema, fits(*condition, value) ? "then" : "else");
      if (then != nullptr) good = check(*then, value) && good;
    }
    return good;
  }

  bool check_choice(const bj::array& list, const bj::value& value, bool only_one) {
    std::size_t fitting = 0;
    const bj::value* of_type = nullptr;
    std::size_t types = 0;
    for (const auto& one : list) {
      if (fits(one, value)) {
        if (++fitting > 1 || !only_one) break;
        continue;
      }
      const auto* type = one.is_object() ? one.get_object().if_contains("type") : nullptr;
      if (type == nullptr || !type->is_string() || !is_of(value, view(type->get_string()))) continue;
      of_type = &one;
      ++types;
    }
    if (fitting == 1 || (fitting > 0 && !only_one)) return true;
    if (fitting > 1) return fail("expected what fits one choice of 'oneOf', found what fits several");
    // If only one of them can have been meant, what it misses says more. In a trial nobody asks, and looking again
    // would double the work with each choice within a choice.
    if (quiet_ > 0) return false;
    if (types == 1) return check(*of_type, value);
    return fail(std::string("fits no choice of '") + (only_one ? "oneOf" : "anyOf") + "': found " + shown(value));
  }

  const bj::value& root_;
  bool old_references_;
  std::vector<Mismatch> found_;
  std::string pointer_;
  std::size_t spent_ = 0;  ///< Bytes; a step is kStepBytes.
  int depth_ = 0;
  int quiet_ = 0;  ///< Above 0: a trial, whose mismatches nobody wants to hear of.
  bool over_ = false;
  std::map<std::string, std::unique_ptr<RE2>, std::less<>> patterns_;
};

}  // namespace

std::unique_ptr<RE2> compile_pattern(std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternBytesMax);
  return std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
}

std::vector<Mismatch> mismatches(const Json& schema, const bj::value& value) {
  const auto root = schema.value();
  return Validator(root).run(value);
}

}  // namespace hillstar::policy
