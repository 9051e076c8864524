// SPDX-License-Identifier: Apache-2.0
// What a run is given against what its workflow declares.
#include <algorithm>
#include <boost/json.hpp>

#include "messages/json_codec.hpp"
#include "runtime/workflow/compile.hpp"
#include "runtime/workflow/definition_parts.hpp"
#include "runtime/workflow/did_you_mean.hpp"

namespace hillstar::workflow {
namespace {

namespace bj = boost::json;

class InputResolver {
 public:
  explicit InputResolver(const Plan& plan) : plan_(plan) {
    for (const auto& spec : plan.inputs) names_.emplace_back(spec.name);
  }

  void take_file(const Json& file) {
    const auto value = file.value();
    if (value.is_null()) return;
    if (!value.is_object()) return report("", "expected an object of inputs, found " + kind_of(value));
    for (const auto& [key, input] : value.get_object()) {
      const auto* spec = find(std::string(key));
      if (spec != nullptr) set(*spec, input);
    }
  }

  void take_text(const std::string& name, const std::string& text) {
    const auto* spec = find(name);
    if (spec == nullptr) return;
    if (!json::is_utf8(text)) return report(name, "text that is not valid UTF-8");
    if (spec->type == InputType::string) return set(*spec, bj::value(text));
    auto parsed = json::parse(text);
    if (parsed) return set(*spec, *std::move(parsed));
    // Where any type will do, what is no JSON is text.
    if (spec->type == InputType::any) return set(*spec, bj::value(text));
    report(name, "expected " + std::string(json::enum_name(spec->type)) + " as JSON: " + parsed.error().message);
  }

  ResolvedInputs finish() {
    for (const auto& spec : plan_.inputs) {
      if (values_.contains(spec.name) || is_refused(spec.name)) continue;
      if (spec.fallback)
        values_[spec.name] = spec.fallback->value();
      else
        report(spec.name, "input '" + spec.name + "' is missing and has no default",
               "give it with -p " + spec.name + "=...");
    }
    return {Json::of(bj::value(std::move(values_))), std::move(diagnostics_)};
  }

 private:
  void report(const std::string& name, std::string message, std::string hint = {}) {
    Diagnostic diagnostic;
    diagnostic.code = Errc::inputs_invalid;
    diagnostic.pointer = "/inputs" + (name.empty() ? "" : "/" + json::pointer_token(name));
    diagnostic.position = {0, 0};
    diagnostic.message = std::move(message);
    diagnostic.hint = std::move(hint);
    diagnostics_.push_back(std::move(diagnostic));
  }

  [[nodiscard]] bool is_refused(const std::string& name) const {
    const auto pointer = "/inputs/" + json::pointer_token(name);
    return std::any_of(diagnostics_.begin(), diagnostics_.end(), [&](const auto& d) { return d.pointer == pointer; });
  }

  const InputSpec* find(const std::string& name) {
    const auto found = std::find_if(plan_.inputs.begin(), plan_.inputs.end(),
                                    [&](const InputSpec& spec) { return spec.name == name; });
    if (found != plan_.inputs.end()) return &*found;
    auto hint = did_you_mean(name, names_);
    if (hint.empty()) hint = names_.empty() ? "it declares none" : "it declares " + one_of(names_);
    report(name, "the workflow declares no input '" + name + "'", std::move(hint));
    return nullptr;
  }

  void set(const InputSpec& spec, bj::value value) {
    if (has_type(value, spec.type))
      values_[spec.name] = std::move(value);
    else
      report(spec.name, "expected " + std::string(json::enum_name(spec.type)) + ", found " + kind_of(value));
  }

  const Plan& plan_;
  std::vector<std::string_view> names_;
  bj::object values_;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace

ResolvedInputs resolve_inputs(const Plan& plan, const std::map<std::string, std::string>& given, const Json& file) {
  InputResolver resolver(plan);
  resolver.take_file(file);
  for (const auto& [name, text] : given) resolver.take_text(name, text);
  return resolver.finish();
}

}  // namespace hillstar::workflow
