// SPDX-License-Identifier: Apache-2.0
#include "runtime/telemetry/span_attributes.hpp"

#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "messages/json.hpp"
#include "runtime/telemetry/names.hpp"

namespace hillstar::telemetry {
namespace {

namespace bj = boost::json;

constexpr std::string_view kModelTool = "model_call";
constexpr const char* kChat = "chat";

struct Place {
  std::string host;
  std::optional<std::int64_t> port;
};

/// Of the key of a pool: a label, and the address that its calls go to.
Place place_of(std::string_view backend) {
  auto at = backend.find("://");
  if (at == std::string_view::npos) return {};
  const bool tls = backend.substr(0, at).ends_with("https");
  backend.remove_prefix(at + 3);
  auto authority = backend.substr(0, backend.find_first_of("/?# "));
  authority.remove_prefix(authority.rfind('@') == std::string_view::npos ? 0 : authority.rfind('@') + 1);
  const auto colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  Place place{std::string(authority.substr(0, has_port ? colon : authority.size())), std::nullopt};
  if (!has_port) return place;
  std::int64_t port = 0;
  std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), port);
  if (port > 0 && port != (tls ? 443 : 80)) place.port = port;
  return place;
}

/// A number that the node asks for, or else its workflow's sampling parameters.
const bj::value* asked(const bj::value& node, const bj::value& config, std::string_view name) {
  if (const auto* found = json::member(node, name)) return found;
  const auto* sampling = json::member(config, "sampling_params");
  return sampling == nullptr ? nullptr : json::member(*sampling, name);
}

void put_asked(Attributes& out, const workflow::PlanNode& node, const Json& model_config) {
  const auto own = node.parameters.value();
  const auto config = model_config.value();
  for (const auto* name : {"max_tokens", "top_k", "seed"}) {
    const auto* value = asked(own, config, name);
    if (value != nullptr && value->is_int64())
      put(out, (std::string("gen_ai.request.") + name).c_str(), value->get_int64());
  }
  for (const auto* name : {"temperature", "top_p", "frequency_penalty", "presence_penalty"}) {
    const auto* value = asked(own, config, name);
    if (value != nullptr && value->is_number())
      put(out, (std::string("gen_ai.request.") + name).c_str(), value->to_number<double>());
  }
}

void describe_model(Span& span, const NodeScheduled& event, const workflow::PlanNode* node,
                    const workflow::Plan* plan) {
  span.kind = SpanKind::client;
  const auto model = event.call ? event.call->model : node != nullptr ? node->model : std::string();
  const auto provider = event.call ? event.call->provider : node != nullptr ? node->provider : std::string();
  span.name = model.empty() ? kChat : std::string(kChat) + " " + cut(model, kTextBytesMax);
  put(span.attributes, names::kOperation, std::string(kChat));
  put_text(span.attributes, names::kProvider, provider_name(provider));
  put_text(span.attributes, names::kRequestModel, model);
  if (event.call) {
    const auto place = place_of(event.call->backend);
    put_text(span.attributes, names::kServerAddress, place.host);
    if (place.port) put(span.attributes, names::kServerPort, *place.port);
  }
  if (node != nullptr && plan != nullptr) put_asked(span.attributes, *node, plan->model_config);
}

const AttributeValue* find(const Attributes& attributes, std::string_view name) {
  for (const auto& [known, value] : attributes)
    if (known == name) return &value;
  return nullptr;
}

std::string text_of(const bj::value& tree, std::string_view name) {
  const auto* value = json::member(tree, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

std::string provider_name(std::string_view ours) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kNames{{{"google", "gcp.gemini"},
                                                                                 {"gemini", "gcp.gemini"},
                                                                                 {"google_ai_studio", "gcp.gemini"},
                                                                                 {"mistral", "mistral_ai"},
                                                                                 {"xai", "x_ai"},
                                                                                 {"azure", "azure.ai.openai"},
                                                                                 {"azure_openai", "azure.ai.openai"},
                                                                                 {"bedrock", "aws.bedrock"}}};
  for (const auto& [name, theirs] : kNames)
    if (ours == name) return std::string(theirs);
  return std::string(ours);
}

std::string cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  return std::string(text.substr(0, bytes));
}

void put(Attributes& out, const char* name, AttributeValue value) { out.emplace_back(name, std::move(value)); }

void put_text(Attributes& out, const char* name, std::string_view text) {
  if (!text.empty()) out.emplace_back(name, cut(text, kTextBytesMax));
}

void put_number(Attributes& out, const char* name, std::optional<std::uint64_t> value) {
  if (value) out.emplace_back(name, static_cast<std::int64_t>(*value));
}

void put_place(Attributes& out, const NodeId& node, std::optional<std::uint32_t> item, std::uint32_t attempt) {
  put_text(out, names::kNode, node.str());
  if (item) put(out, names::kItem, std::int64_t{*item});
  if (attempt > 0) put(out, names::kAttempt, std::int64_t{attempt});
}

void describe_attempt(Span& span, const NodeScheduled& event, const workflow::PlanNode* node,
                      const workflow::Plan* plan) {
  put_place(span.attributes, event.node, event.item, event.attempt);
  if (node != nullptr && node->loop) {
    put_text(span.attributes, "hillstar.loop.id", node->loop->loop);
    put(span.attributes, "hillstar.loop.attempt", std::int64_t{node->loop->attempt});
  }
  if (event.call || (node != nullptr && node->tool == kModelTool)) return describe_model(span, event, node, plan);
  const std::string tool = node == nullptr ? "tool" : node->tool;
  span.name = "execute_tool " + tool;
  put(span.attributes, names::kOperation, std::string("execute_tool"));
  put_text(span.attributes, names::kToolName, tool);
  put(span.attributes, names::kToolType, std::string("function"));
}

void describe_reply(Span& span, const std::optional<Json>& detail, const std::optional<Usage>& usage,
                    bool older_names) {
  if (detail) {
    const auto tree = detail->value();
    put_text(span.attributes, names::kResponseModel, text_of(tree, "model"));
    if (const auto reason = text_of(tree, "finish_reason"); !reason.empty())
      put(span.attributes, names::kFinishReasons, std::vector<std::string>{cut(reason, kTextBytesMax)});
    put_text(span.attributes, "hillstar.provider.request_id", text_of(tree, "request_id"));
  }
  if (!usage) return;
  put_number(span.attributes, names::kInputTokens, usage->input_tokens);
  put_number(span.attributes, names::kOutputTokens, usage->output_tokens);
  put_number(span.attributes, names::kCacheReadTokens, usage->cached_tokens);
  put_number(span.attributes, older_names ? names::kCacheCreationTokens : names::kCacheWriteTokens,
             usage->cache_write_tokens);
  put_number(span.attributes, names::kReasoningTokens, usage->reasoning_tokens);
  if (usage->cost.count != 0) put(span.attributes, names::kCost, static_cast<double>(usage->cost.count) / 1e6);
}

void count_call(Span& span, const std::optional<Usage>& usage) {
  if (span.kind != SpanKind::client) return;
  CallFacts facts;
  for (const auto* name : {names::kErrorType, names::kOperation, names::kProvider, names::kRequestModel,
                           names::kResponseModel, names::kServerAddress, names::kServerPort})
    if (const auto* value = find(span.attributes, name)) facts.attributes.emplace_back(name, *value);
  facts.seconds = static_cast<double>(span.end.micros - span.start.micros) / 1e6;
  if (usage) facts.input_tokens = usage->input_tokens, facts.output_tokens = usage->output_tokens;
  span.call = std::move(facts);
}

}  // namespace hillstar::telemetry
