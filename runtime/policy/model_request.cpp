// SPDX-License-Identifier: Apache-2.0
// The second half of model_choice.hpp: a node's parameters as a request.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/model_families.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;
using json::member;

constexpr std::uint32_t kMaxTokensMax = 10'000'000;
/// Hillstar's default temperature, in the spelling it sends.
constexpr std::string_view kTemperatureDefault = "7.3e-07";
/// The first version of Anthropic's API that knows no sampling.
constexpr std::string_view kAnthropicWithoutSampling = "2026-10-21";
/// Forwarded unchanged. Other parameters, top_p among them, never were sent by Hillstar.
constexpr std::array<std::string_view, 6> kForwarded{
    "chat_template_kwargs", "reasoning_effort", "response_format", "seed", "stop", "thinking"};
/// Fields that only local servers know; OpenAI and Mistral answer them with 400.
constexpr std::array<std::string_view, 2> kLocalOnly{"chat_template_kwargs", "thinking"};

Error wrong(std::string_view key, const std::string& expected) {
  return {Errc::tool_parameters, "Parameter '" + std::string(key) + "' must be " + expected + ".",
          "/parameters/" + std::string(key)};
}

Result<std::uint32_t> max_tokens(const bj::value& parameters) {
  const auto* value = member(parameters, "max_tokens");
  if (value == nullptr) return kMaxTokensDefault;
  boost::system::error_code code;
  const auto count = value->is_number() ? value->to_number<std::int64_t>(code) : std::int64_t{-1};
  if (code || count < 0 || count > kMaxTokensMax)
    return wrong("max_tokens", "a whole number from 1 to " + std::to_string(kMaxTokensMax));
  return count == 0 ? kMaxTokensDefault : static_cast<std::uint32_t>(count);
}

/// OpenAI refuses near-zero and, for reasoning models, any temperature but 1: Hillstar sends 1 for less than 0.1.
/// 1 is the service's default, so the field is left out, which every model accepts.
Json openai_temperature(const bj::value& wanted) {
  const double value = std::clamp(wanted.to_number<double>(), 0.0, 2.0);
  if (value < 0.1 || value == 1.0) return Json();
  return Json::of(value);
}

/// A temperature that the model would refuse is left out, as Hillstar does for the vendors it knows.
bool takes_temperature(const Backend& backend, const bj::value& parameters) {
  using Sampling = ModelFamily::Sampling;
  if (backend.adapter == "anthropic" &&
      (backend.api_version.empty() || backend.api_version >= kAnthropicWithoutSampling))
    return false;
  const auto family = model_family(backend.adapter, backend.model);
  if (family.sampling == Sampling::accepted) return true;
  const auto* effort = member(parameters, "reasoning_effort");
  return family.sampling == Sampling::without_effort && effort != nullptr && *effort == "none";
}

Result<Json> temperature(const bj::value& parameters, const bj::value& config, const Backend& backend) {
  const auto* value = member(parameters, "temperature");
  if (const auto* sampling = member(config, "sampling_params"); value == nullptr && sampling != nullptr)
    value = member(*sampling, "temperature");
  if (value != nullptr && !value->is_number()) return wrong("temperature", "a number");
  if (!takes_temperature(backend, parameters)) return Json();
  if (backend.adapter == "openai") return value == nullptr ? Json() : openai_temperature(*value);
  if (value != nullptr) return Json::of(*value);
  const bool own_default = backend.adapter == "anthropic" || backend.adapter == "google";
  return own_default ? Json() : Json::from_canonical(std::string(kTemperatureDefault));
}

Result<void> put_stop(const bj::value& stop, ModelRequest& request) {
  if (stop.is_string()) {
    request.stop.emplace_back(stop.get_string());
    return {};
  }
  const auto* list = stop.if_array();
  if (list == nullptr) return wrong("stop", "text or a list of texts");
  for (const auto& entry : *list) {
    if (!entry.is_string()) return wrong("stop", "text or a list of texts");
    request.stop.emplace_back(entry.get_string());
  }
  return {};
}

/// OpenAI's way to say it, which is how authors write it.
Result<void> put_format(const bj::value& format, ModelRequest& request) {
  const auto* type = member(format, "type");
  if (type == nullptr || !type->is_string()) return wrong("response_format", "an object with a type");
  if (*type == "json_object") request.format = ReplyFormat::json_object;
  if (*type != "json_schema") return {};
  const auto* named = member(format, "json_schema");
  const auto* schema = named != nullptr ? member(*named, "schema") : nullptr;
  if (schema == nullptr) return wrong("response_format", "an object whose json_schema has a schema");
  request.format = ReplyFormat::json_schema;
  request.schema = Json::of(*schema);
  if (const auto* name = member(*named, "name"); name != nullptr && name->is_string())
    request.schema_name = std::string(name->get_string());
  if (const auto* strict = member(*named, "strict"); strict != nullptr && strict->is_bool())
    request.schema_strict = strict->get_bool();
  return {};
}

/// For vendors whose bodies have other names for it: the adapter translates.
Result<void> put_fields(const bj::value& given, const Backend& backend, ModelRequest& request) {
  if (const auto* effort = member(given, "reasoning_effort")) {
    if (!effort->is_string()) return wrong("reasoning_effort", "text");
    request.effort = std::string(effort->get_string());
  }
  const bool thinks = backend.adapter != "mistral";
  if (const auto* thinking = member(given, "thinking"); thinking != nullptr && thinks)
    request.thinking = Json::of(*thinking);
  if (const auto* seed = member(given, "seed")) request.seed = Json::of(*seed);
  if (const auto* stop = member(given, "stop")) HILLSTAR_CHECK(put_stop(*stop, request));
  if (const auto* format = member(given, "response_format")) HILLSTAR_CHECK(put_format(*format, request));
  return {};
}

Json forwarded(const bj::value& given, bool local) {
  bj::object extra;
  for (const auto key : kForwarded) {
    const bool known = local || std::find(kLocalOnly.begin(), kLocalOnly.end(), key) == kLocalOnly.end();
    if (const auto* value = member(given, key); value != nullptr && known) extra[key] = *value;
  }
  return Json::of(extra);
}

}  // namespace

Result<ModelRequest> make_request(const Json& parameters, const Json& model_config, std::string prompt,
                                  const Backend& backend) {
  const auto given = parameters.value();
  if (!given.is_object() && !given.is_null())
    return Error{Errc::tool_parameters, "The parameters must be an object.", "/parameters"};
  ModelRequest request;
  request.model = backend.model;
  request.prompt = std::move(prompt);
  HILLSTAR_TRY(request.max_tokens, max_tokens(given));
  HILLSTAR_TRY(request.temperature, temperature(given, model_config.value(), backend));
  if (const auto* system = member(given, "system")) {
    if (!system->is_string()) return wrong("system", "text");
    request.system = std::string(system->get_string());
  }
  constexpr std::array<std::string_view, 4> kTranslated{"anthropic", "google", "mistral", "ollama"};
  if (std::find(kTranslated.begin(), kTranslated.end(), backend.adapter) != kTranslated.end())
    HILLSTAR_CHECK(put_fields(given, backend, request));
  else
    request.extra = forwarded(given, backend.adapter != "openai");
  return request;
}

}  // namespace hillstar::policy
