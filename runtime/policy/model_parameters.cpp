// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/model_parameters.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <utility>

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

std::string at(std::string_view key) { return "/parameters/" + std::string(key); }

bool is_openai(const Backend& backend) {
  return backend.adapter.starts_with("openai") && backend.adapter != "openai_compatible";
}
/// Servers of one's own, which know fields that OpenAI, Mistral and the other vendors answer with 400.
bool is_compatible(const Backend& backend) { return backend.adapter.empty() || backend.adapter == "openai_compatible"; }
bool takes_thinking(const Backend& backend) { return !is_openai(backend) && backend.adapter != "mistral"; }
bool takes_top_k(const Backend& backend) { return takes_thinking(backend); }

/// Sampling that the model would refuse is left out, as Hillstar does for the vendors it knows.
bool takes_sampling(const Backend& backend, const bj::value& given) {
  using Sampling = ModelFamily::Sampling;
  if (backend.adapter == "anthropic" &&
      (backend.api_version.empty() || backend.api_version >= kAnthropicWithoutSampling))
    return false;
  const auto family = model_family(backend.adapter, backend.model);
  if (family.sampling == Sampling::accepted) return true;
  const auto* effort = member(given, "reasoning_effort");
  return family.sampling == Sampling::without_effort && effort != nullptr && *effort == "none";
}

/// OpenAI refuses near-zero and, for reasoning models, any temperature but 1: Hillstar sends 1 for less than 0.1.
/// 1 is the service's default, so the field is left out, which every model accepts.
Json openai_temperature(const bj::value& wanted) {
  const double value = std::clamp(wanted.to_number<double>(), 0.0, 2.0);
  if (value < 0.1 || value == 1.0) return Json();
  return Json::of(value);
}

Result<Json> number(const bj::value& given, std::string_view key) {
  const auto* value = member(given, key);
  if (value == nullptr) return Json();
  if (!value->is_number()) return wrong_parameter(at(key), "a number");
  return Json::of(*value);
}

Result<Json> whole_number(const bj::value& given, std::string_view key) {
  const auto* value = member(given, key);
  if (value == nullptr) return Json();
  const double number = value->is_number() ? value->to_number<double>() : 0.5;
  if (std::floor(number) != number || std::fabs(number) > 9e15) return wrong_parameter(at(key), "a whole number");
  return Json::of(*value);
}

Result<void> put_text(const bj::value& given, std::string_view key, std::string& to) {
  const auto* value = member(given, key);
  if (value == nullptr) return {};
  if (!value->is_string()) return wrong_parameter(at(key), "text");
  to = std::string(value->get_string());
  return {};
}

Result<std::uint32_t> max_tokens(const bj::value& given, const bj::value* sampling) {
  const auto* value = member(given, "max_tokens");
  boost::system::error_code code;
  if (value != nullptr) {
    const auto count = value->is_number() ? value->to_number<std::int64_t>(code) : std::int64_t{-1};
    if (code || count < 0 || count > kMaxTokensMax)
      return wrong_parameter(at("max_tokens"), "a whole number from 1 to " + std::to_string(kMaxTokensMax));
    if (count > 0) return static_cast<std::uint32_t>(count);
  }
  const auto* usual = sampling == nullptr ? nullptr : member(*sampling, "max_tokens");
  if (usual == nullptr || !usual->is_number()) return kMaxTokensDefault;
  const auto count = usual->to_number<std::int64_t>(code);
  return code || count < 1 || count > kMaxTokensMax ? kMaxTokensDefault : static_cast<std::uint32_t>(count);
}

Result<Json> temperature(const bj::value& given, const bj::value* sampling, const Backend& backend, bool sampled) {
  const auto* value = member(given, "temperature");
  if (value == nullptr && sampling != nullptr) value = member(*sampling, "temperature");
  if (value != nullptr && !value->is_number()) return wrong_parameter(at("temperature"), "a number");
  if (!sampled) return Json();
  if (is_openai(backend)) return value == nullptr ? Json() : openai_temperature(*value);
  if (value != nullptr) return Json::of(*value);
  const bool own_default = backend.adapter == "anthropic" || backend.adapter == "google";
  return own_default ? Json() : Json::from_canonical(std::string(kTemperatureDefault));
}

Result<void> put_sampling(const bj::value& given, const bj::value& config, const Backend& backend,
                          ModelRequest& request) {
  const auto* sampling = member(config, "sampling_params");
  const bool sampled = takes_sampling(backend, given);
  HILLSTAR_TRY(request.max_tokens, max_tokens(given, sampling));
  HILLSTAR_TRY(request.temperature, temperature(given, sampling, backend, sampled));
  HILLSTAR_TRY(auto top_p, number(given, "top_p"));
  HILLSTAR_TRY(auto top_k, whole_number(given, "top_k"));
  if (top_p.is_null() && sampling != nullptr) {
    // Models of Anthropic take one of the two.
    const bool both = backend.adapter == "anthropic" && !request.temperature.is_null();
    const auto* usual = member(*sampling, "top_p");
    if (usual != nullptr && usual->is_number() && !both) top_p = Json::of(*usual);
  }
  if (sampled) request.top_p = std::move(top_p);
  if (sampled && takes_top_k(backend)) request.top_k = std::move(top_k);
  HILLSTAR_TRY(request.seed, whole_number(given, "seed"));
  HILLSTAR_TRY(request.presence_penalty, number(given, "presence_penalty"));
  HILLSTAR_TRY(request.frequency_penalty, number(given, "frequency_penalty"));
  return {};
}

Result<void> put_stop(const bj::value& given, ModelRequest& request) {
  const auto* stop = member(given, "stop");
  if (stop == nullptr) return {};
  if (stop->is_string()) {
    request.stop.emplace_back(stop->get_string());
    return {};
  }
  const auto* list = stop->if_array();
  if (list == nullptr) return wrong_parameter(at("stop"), "text or a list of texts");
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!(*list)[i].is_string()) return wrong_parameter(at("stop") + "/" + std::to_string(i), "text");
    request.stop.emplace_back((*list)[i].get_string());
  }
  return {};
}

Result<void> put_system(const bj::value& given, ModelRequest& request) {
  HILLSTAR_CHECK(put_text(given, "system", request.system));
  if (const auto* role = member(given, "system_role")) {
    if (*role != "system" && *role != "developer")
      return wrong_parameter(at("system_role"), "\"system\" or \"developer\"");
    request.system_role = *role == "system" ? ModelRole::system : ModelRole::developer;
  }
  if (const auto* cache = member(given, "system_cache")) {
    if (!cache->is_bool() && *cache != "5m" && *cache != "1h")
      return wrong_parameter(at("system_cache"), "true, false, \"5m\" or \"1h\"");
    if (cache->is_string()) request.system_cache = std::string(cache->get_string());
    if (*cache == true) request.system_cache = "";
  }
  return {};
}

Result<void> put_thinking(const bj::value& given, const Backend& backend, ModelRequest& request) {
  HILLSTAR_CHECK(put_text(given, "reasoning_effort", request.effort));
  HILLSTAR_CHECK(put_text(given, "verbosity", request.verbosity));
  const auto* thinking = member(given, "thinking");
  if (thinking == nullptr) return {};
  if (thinking->is_array())
    return wrong_parameter(at("thinking"), "true, false, text, a number of tokens or an object");
  if (takes_thinking(backend)) request.thinking = Json::of(*thinking);
  return {};
}

Result<bj::object> further_fields(const bj::value& given, const Backend& backend) {
  bj::object extra;
  if (const auto* more = member(given, "extra")) {
    if (!more->is_object()) return wrong_parameter(at("extra"), "an object of further fields");
    extra = more->get_object();
  }
  if (const auto* kwargs = member(given, "chat_template_kwargs")) {
    if (!kwargs->is_object()) return wrong_parameter(at("chat_template_kwargs"), "an object");
    if (is_compatible(backend)) extra["chat_template_kwargs"] = *kwargs;
  }
  return extra;
}

}  // namespace

Error wrong_parameter(const std::string& pointer, const std::string& expected) {
  const auto name = pointer.starts_with("/parameters/") ? pointer.substr(12) : pointer.substr(1);
  return {Errc::tool_parameters,
          (pointer.starts_with("/parameters/") ? "Parameter '" : "'") + name + "' must be " + expected + ".", pointer};
}

Result<ImageName> read_image_name(const bj::value& value, const std::string& pointer) {
  ImageName name;
  if (value.is_string()) {
    name.path = std::string(value.get_string());
  } else {
    const auto* path = member(value, "path");
    if (path == nullptr || !path->is_string())
      return wrong_parameter(pointer, "the path of an image, or an object with its path");
    name.path = std::string(path->get_string());
    if (const auto* detail = member(value, "detail")) {
      if (*detail != "low" && *detail != "high" && *detail != "auto")
        return wrong_parameter(pointer + "/detail", "\"low\", \"high\" or \"auto\"");
      name.detail = std::string(detail->get_string());
    }
  }
  if (name.path.empty()) return wrong_parameter(pointer, "the path of an image, not empty");
  return name;
}

Result<void> put_parameters(const bj::value& given, const bj::value& config, const Backend& backend,
                            ModelRequest& request) {
  HILLSTAR_CHECK(put_sampling(given, config, backend, request));
  HILLSTAR_CHECK(put_stop(given, request));
  HILLSTAR_CHECK(put_system(given, request));
  HILLSTAR_CHECK(put_thinking(given, backend, request));
  HILLSTAR_CHECK(put_tools(given, request));
  HILLSTAR_TRY(auto extra, further_fields(given, backend));
  HILLSTAR_CHECK(put_format(given, backend, request, extra));
  if (!extra.empty()) request.extra = Json::of(extra);
  return {};
}

std::vector<UnsentParameter> unsent_parameters(const bj::value& given, const Backend& backend) {
  std::vector<UnsentParameter> found;
  const auto add = [&](std::string_view name, bool taken, std::string hint) {
    if (!taken && member(given, name) != nullptr) found.push_back({std::string(name), std::move(hint)});
  };
  const bool sampled = takes_sampling(backend, given);
  add("temperature", sampled, "remove it; steer the model with reasoning_effort");
  add("top_p", sampled, "remove it; steer the model with reasoning_effort");
  add("top_k", sampled && takes_top_k(backend), "remove it");
  add("thinking", takes_thinking(backend), "set reasoning_effort");
  add("chat_template_kwargs", is_compatible(backend), "it is for servers that run a chat template");
  return found;
}

}  // namespace hillstar::policy
