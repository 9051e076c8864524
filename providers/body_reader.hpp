// SPDX-License-Identifier: Apache-2.0
// What all adapters' readers share: a 2xx body is one JSON value or a stream of them; how it ended; the text so far.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model.hpp"
#include "providers/adapter.hpp"
#include "providers/sse.hpp"

namespace hillstar::providers {

/// Derived classes read values and say when the reply is complete. Looks at the first byte to tell a whole reply from
/// a stream, so that a server which ignores `stream` is understood, too.
class BodyReader : public ReplyReader {
 public:
  /// How a streamed body is cut into values.
  enum class Framing { events, lines };  ///< Server-sent events, or JSON values one after the other (NDJSON).

  explicit BodyReader(Secret key, Framing framing = Framing::events) : key_(std::move(key)), framing_(framing) {}

  ModelChunk feed(std::string_view bytes) final;
  std::variant<ModelReply, Failure> finish(const HttpOutcome& http) final;
  [[nodiscard]] const std::string& partial() const final { return text_; }

 protected:
  /// One value: the whole body (`streamed` false) or a piece of a stream. `event` is its SSE name, or empty.
  virtual void on_value(std::string_view event, const boost::json::value& value, bool streamed, ModelChunk& chunk) = 0;
  /// Nothing is missing, whatever becomes of the connection.
  [[nodiscard]] virtual bool is_complete() const = 0;
  /// Everything was read without a failure. `http` gives the headers; empty if the connection broke after the end.
  virtual std::variant<ModelReply, Failure> result(const HttpReply& http) = 0;

  /// The first failure stays.
  void fail(FailureClass kind, std::string message);
  /// The failure that an error object of the provider describes.
  void fail(const boost::json::value& error);
  void add_text(std::string_view text, ModelChunk& chunk);
  void add_reasoning(std::string_view text, ModelChunk& chunk);

  [[nodiscard]] const Secret& key() const { return key_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& reasoning() const { return reasoning_; }

 private:
  enum class Shape { unknown, whole, events, lines };

  void take(std::string_view bytes, ModelChunk& chunk);
  void take_events(std::string_view bytes, ModelChunk& chunk);
  void take_lines(std::string_view bytes, ModelChunk& chunk);
  void take_text(std::string_view event, std::string_view text, ModelChunk& chunk);
  void end_of_body();
  std::variant<ModelReply, Failure> outcome(const HttpReply& http);

  Secret key_;
  Framing framing_;
  Shape shape_ = Shape::unknown;
  std::string pending_;  // the first bytes, the whole body, or a value that has not ended
  struct {
    std::size_t depth = 0;
    bool in_string = false;
    bool escaped = false;
  } cut_;  // lines: where in a value the bytes so far end
  SseParser sse_;
  std::string text_;
  std::string reasoning_;
  std::optional<Failure> failure_;
  bool saw_value_ = false;
  bool done_ = false;  // [DONE]
};

}  // namespace hillstar::providers
