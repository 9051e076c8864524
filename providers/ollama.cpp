// SPDX-License-Identifier: Apache-2.0
#include "providers/ollama.hpp"

#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/body_reader.hpp"
#include "providers/conversation.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/json_http.hpp"
#include "providers/request_body.hpp"
#include "providers/request_checks.hpp"
#include "providers/text.hpp"
#include "providers/tool_calls.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

constexpr std::string_view kName = "ollama";

Error cannot(std::string_view field, const std::string& what, std::string hint) {
  return unaskable(field, "Ollama cannot be asked for " + what + ".", std::move(hint));
}

class Reader final : public BodyReader {
 public:
  explicit Reader(Secret key) : BodyReader(std::move(key), Framing::lines) {}

 private:
  [[nodiscard]] bool is_complete() const override { return done_; }

  void on_value(std::string_view, const bj::value& value, bool, ModelChunk& chunk) override {
    if (const auto* error = member(&value, "error")) return fail(*error);
    set_name(reply_.model, text_member(&value, "model"));
    set_name(created_, text_member(&value, "created_at"));
    const auto* message = member(&value, "message");
    add_text(text_member(message, "content"), chunk);
    add_reasoning(text_member(message, "thinking"), chunk);
    if (const auto* calls = array_member(message, "tool_calls"))
      for (const auto& call : *calls) {
        const auto* function = member(&call, "function");
        calls_.add_whole(
            {std::nullopt, text_member(&call, "id"), text_member(function, "name"), member(function, "arguments")});
      }
    const auto* done = member(&value, "done");
    done_ = done_ || (done != nullptr && done->is_bool() && done->get_bool());
    set_name(reply_.finish_reason, text_member(&value, "done_reason"));
    auto& usage = reply_.usage;
    usage.input_tokens = tokens(&value, "prompt_eval_count").value_or(usage.input_tokens);
    usage.output_tokens = tokens(&value, "eval_count").value_or(usage.output_tokens);
  }

  std::variant<ModelReply, Failure> result(const HttpReply& http) override {
    reply_.request_id = std::string(request_id(http));
    reply_.text = text();
    if (!reasoning().empty()) reply_.reasoning = reasoning();
    if (calls_.overflowed())
      return Failure{FailureClass::output_limit, "The model asks for too many tool calls.", std::nullopt};
    reply_.tool_calls = calls_.finished(created_);
    if (trimmed(reply_.text).empty() && reply_.tool_calls.empty()) {
      std::string message = "model response contained no text content";
      if (!reply_.finish_reason.empty()) message += " (finish reason: " + excerpt(reply_.finish_reason, key()) + ")";
      return Failure{FailureClass::empty_reply, std::move(message), std::nullopt};
    }
    if (reply_.finish_reason == "length")
      reply_.finish = FinishKind::length;
    else if (!reply_.tool_calls.empty())
      reply_.finish = FinishKind::tool_calls;
    else if (reply_.finish_reason == "stop")
      reply_.finish = FinishKind::stop;
    // What the model thought before its calls belongs to them when they are answered.
    if (reply_.reasoning) reply_.verbatim = keep_turn(kName, bj::object{{"thinking", *reply_.reasoning}});
    return reply_;
  }

  ModelReply reply_;
  ToolCalls calls_;
  std::string created_;
  bool done_ = false;
};

Result<bj::object> message_of(const Conversation& conversation, std::size_t number) {
  const auto& turn = conversation.turns[number];
  bj::object message;
  const bool is_system = turn.role == ModelRole::system || turn.role == ModelRole::developer;
  message["role"] = is_system                           ? "system"
                    : turn.role == ModelRole::user      ? "user"
                    : turn.role == ModelRole::assistant ? "assistant"
                                                        : "tool";
  message["content"] = turn.text;
  if (turn.role == ModelRole::tool)
    if (auto name = tool_name_of(conversation.turns, number); !name.empty()) message["tool_name"] = std::move(name);
  bj::array images;
  for (const auto& image : turn.images) {
    if (!image.detail.empty() && image.detail != "auto")
      return cannot("images", "the detail '" + image.detail + "' of an image", "Scale the image yourself.");
    images.emplace_back(image.base64);
  }
  if (!images.empty()) message["images"] = std::move(images);
  if (const auto kept = kept_turn(turn, kName))
    if (const auto* thinking = member(&*kept, "thinking")) message["thinking"] = *thinking;
  bj::array calls;
  for (const auto& call : turn.tool_calls) {
    bj::object function{{"name", call.name}, {"arguments", arguments_object(call)}};
    calls.push_back(bj::object{{"function", std::move(function)}});
  }
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  return message;
}

Result<void> put_messages(RequestBody& body, const ModelRequest& request) {
  HILLSTAR_TRY(const auto conversation, conversation_of(request));
  bj::array messages;
  // The server remembers what it has read by itself: system_cache has nothing to ask for.
  if (!conversation.system.empty()) messages.push_back({{"role", "system"}, {"content", conversation.system}});
  for (std::size_t i = 0; i < conversation.turns.size(); ++i) {
    HILLSTAR_TRY(auto message, message_of(conversation, i));
    messages.push_back(std::move(message));
  }
  body.set("messages", messages);
  return {};
}

Result<void> put_tools(RequestBody& body, const ModelRequest& request) {
  if (request.tool_choice == ToolChoiceKind::required || request.tool_choice == ToolChoiceKind::named)
    return cannot("tool_choice", "a choice of tools", "Let the model choose (auto), or offer one tool and say so.");
  if (request.parallel_tool_calls == false)
    return cannot("parallel_tool_calls", "one tool call at a time", "Remove parallel_tool_calls.");
  if (request.tool_choice == ToolChoiceKind::none) return {};  // None to choose from is the same.
  bj::array tools;
  for (const auto& tool : request.tools) {
    if (tool.strict == true) return cannot("tools", "strict arguments", "Remove strict from '" + tool.name + "'.");
    bj::object function{{"name", tool.name}};
    if (!tool.description.empty()) function["description"] = tool.description;
    function["parameters"] =
        tool.parameters.is_null() ? bj::value(bj::object{{"type", "object"}}) : tool.parameters.value();
    tools.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  if (!tools.empty()) body.set("tools", tools);
  return {};
}

/// `think`: a switch, or how much.
Result<void> put_thinking(RequestBody& body, const ModelRequest& request) {
  const auto wanted = request.thinking.value();
  const auto& effort = request.effort;
  if (!effort.empty() && effort != "none" && effort != "low" && effort != "medium" && effort != "high")
    return cannot("effort", "the effort '" + effort + "'", "Give none, low, medium or high.");
  const bool level = wanted.is_string() && (wanted == "low" || wanted == "medium" || wanted == "high");
  if (!wanted.is_null() && !wanted.is_bool() && !level && !(wanted == "adaptive"))
    return cannot("thinking", "thinking in this way", "Give true, false, low, medium or high.");
  if (wanted.is_bool() && !effort.empty() && wanted.get_bool() == (effort == "none"))
    return unaskable("thinking", "The thinking and the effort contradict each other.", "Remove one of them.");
  if (level)
    body.set("think", wanted);
  else if (!effort.empty())
    body.set("think", effort == "none" ? bj::value(false) : bj::value(effort));
  else if (!wanted.is_null())
    body.set("think", bj::value(!wanted.is_bool() || wanted.get_bool()));
  return {};
}

Result<void> put_options(RequestBody& body, const ModelRequest& request) {
  if (!request.verbosity.empty())
    return cannot("verbosity", "a verbosity", "Remove it; say in the prompt how long the reply should be.");
  bj::object options;
  const std::pair<const char*, const Json*> numbers[] = {{"temperature", &request.temperature},
                                                         {"top_p", &request.top_p},
                                                         {"top_k", &request.top_k},
                                                         {"seed", &request.seed},
                                                         {"presence_penalty", &request.presence_penalty},
                                                         {"frequency_penalty", &request.frequency_penalty}};
  for (const auto& [name, value] : numbers)
    if (!value->is_null()) options[name] = value->value();
  if (request.max_tokens) options["num_predict"] = *request.max_tokens;
  if (!request.stop.empty()) options["stop"] = bj::value_from(request.stop);
  if (!options.empty()) body.set("options", options);
  if (request.format == ReplyFormat::json_object) body.set_text("format", "json");
  if (request.format == ReplyFormat::json_schema) body.set("format", request.schema);
  return {};
}

/// `http://h:11434` or `http://h/x` or `http://h/api` with the path of a call.
Result<std::string> ollama_url(const Endpoint& endpoint, std::string_view path) {
  return versioned_url(endpoint.base_url, {"/api"}, path);
}

}  // namespace

Result<HttpRequest> Ollama::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  RequestBody body;
  body.set_text("model", request.model);
  HILLSTAR_CHECK(put_messages(body, request));
  HILLSTAR_CHECK(put_tools(body, request));
  HILLSTAR_CHECK(put_thinking(body, request));
  HILLSTAR_CHECK(put_options(body, request));
  body.set("stream", bj::value(endpoint.stream));
  HILLSTAR_CHECK(body.merge(request.extra, {"model", "messages", "stream"}));
  HILLSTAR_TRY(auto url, ollama_url(endpoint, "/chat"));
  return json_post(std::move(url), endpoint, body.text());
}

std::unique_ptr<ReplyReader> Ollama::reader(const Endpoint& endpoint) const {
  return std::make_unique<Reader>(endpoint.key);
}

Result<HttpRequest> Ollama::encode_embedding(const EmbeddingRequest& request, const Endpoint& endpoint) const {
  RequestBody body;
  body.set_text("model", request.model);
  body.set("input", bj::value_from(request.texts));
  if (request.dimensions) body.set("dimensions", bj::value(*request.dimensions));
  HILLSTAR_CHECK(body.merge(request.extra, {"model", "input"}));
  HILLSTAR_TRY(auto url, ollama_url(endpoint, "/embed"));
  return json_post(std::move(url), endpoint, body.text());
}

std::variant<EmbeddingReply, Failure> Ollama::decode_embedding(const HttpReply& reply, const Endpoint& endpoint) const {
  auto found = object_in(reply, endpoint);
  if (auto* failure = std::get_if<Failure>(&found)) return std::move(*failure);
  const bj::value object(std::move(std::get<bj::object>(found)));
  auto vectors = vectors_in(member(&object, "embeddings"), {});
  if (!vectors) return malformed("a list of vectors", reply, endpoint);
  EmbeddingReply made;
  made.vectors = *std::move(vectors);
  set_name(made.model, text_member(&object, "model"));
  made.usage.input_tokens = tokens(&object, "prompt_eval_count").value_or(0);
  return made;
}

Result<HttpRequest> Ollama::encode_models(const Endpoint& endpoint) const {
  HILLSTAR_TRY(auto url, ollama_url(endpoint, "/tags"));
  auto http = json_get(std::move(url), endpoint);
  http.headers.emplace_back("content-type", "application/json");
  return http;
}

std::variant<std::vector<ModelListing>, Failure> Ollama::decode_models(const HttpReply& reply,
                                                                       const Endpoint& endpoint) const {
  return listings_in(reply, endpoint, "models", [](const bj::value& model) {
    const auto id = text_member(&model, "model");
    return ModelListing{std::string(id.empty() ? text_member(&model, "name") : id), std::nullopt};
  });
}

}  // namespace hillstar::providers
