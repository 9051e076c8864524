// SPDX-License-Identifier: Apache-2.0
#include "providers/body_reader.hpp"

#include <boost/json.hpp>
#include <utility>

#include "messages/json.hpp"
#include "providers/failure.hpp"
#include "providers/fields.hpp"
#include "providers/text.hpp"

namespace hillstar::providers {
namespace {

/// White space, and the bytes of a byte order mark. Servers send it for minutes to keep a connection alive.
constexpr std::string_view kBlank = "\xEF\xBB\xBF \t\r\n";

}  // namespace

ModelChunk BodyReader::feed(std::string_view bytes) {
  ModelChunk chunk;
  if (shape_ != Shape::unknown) {
    take(bytes, chunk);
    return chunk;
  }
  const auto first = bytes.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return chunk;
  const bool json = bytes[first] == '{' || bytes[first] == '[';
  shape_ = !json ? Shape::events : framing_ == Framing::lines ? Shape::lines : Shape::whole;
  take(bytes.substr(first), chunk);
  return chunk;
}

void BodyReader::take(std::string_view bytes, ModelChunk& chunk) {
  if (failure_) return;
  if (shape_ == Shape::events) return take_events(bytes, chunk);
  if (shape_ == Shape::lines) return take_lines(bytes, chunk);
  if (pending_.size() + bytes.size() > kReplyBytesMax)
    fail(FailureClass::output_limit, "The server's reply is too large.");
  else
    pending_ += bytes;
}

void BodyReader::take_events(std::string_view bytes, ModelChunk& chunk) {
  auto events = sse_.feed(bytes);
  if (!events) return fail(FailureClass::output_limit, events.error().message);
  for (const auto& event : *events) {
    if (failure_ || done_) return;
    if (trimmed(event.data) == "[DONE]")
      saw_value_ = done_ = true;
    else if (event.event != "ping" && !trimmed(event.data).empty())
      take_text(event.event, event.data, chunk);
  }
}

void BodyReader::take_lines(std::string_view bytes, ModelChunk& chunk) {
  // A value ends with the bracket that closes it, not with the line: a whole reply may be printed over many lines.
  std::size_t begin = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (cut_.in_string) {
      cut_.in_string = cut_.escaped || c != '"';
      cut_.escaped = !cut_.escaped && c == '\\';
      continue;
    }
    cut_.in_string = c == '"';
    if (c == '{' || c == '[') ++cut_.depth;
    if (c == '}' || c == ']') cut_.depth -= cut_.depth > 0 ? 1 : 0;
    if (cut_.depth > 0 || (c != '}' && c != ']' && c != '\n')) continue;
    pending_ += bytes.substr(begin, at + 1 - begin);
    begin = at + 1;
    const std::string value = std::exchange(pending_, {});
    if (!trimmed(value).empty()) take_text({}, value, chunk);
    if (failure_) return;
  }
  bytes.remove_prefix(begin);
  if (pending_.size() + bytes.size() > kReplyBytesMax)
    return fail(FailureClass::output_limit, "A part of the server's reply is too large.");
  pending_ += bytes;
}

void BodyReader::take_text(std::string_view event, std::string_view text, ModelChunk& chunk) {
  const auto value = json::parse(text, {.bytes_max = kReplyBytesMax, .depth_max = kReplyDepthMax});
  if (!value)
    return fail(FailureClass::malformed_reply, "A part of the server's reply is no JSON: " + value.error().message);
  saw_value_ = true;
  if (!value->is_object()) return fail(FailureClass::malformed_reply, "The server's reply is no JSON object.");
  on_value(event, *value, shape_ != Shape::whole, chunk);
}

void BodyReader::end_of_body() {
  ModelChunk ignored;
  if (shape_ == Shape::unknown) return fail(FailureClass::malformed_reply, "The server's reply is empty.");
  const bool in_value = shape_ == Shape::lines && (cut_.depth > 0 || cut_.in_string);
  if (shape_ != Shape::events && !trimmed(pending_).empty() && !in_value) {
    const std::string rest = std::exchange(pending_, {});
    take_text({}, rest, ignored);
  }
  if (shape_ == Shape::whole || done_ || is_complete()) return;
  if (saw_value_ || in_value)
    fail(FailureClass::network, "The stream was cut before its end.");
  else
    fail(FailureClass::malformed_reply, "The server's reply is neither JSON nor an event stream.");
}

std::variant<ModelReply, Failure> BodyReader::finish(const HttpOutcome& http) {
  const auto* reply = std::get_if<HttpReply>(&http);
  if (reply == nullptr) {
    // A connection that breaks after the last event has lost nothing.
    const bool ended = shape_ != Shape::whole && shape_ != Shape::unknown && (done_ || is_complete());
    if (ended && !failure_) return outcome({});
    return std::get<Failure>(http);
  }
  if (reply->status < 200 || reply->status > 299) return failure_of(*reply, key_);
  if (!reply->body.empty()) feed(reply->body);
  if (!failure_) end_of_body();
  return outcome(*reply);
}

std::variant<ModelReply, Failure> BodyReader::outcome(const HttpReply& http) {
  if (!failure_) return result(http);
  if (!failure_->retry_after) failure_->retry_after = retry_after(http);
  name_request(*failure_, request_id(http), key_);
  return *failure_;
}

void BodyReader::fail(FailureClass kind, std::string message) {
  if (!failure_) failure_ = Failure{kind, std::move(message), std::nullopt};
}

void BodyReader::fail(const boost::json::value& error) {
  if (!failure_) failure_ = failure_of(error, key_);
}

void BodyReader::add_text(std::string_view text, ModelChunk& chunk) {
  text_ += text;
  chunk.text += text;
}

void BodyReader::add_reasoning(std::string_view text, ModelChunk& chunk) {
  reasoning_ += text;
  chunk.reasoning += text;
}

}  // namespace hillstar::providers
