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

constexpr std::size_t kHeadBytesMax = 64;
constexpr std::size_t kLineBytesMax = 4U << 20U;

}  // namespace

ModelChunk BodyReader::feed(std::string_view bytes) {
  ModelChunk chunk;
  if (shape_ != Shape::unknown) {
    take(bytes, chunk);
    return chunk;
  }
  pending_ += bytes;
  const auto first = pending_.find_first_not_of("\xEF\xBB\xBF \t\r\n");
  if (first == std::string::npos && pending_.size() < kHeadBytesMax) return chunk;
  const bool json = first != std::string::npos && (pending_[first] == '{' || pending_[first] == '[');
  shape_ = !json ? Shape::events : framing_ == Framing::lines ? Shape::lines : Shape::whole;
  const std::string head = std::exchange(pending_, {});
  take(head, chunk);
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
  while (!failure_) {
    const auto end = bytes.find('\n');
    if (pending_.size() + std::min(end, bytes.size()) > kLineBytesMax)
      return fail(FailureClass::output_limit, "A line of the server's reply is too long.");
    pending_ += bytes.substr(0, end);
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(pending_, {});
    if (!trimmed(line).empty()) take_text({}, line, chunk);
  }
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
  if (shape_ != Shape::events && !trimmed(pending_).empty() && !failure_) {
    const std::string rest = std::exchange(pending_, {});
    take_text({}, rest, ignored);
  }
  if (shape_ == Shape::whole || done_ || is_complete()) return;
  if (saw_value_)
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
