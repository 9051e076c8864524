// SPDX-License-Identifier: Apache-2.0
// The first half of anthropic.hpp: requests.
#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "messages/json.hpp"
#include "providers/anthropic.hpp"
#include "providers/conversation.hpp"
#include "providers/fields.hpp"
#include "providers/json_http.hpp"
#include "providers/request_body.hpp"
#include "providers/request_checks.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;
using Service = Anthropic::Service;

constexpr std::string_view kVersionDefault = "2026-10-21";
/// The first version with bearer tokens and without sampling.
constexpr std::string_view kVersionBearer = "2026-10-21";
constexpr std::uint32_t kMaxTokensDefault = 4096;
/// 600 s at the pace of 128,000 tokens an hour: what the service answers in one piece.
constexpr std::uint32_t kWholeReplyTokensMax = 21'333;
constexpr std::int64_t kBudgetMin = 1024;
constexpr std::string_view kNoToken = "ollama";
constexpr std::size_t kBetasBytesMax = 1024;

/// `2026-10-21`.
bool is_date(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00";
  return std::equal(text.begin(), text.end(), kShape.begin(), kShape.end(),
                    [](char c, char shape) { return shape == '-' ? c == '-' : c >= '0' && c <= '9'; });
}

std::string_view version_of(const Endpoint& endpoint) {
  return endpoint.api_version.empty() ? kVersionDefault : std::string_view(endpoint.api_version);
}

/// A request on its way into a body.
struct Writer {
  const ModelRequest& request;
  Service service;
  std::string_view label;
  std::string_view keeper;
  bool sampling;      ///< The API's version knows temperature, top_p and top_k.
  bool system_turns;  ///< It knows system turns after the first.
  RequestBody body{};
  std::int64_t budget = 0;

  [[nodiscard]] Error cannot(std::string_view field, const std::string& what, std::string hint) const {
    return unaskable(field, std::string(label) + " cannot be asked for " + what + ".", std::move(hint));
  }
};

bj::object text_block(std::string_view text) { return {{"type", "text"}, {"text", text}}; }

bj::array blocks_of_user(const ModelTurn& turn) {
  bj::array blocks;
  for (const auto& image : turn.images)
    blocks.push_back({{"type", "image"},
                      {"source", {{"type", "base64"}, {"media_type", image.media_type}, {"data", image.base64}}}});
  if (!turn.text.empty() || blocks.empty()) blocks.push_back(text_block(turn.text));
  return blocks;
}

bj::value content_of_assistant(const Writer& out, const ModelTurn& turn) {
  if (auto kept = kept_list(turn, out.keeper)) return *std::move(kept);
  if (turn.tool_calls.empty()) return bj::string(turn.text);
  bj::array blocks;
  if (!turn.text.empty()) blocks.push_back(text_block(turn.text));
  for (const auto& call : turn.tool_calls)
    blocks.push_back({{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", arguments_object(call)}});
  return blocks;
}

bj::object tool_result(const ModelTurn& turn) {
  bj::object block{{"type", "tool_result"}, {"tool_use_id", turn.tool_call_id}, {"content", turn.text}};
  if (turn.is_error) block["is_error"] = true;
  return block;
}

/// Results of parallel calls are one turn, and what the user says after them belongs to it, too: the API wants all
/// results in the turn that follows the calls, before any text.
Result<bj::array> messages_of(const Writer& out, const Conversation& conversation) {
  bj::array messages;
  bj::array* results = nullptr;  // content of the last message, if it answers calls
  const auto add = [&](std::string_view role, bj::value content) {
    messages.push_back({{"role", role}, {"content", std::move(content)}});
    results = nullptr;
  };
  for (const auto& turn : conversation.turns) {
    if (turn.role == ModelRole::tool) {
      if (results == nullptr) {
        add("user", bj::array{});
        results = &messages.back().as_object()["content"].as_array();
      }
      results->push_back(tool_result(turn));
    } else if (turn.role == ModelRole::user && results != nullptr) {
      for (auto& block : blocks_of_user(turn)) results->push_back(std::move(block));
      results = nullptr;
    } else if (turn.role == ModelRole::user) {
      add("user", turn.images.empty() ? bj::value(turn.text) : bj::value(blocks_of_user(turn)));
    } else if (turn.role == ModelRole::assistant) {
      add("assistant", content_of_assistant(out, turn));
    } else if (out.system_turns) {
      add("system", bj::value(turn.text));
    } else {
      return out.cannot("messages", "a system turn after the first turns",
                        out.service == Service::ollama ? "Move it to the beginning."
                                                       : "Move it to the beginning, or set the API version to " +
                                                             std::string(kVersionBearer) + ".");
    }
  }
  return messages;
}

Result<void> put_system(Writer& out, const std::string& text) {
  if (text.empty()) return {};
  const auto& cache = out.request.system_cache;
  // Ollama keeps what it has read by itself.
  if (!cache || out.service == Service::ollama) {
    out.body.set_text("system", text);
    return {};
  }
  if (!cache->empty() && *cache != "5m" && *cache != "1h")
    return out.cannot("system_cache", "caching for '" + *cache + "'", "It keeps text for 5m or 1h.");
  bj::object control{{"type", "ephemeral"}};
  if (!cache->empty()) control["ttl"] = *cache;
  bj::object block = text_block(text);
  block["cache_control"] = std::move(control);
  out.body.set("system", bj::value(bj::array{std::move(block)}));
  return {};
}

Result<void> put_sampling(Writer& out) {
  const auto& request = out.request;
  const std::pair<std::string_view, const Json*> sampling[] = {
      {"temperature", &request.temperature}, {"top_p", &request.top_p}, {"top_k", &request.top_k}};
  for (const auto& [name, value] : sampling) {
    if (!value->is_null() && !out.sampling)
      return out.cannot(name, std::string(name) + " since version " + std::string(kVersionBearer),
                        "Remove it, or set the API version to 2023-06-01.");
    out.body.set(name, *value);
  }
  const std::pair<std::string_view, const Json*> unknown[] = {{"seed", &request.seed},
                                                              {"presence_penalty", &request.presence_penalty},
                                                              {"frequency_penalty", &request.frequency_penalty}};
  for (const auto& [name, value] : unknown)
    if (!value->is_null()) return out.cannot(name, std::string(name), "Remove it.");
  if (!request.verbosity.empty())
    return out.cannot("verbosity", "a verbosity", "Remove it; say in the prompt how long the reply should be.");
  if (!request.stop.empty()) out.body.set("stop_sequences", bj::value_from(request.stop));
  return {};
}

Result<void> put_thinking(Writer& out) {
  const auto wanted = out.request.thinking.value();
  if (wanted.is_null()) return {};
  boost::system::error_code failed;
  if (wanted.is_object()) {
    const auto* budget = wanted.get_object().if_contains("budget_tokens");
    if (budget != nullptr && budget->is_number()) out.budget = budget->to_number<std::int64_t>(failed);
    out.body.set("thinking", wanted);
  } else if (out.service == Service::ollama) {
    out.body.set("thinking", wanted);  // as Hillstar sends it
  } else if (wanted.is_bool()) {
    out.body.set("thinking", bj::object{{"type", wanted.get_bool() ? "adaptive" : "disabled"}});
  } else if (wanted == "adaptive" || wanted == "disabled" || wanted == "between_tools") {
    out.body.set("thinking", bj::object{{"type", wanted}});
  } else if (wanted.is_number()) {
    out.budget = wanted.to_number<std::int64_t>(failed);
    if (failed || out.budget < kBudgetMin)
      return out.cannot("thinking", "so small a thinking budget", "Give 1024 tokens at least.");
    out.body.set("thinking", bj::object{{"type", "enabled"}, {"budget_tokens", out.budget}});
  } else {
    return out.cannot("thinking", "thinking in this way",
                      "Give true, false, \"adaptive\", a number of tokens or the API's own object.");
  }
  return {};
}

Result<void> put_output(Writer& out) {
  const auto& request = out.request;
  bj::object config;
  if (request.effort == "none" || request.effort == "minimal")
    return out.cannot("effort", "the effort '" + request.effort + "'", "Give low or more, or set thinking to false.");
  if (!request.effort.empty() && out.service == Service::ollama)
    out.body.set_text("reasoning_effort", request.effort);  // as Hillstar sends it
  else if (!request.effort.empty())
    config["effort"] = request.effort;
  if (request.format == ReplyFormat::json_object)
    return out.cannot("format", "JSON without a schema", "Give a schema, or ask for JSON in the prompt.");
  if (request.format == ReplyFormat::json_schema && out.service == Service::ollama)
    return out.cannot("format", "JSON by a schema", "Use the adapter 'ollama', whose API can.");
  // The service always keeps to a schema; schema_strict has nothing to change, and the name is for others.
  if (request.format == ReplyFormat::json_schema)
    config["format"] = {{"type", "json_schema"}, {"schema", request.schema.value()}};
  if (!config.empty()) out.body.set("output_config", config);
  return {};
}

Result<void> put_tool_choice(Writer& out) {
  const auto& request = out.request;
  const bool serial = request.parallel_tool_calls == false;
  const auto kind = request.tool_choice;
  if (out.service == Service::ollama) {
    if (kind != ToolChoiceKind::unset && kind != ToolChoiceKind::automatic)
      return out.cannot("tool_choice", "a choice of tools", "Remove it, or offer only the tools that may be used.");
    if (serial) return out.cannot("parallel_tool_calls", "one call at a time", "Remove it.");
    return {};
  }
  bj::object choice;
  if (kind == ToolChoiceKind::required) choice["type"] = "any";
  if (kind == ToolChoiceKind::none) choice["type"] = "none";
  if (kind == ToolChoiceKind::automatic || (serial && kind == ToolChoiceKind::unset)) choice["type"] = "auto";
  if (kind == ToolChoiceKind::named) choice = {{"type", "tool"}, {"name", request.tool_choice_name}};
  if (serial && kind != ToolChoiceKind::none) choice["disable_parallel_tool_use"] = true;
  if (!choice.empty()) out.body.set("tool_choice", choice);
  return {};
}

Result<void> put_tools(Writer& out) {
  bj::array tools;
  for (const auto& tool : out.request.tools) {
    bj::object made{{"name", tool.name}};
    if (!tool.description.empty()) made["description"] = tool.description;
    made["input_schema"] =
        tool.parameters.is_null() ? bj::value(bj::object{{"type", "object"}}) : tool.parameters.value();
    if (tool.strict && out.service == Service::ollama && *tool.strict)
      return out.cannot("tools", "strict arguments", "Remove strict from the tool '" + tool.name + "'.");
    if (tool.strict && out.service == Service::anthropic) made["strict"] = *tool.strict;
    tools.push_back(std::move(made));
  }
  if (!tools.empty()) out.body.set("tools", tools);
  return put_tool_choice(out);
}

/// What counting wants to know, too.
Result<void> put_prompt(Writer& out) {
  HILLSTAR_TRY(const auto conversation, conversation_of(out.request));
  for (const auto& turn : conversation.turns)
    for (const auto& image : turn.images)
      if (!image.detail.empty() && image.detail != "auto")
        return out.cannot("images", "the detail '" + image.detail + "' of an image", "Scale the image yourself.");
  out.body.set_text("model", out.request.model);
  HILLSTAR_CHECK(put_system(out, conversation.system));
  HILLSTAR_TRY(auto messages, messages_of(out, conversation));
  out.body.set("messages", messages);
  HILLSTAR_CHECK(put_tools(out));
  HILLSTAR_CHECK(put_thinking(out));
  return put_output(out);
}

Result<void> put_limit(Writer& out, bool stream) {
  const auto beyond = static_cast<std::uint32_t>(std::clamp<std::int64_t>(out.budget, 0, 10'000'000));
  const std::uint32_t limit = out.request.max_tokens.value_or(kMaxTokensDefault + beyond);
  if (out.budget > 0 && limit <= out.budget)
    return out.cannot("max_tokens", "a reply no longer than its thinking",
                      "Give max_tokens more than the thinking budget of " + std::to_string(out.budget) + ".");
  out.body.set("max_tokens", bj::value(limit));
  if (stream || (out.service == Service::anthropic && limit > kWholeReplyTokensMax))
    out.body.set("stream", bj::value(true));
  return {};
}

/// `anthropic-beta` of the `betas` among the further fields, where the official clients have them; empty: none.
Result<std::string> betas_of(const ModelRequest& request) {
  const auto extra = request.extra.value();
  const auto* betas = member(&extra, "betas");
  if (betas == nullptr) return std::string();
  const auto wrong = [] {
    return unaskable("extra/betas", "The betas are no list of names.", "Give a list of names.");
  };
  if (!betas->is_array()) return wrong();
  std::string names;
  for (const auto& beta : betas->get_array()) {
    if (!beta.is_string() || beta.get_string().empty()) return wrong();
    const std::string_view name = beta.get_string();
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
             c == '.';
    });
    if (!plain || names.size() + name.size() > kBetasBytesMax) return wrong();
    if (!names.empty()) names += ',';
    names += name;
  }
  return names;
}

Writer writer(const ModelRequest& request, Service service, std::string_view label, std::string_view keeper,
              const Endpoint& endpoint) {
  const bool current = service == Service::anthropic && version_of(endpoint) >= kVersionBearer;
  return {request, service, label, keeper, !current, current};
}

}  // namespace

std::string_view Anthropic::name() const { return service_ == Service::anthropic ? "anthropic" : "anthropic_ollama"; }

std::string_view Anthropic::label() const {
  return service_ == Service::anthropic ? "Anthropic" : "Ollama's Messages API";
}

Result<HttpRequest> Anthropic::to_http(std::string_view path, std::string body, const Endpoint& endpoint) const {
  HILLSTAR_TRY(auto url, versioned_url(endpoint.base_url, {"/v1"}, path));
  auto http = body.empty() ? json_get(std::move(url), endpoint) : json_post(std::move(url), endpoint, std::move(body));
  if (service_ == Service::ollama) {
    if (endpoint.key.reveal() == kNoToken) http.bearer = Secret();
    return http;
  }
  const auto version = version_of(endpoint);
  if (!is_date(version))
    return Error{Errc::provider_config,
                 "The API version '" + endpoint.api_version + "' is no date.",
                 {},
                 "Versions of Anthropic's API are 2023-06-01 and 2026-10-21."};
  http.headers.emplace_back("anthropic-version", version);
  if (version < kVersionBearer) http.key_header = "x-api-key";
  return http;
}

Result<HttpRequest> Anthropic::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  Writer out = writer(request, service_, label(), name(), endpoint);
  HILLSTAR_CHECK(put_prompt(out));
  HILLSTAR_CHECK(put_sampling(out));
  HILLSTAR_CHECK(put_limit(out, endpoint.stream));
  HILLSTAR_CHECK(out.body.merge(request.extra, {"model", "messages", "max_tokens", "stream", "betas"}));
  HILLSTAR_TRY(auto betas, betas_of(request));
  HILLSTAR_TRY(auto http, to_http("/messages", out.body.text(), endpoint));
  if (!betas.empty()) http.headers.emplace_back("anthropic-beta", std::move(betas));
  return http;
}

Result<HttpRequest> Anthropic::encode_count(const ModelRequest& request, const Endpoint& endpoint) const {
  if (service_ == Service::ollama) return Adapter::encode_count(request, endpoint);
  Writer out = writer(request, service_, label(), name(), endpoint);
  HILLSTAR_CHECK(put_prompt(out));
  return to_http("/messages/count_tokens", out.body.text(), endpoint);
}

Result<HttpRequest> Anthropic::encode_models(const Endpoint& endpoint) const {
  return to_http(service_ == Service::anthropic ? "/models?limit=1000" : "/models", {}, endpoint);
}

}  // namespace hillstar::providers
