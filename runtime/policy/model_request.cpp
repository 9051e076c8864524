// SPDX-License-Identifier: Apache-2.0
// The second half of model_choice.hpp: a node's parameters as a request.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "runtime/policy/model_choice.hpp"

namespace hillstar::policy {
namespace {

namespace bj = boost::json;

constexpr std::uint32_t kMaxTokensDefault = 4096;
constexpr std::uint32_t kMaxTokensMax = 10'000'000;
/// Hillstar's default temperature, in the spelling it sends.
constexpr std::string_view kTemperatureDefault = "7.3e-07";
/// Forwarded unchanged. Other parameters, top_p among them, never were sent by Hillstar.
constexpr std::array<std::string_view, 6> kForwarded{
    "chat_template_kwargs", "reasoning_effort", "response_format", "seed", "stop", "thinking"};
/// Fields that only local servers know; OpenAI answers them with 400.
constexpr std::array<std::string_view, 2> kLocalOnly{"chat_template_kwargs", "thinking"};

const bj::value* find(const bj::value& object, std::string_view key) {
  const auto* fields = object.if_object();
  const auto* value = fields != nullptr ? fields->if_contains(key) : nullptr;
  return value != nullptr && !value->is_null() ? value : nullptr;
}

Error wrong(std::string_view key, const std::string& expected) {
  return {Errc::tool_parameters, "Parameter '" + std::string(key) + "' must be " + expected + ".",
          "/parameters/" + std::string(key)};
}

Result<std::uint32_t> max_tokens(const bj::value& parameters) {
  const auto* value = find(parameters, "max_tokens");
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

Result<Json> temperature(const bj::value& parameters, const bj::value& config, bool openai) {
  const auto* value = find(parameters, "temperature");
  if (const auto* sampling = find(config, "sampling_params"); value == nullptr && sampling != nullptr)
    value = find(*sampling, "temperature");
  if (value != nullptr && !value->is_number()) return wrong("temperature", "a number");
  if (openai) return value == nullptr ? Json() : openai_temperature(*value);
  return value == nullptr ? Json::from_canonical(std::string(kTemperatureDefault)) : Json::of(*value);
}

}  // namespace

Result<ModelRequest> make_request(const Json& parameters, const Json& model_config, std::string prompt,
                                  const Backend& backend) {
  const auto given = parameters.value();
  if (!given.is_object() && !given.is_null())
    return Error{Errc::tool_parameters, "The parameters must be an object.", "/parameters"};
  const bool openai = backend.adapter == "openai";
  ModelRequest request;
  request.model = backend.model;
  request.prompt = std::move(prompt);
  HILLSTAR_TRY(request.max_tokens, max_tokens(given));
  HILLSTAR_TRY(request.temperature, temperature(given, model_config.value(), openai));
  if (const auto* system = find(given, "system")) {
    if (!system->is_string()) return wrong("system", "text");
    request.system = std::string(system->get_string());
  }
  bj::object extra;
  for (const auto key : kForwarded) {
    const bool known = !openai || std::find(kLocalOnly.begin(), kLocalOnly.end(), key) == kLocalOnly.end();
    if (const auto* value = find(given, key); value != nullptr && known) extra[key] = *value;
  }
  request.extra = Json::of(extra);
  return request;
}

}  // namespace hillstar::policy
