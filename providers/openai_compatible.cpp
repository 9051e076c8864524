// SPDX-License-Identifier: Apache-2.0
#include "providers/openai_compatible.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "messages/json.hpp"
#include "providers/failure.hpp"
#include "providers/http/url.hpp"
#include "providers/sse.hpp"
#include "providers/text.hpp"

namespace hillstar::providers {
namespace {

namespace bj = boost::json;

constexpr std::size_t kReplyBytesMax = 64U << 20U;
constexpr std::size_t kReplyDepthMax = 32;
/// More tokens than any model reads or writes: a count above it is a server's mistake.
constexpr std::int64_t kTokensMax = 1'000'000'000;
constexpr std::size_t kNameBytesMax = 256;
constexpr std::string_view kNoText = "model response contained no text content";

/// Fields that the request itself decides; `extra` cannot change them.
constexpr std::array<std::string_view, 8> kReserved{
    "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "stream", "stream_options", "n"};

const bj::value* member(const bj::value* value, std::string_view key) {
  const auto* object = value != nullptr ? value->if_object() : nullptr;
  const auto* found = object != nullptr ? object->if_contains(key) : nullptr;
  return found != nullptr && !found->is_null() ? found : nullptr;
}

std::string_view text_member(const bj::value* value, std::string_view key) {
  const auto* found = member(value, key);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

void set_name(std::string& name, std::string_view text) {
  if (!text.empty() && name.empty()) name = text.substr(0, kNameBytesMax);
}

/// A token count, or nothing if it is absent, negative, broken or absurd.
std::optional<std::uint64_t> tokens(const bj::value* value, std::string_view key) {
  const auto* count = member(value, key);
  if (count == nullptr || !count->is_number()) return std::nullopt;
  boost::system::error_code code;
  const auto number = count->to_number<std::int64_t>(code);
  if (code || number < 0 || number > kTokensMax) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

class Reader final : public ReplyReader {
 public:
  explicit Reader(Secret key) : key_(std::move(key)) {}

  ModelChunk feed(std::string_view bytes) override {
    ModelChunk chunk;
    if (shape_ == Shape::unknown) {
      head_ += bytes;
      const auto first = head_.find_first_not_of("\xEF\xBB\xBF \t\r\n");
      if (first == std::string::npos && head_.size() < kHeadBytesMax) return chunk;
      shape_ =
          first != std::string::npos && (head_[first] == '{' || head_[first] == '[') ? Shape::whole : Shape::stream;
      const std::string head = std::exchange(head_, {});
      take(head, chunk);
    } else {
      take(bytes, chunk);
    }
    return chunk;
  }

  std::variant<ModelReply, Failure> finish(const HttpOutcome& http) override {
    const auto* reply = std::get_if<HttpReply>(&http);
    if (reply == nullptr) {
      // A connection that breaks after the last event has lost nothing.
      if (shape_ == Shape::stream && is_complete() && !failure_) return result({});
      return std::get<Failure>(http);
    }
    if (reply->status < 200 || reply->status > 299) return failure_of(*reply, key_);
    if (!reply->body.empty()) feed(reply->body);
    if (shape_ == Shape::whole) parse_whole();
    if (shape_ == Shape::unknown) fail(FailureClass::malformed_reply, "The server's reply is empty.");
    if (shape_ == Shape::stream && !is_complete() && !failure_) {
      if (saw_event_)
        fail(FailureClass::network, "The stream was cut before its end.");
      else
        fail(FailureClass::malformed_reply, "The server's reply is neither JSON nor an event stream.");
    }
    return result(*reply);
  }

  [[nodiscard]] const std::string& partial() const override { return text_; }

 private:
  enum class Shape { unknown, whole, stream };
  static constexpr std::size_t kHeadBytesMax = 64;

  [[nodiscard]] bool is_complete() const { return done_ || !reply_.finish_reason.empty(); }

  void fail(FailureClass kind, std::string message) {
    if (!failure_) failure_ = Failure{kind, std::move(message), std::nullopt};
  }

  void take(std::string_view bytes, ModelChunk& chunk) {
    if (failure_) return;
    if (shape_ == Shape::whole) {
      if (whole_.size() + bytes.size() > kReplyBytesMax)
        fail(FailureClass::output_limit, "The server's reply is too large.");
      else
        whole_ += bytes;
      return;
    }
    auto events = sse_.feed(bytes);
    if (!events) return fail(FailureClass::output_limit, events.error().message);
    for (const auto& event : *events) {
      if (failure_ || done_) return;
      take_event(event, chunk);
    }
  }

  void take_event(const SseEvent& event, ModelChunk& chunk) {
    if (trimmed(event.data) == "[DONE]") {
      saw_event_ = done_ = true;
      return;
    }
    if (event.event == "ping" || trimmed(event.data).empty()) return;
    auto value = json::parse(event.data, {.bytes_max = kReplyBytesMax, .depth_max = kReplyDepthMax});
    if (!value)
      return fail(FailureClass::malformed_reply, "An event of the stream is no JSON: " + value.error().message);
    saw_event_ = true;
    if (event.event == "error" && member(&*value, "error") == nullptr) {
      failure_ = failure_of(*value, key_);
      return;
    }
    take_object(*value, chunk);
  }

  void parse_whole() {
    if (failure_) return;
    auto value = json::parse(whole_, {.bytes_max = kReplyBytesMax, .depth_max = kReplyDepthMax});
    whole_.clear();
    if (!value) return fail(FailureClass::malformed_reply, "The server's reply is no JSON: " + value.error().message);
    ModelChunk ignored;
    take_object(*value, ignored);
    if (member(&*value, "choices") == nullptr) fail(FailureClass::empty_reply, std::string(kNoText) + ": no choices");
  }

  /// One chunk of a stream, or a whole reply: they differ in `delta` and `message` only.
  void take_object(const bj::value& value, ModelChunk& chunk) {
    if (!value.is_object()) return fail(FailureClass::malformed_reply, "The server's reply is no JSON object.");
    if (const auto* error = member(&value, "error")) {
      failure_ = failure_of(*error, key_);
      return;
    }
    set_name(reply_.model, text_member(&value, "model"));
    set_name(reply_.fingerprint, text_member(&value, "system_fingerprint"));
    set_name(id_, text_member(&value, "id"));
    if (const auto* usage = member(&value, "usage")) take_usage(usage);
    const auto* choices = member(&value, "choices");
    if (choices == nullptr || !choices->is_array()) return;
    for (const auto& choice : choices->get_array()) {
      const auto* index = member(&choice, "index");
      if (index != nullptr && index->is_number() && *index != 0) continue;
      const auto* part = member(&choice, "delta");
      if (part == nullptr) part = member(&choice, "message");
      take_part(part, chunk);
      if (const auto reason = text_member(&choice, "finish_reason"); !reason.empty())
        reply_.finish_reason = reason.substr(0, kNameBytesMax);
    }
  }

  void take_part(const bj::value* part, ModelChunk& chunk) {
    if (const auto* content = member(part, "content")) take_content(*content, chunk);
    auto reasoning = text_member(part, "reasoning_content");
    if (reasoning.empty()) reasoning = text_member(part, "reasoning");
    add_reasoning(reasoning, chunk);
    refusal_ += text_member(part, "refusal");
    const auto* calls = member(part, "tool_calls");
    has_tool_calls_ = has_tool_calls_ || member(part, "function_call") != nullptr ||
                      (calls != nullptr && calls->is_array() && !calls->get_array().empty());
  }

  /// Text, or a list of parts as Mistral's reasoning models send it.
  void take_content(const bj::value& content, ModelChunk& chunk) {
    if (content.is_string()) return add_text(content.get_string(), chunk);
    if (!content.is_array()) return;
    for (const auto& part : content.get_array()) {
      add_text(text_member(&part, "text"), chunk);
      const auto* thinking = member(&part, "thinking");
      if (thinking == nullptr || !thinking->is_array()) continue;
      for (const auto& thought : thinking->get_array()) add_reasoning(text_member(&thought, "text"), chunk);
    }
  }

  void add_text(std::string_view text, ModelChunk& chunk) {
    text_ += text;
    chunk.text += text;
  }
  void add_reasoning(std::string_view text, ModelChunk& chunk) {
    reasoning_ += text;
    chunk.reasoning += text;
  }

  void take_usage(const bj::value* usage) {
    auto& to = reply_.usage;
    to.input_tokens = tokens(usage, "prompt_tokens").value_or(to.input_tokens);
    to.output_tokens = tokens(usage, "completion_tokens").value_or(to.output_tokens);
    if (const auto count = tokens(member(usage, "prompt_tokens_details"), "cached_tokens")) to.cached_tokens = count;
    if (const auto count = tokens(member(usage, "completion_tokens_details"), "reasoning_tokens"))
      to.reasoning_tokens = count;
  }

  std::variant<ModelReply, Failure> result(const HttpReply& http) {
    if (failure_) {
      if (!failure_->retry_after) failure_->retry_after = retry_after(http);
      return *failure_;
    }
    reply_.text = trimmed(text_);
    if (reply_.text.empty()) return empty();
    if (!reasoning_.empty()) reply_.reasoning = reasoning_;
    reply_.request_id = std::string(http.header("x-request-id").substr(0, kNameBytesMax));
    if (reply_.request_id.empty()) reply_.request_id = id_;
    return reply_;
  }

  /// Why there is no text, as far as the reply tells.
  [[nodiscard]] Failure empty() const {
    if (!refusal_.empty())
      return {FailureClass::refused, "The model refused: " + excerpt(refusal_, key_), std::nullopt};
    if (reply_.finish_reason == "content_filter")
      return {FailureClass::refused, "The provider's content filter withheld the reply.", std::nullopt};
    std::string message(kNoText);
    if (has_tool_calls_)
      message += ": it only asks for tool calls, which a model_call node does not make";
    else if (!reply_.finish_reason.empty())
      message += " (finish reason: " + excerpt(reply_.finish_reason, key_) + ")";
    return {FailureClass::empty_reply, std::move(message), std::nullopt};
  }

  Secret key_;
  Shape shape_ = Shape::unknown;
  std::string head_;
  std::string whole_;
  SseParser sse_;
  ModelReply reply_;
  std::string text_;
  std::string reasoning_;
  std::string refusal_;
  std::string id_;
  std::optional<Failure> failure_;
  bool has_tool_calls_ = false;
  bool saw_event_ = false;
  bool done_ = false;
};

void append_message(std::string& body, std::string_view role, const std::string& content) {
  body += R"({"role":)";
  json::append_string(body, role);
  body += R"(,"content":)";
  json::append_string(body, json::to_utf8(content));
  body += '}';
}

}  // namespace

Result<HttpRequest> OpenAiCompatible::encode(const ModelRequest& request, const Endpoint& endpoint) const {
  HttpRequest http;
  HILLSTAR_TRY(http.url, api_url(endpoint.base_url, "/chat/completions"));
  std::string& body = http.body;
  body = R"({"model":)";
  json::append_string(body, json::to_utf8(request.model));
  body += R"(,"messages":[)";
  if (!request.system.empty()) {
    append_message(body, "system", request.system);
    body += ',';
  }
  append_message(body, "user", request.prompt);
  body += ']';
  if (!request.temperature.is_null()) body += R"(,"temperature":)" + request.temperature.text();
  body += dialect_ == Dialect::openai ? R"(,"max_completion_tokens":)" : R"(,"max_tokens":)";
  body += std::to_string(request.max_tokens);
  const auto extra = request.extra.value();
  if (!extra.is_object() && !extra.is_null())
    return Error{Errc::tool_parameters, "Further request fields must be an object.", "/parameters"};
  if (const auto* fields = extra.if_object()) {
    for (const auto& [name, value] : *fields) {
      if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) continue;
      body += ',';
      json::append_string(body, name);
      body += ':';
      json::append_canonical(body, value);
    }
  }
  if (endpoint.stream) body += R"(,"stream":true,"stream_options":{"include_usage":true})";
  body += '}';
  http.headers = {{"content-type", "application/json"},
                  {"accept", endpoint.stream ? "text/event-stream, application/json" : "application/json"},
                  {"user-agent", "hillstar-actors"}};
  http.bearer = endpoint.key;
  return http;
}

std::unique_ptr<ReplyReader> OpenAiCompatible::reader(const Endpoint& endpoint) const {
  return std::make_unique<Reader>(endpoint.key);
}

}  // namespace hillstar::providers
