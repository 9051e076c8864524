// SPDX-License-Identifier: Apache-2.0
#include "providers/program/script.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <utility>

#include "messages/json_codec.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/program/context.hpp"
#include "providers/program/reader.hpp"
#include "providers/request_body.hpp"
#include "providers/request_checks.hpp"
#include "providers/text.hpp"
#include "providers/tool_calls.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

/// What a program may call its failure; anything else counts as `server`.
constexpr std::array kClasses{
    FailureClass::network,         FailureClass::timeout,         FailureClass::overloaded,
    FailureClass::rate_limited,    FailureClass::server,          FailureClass::auth,
    FailureClass::quota,           FailureClass::refused,         FailureClass::context_too_long,
    FailureClass::invalid_request, FailureClass::malformed_reply, FailureClass::empty_reply,
    FailureClass::output_limit,    FailureClass::permission,      FailureClass::not_found};

FailureClass class_named(std::string_view name) {
  const auto found =
      std::find_if(kClasses.begin(), kClasses.end(), [&](FailureClass kind) { return json::enum_name(kind) == name; });
  return found == kClasses.end() ? FailureClass::server : *found;
}

bj::array images_of(const std::vector<ModelImage>& images) {
  bj::array list;
  for (const auto& image : images) {
    bj::object one{{"media_type", image.media_type}, {"base64", image.base64}};
    if (!image.detail.empty()) one["detail"] = image.detail;
    list.push_back(std::move(one));
  }
  return list;
}

bj::object turn_of(const ModelTurn& turn) {
  bj::object out{{"role", json::enum_name(turn.role)}, {"text", turn.text}};
  if (!turn.images.empty()) out["images"] = images_of(turn.images);
  bj::array calls;
  for (const auto& call : turn.tool_calls)
    calls.push_back({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments.value()}});
  if (!calls.empty()) out["tool_calls"] = std::move(calls);
  if (turn.role == ModelRole::tool) {
    out["tool_call_id"] = turn.tool_call_id;
    if (!turn.tool_name.empty()) out["tool_name"] = turn.tool_name;
    if (turn.is_error) out["is_error"] = true;
  }
  return out;
}

void put_tools(RequestBody& body, const ModelRequest& request) {
  bj::array tools;
  for (const auto& tool : request.tools) {
    bj::object one{{"name", tool.name}, {"description", tool.description}, {"parameters", tool.parameters.value()}};
    if (tool.strict) one["strict"] = *tool.strict;
    tools.push_back(std::move(one));
  }
  if (!tools.empty()) body.set("tools", tools);
  if (request.tool_choice == ToolChoiceKind::named)
    body.set("tool_choice", bj::object{{"name", request.tool_choice_name}});
  else if (request.tool_choice != ToolChoiceKind::unset)
    body.set_text("tool_choice",
                  request.tool_choice == ToolChoiceKind::automatic ? "auto" : json::enum_name(request.tool_choice));
  if (request.parallel_tool_calls) body.set("parallel_tool_calls", bj::value(*request.parallel_tool_calls));
}

/// By the names that authors of workflows give them.
void put_wishes(RequestBody& body, const ModelRequest& request) {
  if (request.max_tokens) body.set("max_tokens", bj::value(*request.max_tokens));
  body.set("temperature", request.temperature);
  body.set("top_p", request.top_p);
  body.set("top_k", request.top_k);
  body.set("seed", request.seed);
  body.set("presence_penalty", request.presence_penalty);
  body.set("frequency_penalty", request.frequency_penalty);
  if (!request.stop.empty()) body.set("stop", bj::value_from(request.stop));
  if (!request.effort.empty()) body.set_text("reasoning_effort", request.effort);
  body.set("thinking", request.thinking);
  if (!request.verbosity.empty()) body.set_text("verbosity", request.verbosity);
  if (request.format == ReplyFormat::json_object) body.set("response_format", bj::object{{"type", "json_object"}});
  if (request.format != ReplyFormat::json_schema) return;
  bj::object schema{{"name", request.schema_name}, {"schema", request.schema.value()}};
  if (request.schema_strict) schema["strict"] = *request.schema_strict;
  body.set("response_format", bj::object{{"type", "json_schema"}, {"json_schema", std::move(schema)}});
}

void put_caller(RequestBody& body, const ProgramContext& context) {
  body.set_text("run", context.run);
  body.set_text("node", context.node);
  body.set("attempt", bj::value(context.attempt));
  body.set_text("idempotency_key", context.idempotency_key);
}

class Reader final : public ProgramReader {
 public:
  Reader() : ProgramReader(Noise::refused) {}

 private:
  void on_object(const bj::value& object, ModelChunk& chunk) override {
    if (ended_) return broken("The program wrote something after its reply.");
    if (const auto* error = member(&object, "error")) {
      ended_ = true;
      return on_error(*error);
    }
    if (const auto* delta = member(&object, "delta")) {
      if (!delta->is_string()) return broken("A \"delta\" of the program is no text.");
      return add_text(view(delta->get_string()), chunk);
    }
    on_reply(object);
  }

  void on_error(const bj::value& error) {
    Failure failure{class_named(text_member(&error, "class")), "The program reports: ", {}};
    const auto words = error.is_string() ? view(error.get_string()) : text_member(&error, "message");
    failure.message += words.empty() ? "an error without a message" : excerpt(words, Secret());
    if (const auto* wait = member(&error, "retry_after_s"); wait != nullptr && wait->is_number()) {
      const auto seconds = wait->to_number<double>();
      const auto most = static_cast<double>(kRetryAfterMax.count());
      if (std::isfinite(seconds) && seconds >= 0)
        failure.retry_after = Millis(static_cast<std::int64_t>(std::min(seconds * 1000.0, most)));
    }
    told(std::move(failure));
  }

  void on_reply(const bj::value& object) {
    ended_ = true;
    const auto* text = member(&object, "text");
    const auto* calls = array_member(&object, "tool_calls");
    if (text != nullptr && !text->is_string()) return broken("The \"text\" of the program's reply is no text.");
    if (text == nullptr && calls == nullptr && partial().empty())
      return broken("The program's reply has neither \"text\" nor \"tool_calls\".");
    if (text != nullptr) set_text(view(text->get_string()));
    set_name(reply_.model, text_member(&object, "model"));
    set_name(reply_.finish_reason, text_member(&object, "finish_reason"));
    set_name(reply_.request_id, text_member(&object, "request_id"));
    if (const auto thought = text_member(&object, "reasoning"); !thought.empty()) reply_.reasoning = thought;
    const auto* usage = member(&object, "usage");
    reply_.usage.input_tokens = tokens(usage, "input_tokens").value_or(0);
    reply_.usage.output_tokens = tokens(usage, "output_tokens").value_or(0);
    reply_.usage.cached_tokens = tokens(usage, "cached_tokens");
    reply_.usage.reasoning_tokens = tokens(usage, "reasoning_tokens");
    if (calls == nullptr) return;
    for (const auto& call : *calls)
      calls_.add_whole(
          {std::nullopt, text_member(&call, "id"), text_member(&call, "name"), member(&call, "arguments")});
  }

  std::variant<ModelReply, Failure> result() override {
    if (!ended_) {
      return Failure{
          FailureClass::malformed_reply,
          partial().empty() ? "The program wrote no reply." : "The program ended before its reply was complete.",
          {}};
    }
    if (calls_.overflowed())
      return Failure{FailureClass::output_limit, "The program's reply calls too many tools.", {}};
    reply_.text = partial();
    reply_.tool_calls = calls_.finished(reply_.request_id);
    if (trimmed(reply_.text).empty() && reply_.tool_calls.empty())
      return Failure{FailureClass::empty_reply, "model response contained no text content", {}};
    if (reply_.finish_reason == "length")
      reply_.finish = FinishKind::length;
    else if (!reply_.tool_calls.empty())
      reply_.finish = FinishKind::tool_calls;
    else if (reply_.finish_reason == "stop" || reply_.finish_reason.empty())
      reply_.finish = FinishKind::stop;
    return reply_;
  }

  static std::string_view view(const bj::string& text) { return {text.data(), text.size()}; }

  ModelReply reply_;
  ToolCalls calls_;
  bool ended_ = false;
};

}  // namespace

Result<HttpRequest> Script::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  HILLSTAR_CHECK(check_request(request));
  RequestBody body;
  body.set("version", bj::value(kScriptVersion));
  if (endpoint.program) put_caller(body, *endpoint.program);
  body.set_text("model", request.model);
  body.set_text("system", request.system);
  bj::array turns;
  for (const auto& turn : request.messages) turns.push_back(turn_of(turn));
  body.set("messages", turns);
  body.set_text("prompt", request.prompt);
  if (!request.images.empty()) body.set("images", images_of(request.images));
  put_wishes(body, request);
  put_tools(body, request);
  HILLSTAR_CHECK(body.merge(request.extra, {"version", "run", "node", "attempt", "idempotency_key"}));
  HttpRequest http;
  http.url = endpoint.base_url;
  http.program = endpoint.program;
  http.body = body.text() + "\n";
  return http;
}

std::unique_ptr<ReplyReader> Script::reader(const Endpoint&) const { return std::make_unique<Reader>(); }

}  // namespace hillstar::providers
