// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/inputs.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>

#include "runtime/workflow/compile.hpp"
#include "runtime/workflow/templates.hpp"

namespace hillstar::stream {
namespace {

namespace bj = boost::json;
using workflow::InputSpec;
using workflow::InputType;

std::string_view view(const bj::string& text) { return {text.data(), text.size()}; }

const bj::value* step(const bj::value& value, std::string_view key) {
  if (const auto* object = value.if_object()) return object->if_contains(key);
  const auto* array = value.if_array();
  if (array == nullptr) return nullptr;
  std::size_t index = 0;
  const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), index);
  return code == std::errc{} && end == key.data() + key.size() ? array->if_contains(index) : nullptr;
}

/// What `trigger.a.b` names; nullptr if the trigger has it not.
const bj::value* look_up(const bj::value& trigger, std::string_view inner) {
  const auto dot = inner.find('.');
  if (inner.substr(0, dot) != "trigger") return nullptr;
  if (dot == std::string_view::npos) return &trigger;
  auto key = inner.substr(dot + 1);
  const auto* value = &trigger;
  while (value != nullptr) {
    if (const auto* exact = step(*value, key)) return exact;
    const auto next = key.find('.');
    if (next == std::string_view::npos) return nullptr;
    value = step(*value, key.substr(0, next));
    key.remove_prefix(next + 1);
  }
  return nullptr;
}

std::string text_of(const bj::value& value) {
  if (value.is_null()) return {};
  return value.is_string() ? std::string(value.get_string()) : json::canonical(value);
}

/// Fills templates with one trigger, and remembers the first reference that found nothing.
class Filler {
 public:
  explicit Filler(const bj::value& trigger) : trigger_(trigger) {}

  /// Nothing, if the template is one reference and there is nothing at it.
  std::optional<bj::value> fill(const bj::value& value) {
    if (!value.is_string()) return fill_below(value);
    const auto text = view(value.get_string());
    const auto references = workflow::find_references(text);
    if (references.size() == 1 && references[0].begin == 0 && references[0].end == text.size()) {
      const auto* found = find(workflow::inner_text(text, references[0]));
      return found == nullptr ? std::nullopt : std::optional(*found);
    }
    return bj::value(fill_text(text));
  }

  std::string fill_text(std::string_view text) {
    return workflow::replace_references(text, [&](const workflow::Reference& reference) {
      const auto* found = find(workflow::inner_text(text, reference));
      return std::optional(found == nullptr ? std::string() : text_of(*found));
    });
  }

  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  /// Recursion ends where the author's JSON does, which the parser bounds.
  bj::value fill_below(const bj::value& value) {
    if (const auto* array = value.if_array()) {
      bj::array out;
      for (const auto& element : *array) out.push_back(fill(element).value_or(nullptr));
      return out;
    }
    if (const auto* object = value.if_object()) {
      bj::object out;
      for (const auto& [key, element] : *object) out.emplace(key, fill(element).value_or(nullptr));
      return out;
    }
    return value;
  }

  const bj::value* find(std::string_view inner) {
    const auto* found = look_up(trigger_, inner);
    if ((found == nullptr || found->is_null()) && missing_.empty()) missing_ = inner;
    return found != nullptr && found->is_null() ? nullptr : found;
  }

  const bj::value& trigger_;
  std::string missing_;
};

/// Text for an input that is none: as on the command line, it is read as JSON.
void take_as_json(bj::value& value, InputType type) {
  if (!value.is_string() || type == InputType::string || type == InputType::any) return;
  auto parsed = json::parse(view(value.get_string()));
  if (parsed) value = *std::move(parsed);
}

Error refused(const std::vector<workflow::Diagnostic>& diagnostics, const std::string& hint) {
  std::string message;
  for (const auto& one : diagnostics) message += (message.empty() ? "" : "; ") + one.pointer + ": " + one.message;
  return {Errc::inputs_invalid, "The trigger gives no run: " + message, diagnostics.front().pointer, hint};
}

Result<Json> resolved(const workflow::Plan& plan, bj::object values, const std::string& hint) {
  auto resolved = workflow::resolve_inputs(plan, {}, Json::of(bj::value(std::move(values))));
  if (workflow::has_errors(resolved.diagnostics)) return refused(resolved.diagnostics, hint);
  return std::move(resolved.values);
}

/// Where inputs by name are looked for.
const bj::value& named_inputs(const bj::value& trigger) {
  for (const auto* name : {"inputs", "body"}) {
    const auto* found = json::member(trigger, name);
    if (found != nullptr && found->is_object()) return *found;
  }
  return trigger;
}

bj::object by_name(const workflow::Plan& plan, const bj::value& trigger) {
  bj::object values;
  const auto& named = named_inputs(trigger);
  for (const auto& spec : plan.inputs) {
    if (const auto* found = json::member(named, spec.name)) {
      values[spec.name] = *found;
      take_as_json(values[spec.name], spec.type);
    } else if (spec.name == "trigger") {
      values[spec.name] = trigger;
    }
  }
  return values;
}

}  // namespace

Result<Json> inputs_of(const workflow::Plan& plan, const EntryPoint& entry, const Json& trigger) {
  const auto document = trigger.value();
  if (!entry.inputs) {
    return resolved(plan, by_name(plan, document),
                    "'inputs' of the entry point '" + entry.id + "' can say where in the trigger they are");
  }
  const auto templates = entry.inputs->value();
  if (!templates.is_object())
    return Error(Errc::stream_invalid, "The inputs of the entry point '" + entry.id + "' are no object", "/inputs");
  bj::object values;
  Filler filler(document);
  for (const auto& [name, value] : templates.get_object()) {
    auto filled = filler.fill(value);
    // Where the trigger has nothing, the input's default stands in, if there is one.
    if (!filled) continue;
    const auto spec = std::find_if(plan.inputs.begin(), plan.inputs.end(),
                                   [key = std::string_view(name)](const InputSpec& one) { return one.name == key; });
    if (spec != plan.inputs.end()) take_as_json(*filled, spec->type);
    values.emplace(name, *std::move(filled));
  }
  const auto& missing = filler.missing();
  return resolved(plan, std::move(values),
                  missing.empty() ? "'inputs' of the entry point '" + entry.id + "' makes them of the trigger"
                                  : "the trigger has nothing at '" + missing + "'");
}

Result<Json> given_inputs(const workflow::Plan& plan, const Json& given) {
  auto resolved = workflow::resolve_inputs(plan, {}, given);
  if (workflow::has_errors(resolved.diagnostics))
    return refused(resolved.diagnostics, "give them in 'inputs', by name");
  return std::move(resolved.values);
}

Result<std::optional<std::string>> key_of(const EntryPoint& entry, const Json& trigger) {
  if (!entry.dedupe) return std::optional<std::string>();
  const auto document = trigger.value();
  Filler filler(document);
  auto key = filler.fill_text(*entry.dedupe);
  if (!filler.missing().empty())
    return Error(Errc::inputs_invalid,
                 "The trigger has nothing at '" + filler.missing() + "', which its key is made of", "/dedupe",
                 "send it, or change 'dedupe' of the entry point '" + entry.id + "'");
  if (key.empty() || key.size() > kKeyBytesMax)
    return Error(Errc::inputs_invalid,
                 "The trigger's key has " + std::to_string(key.size()) + " bytes, and 1 to " +
                     std::to_string(kKeyBytesMax) + " are allowed",
                 "/dedupe", "change 'dedupe' of the entry point '" + entry.id + "'");
  return std::optional(std::move(key));
}

}  // namespace hillstar::stream
