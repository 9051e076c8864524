// SPDX-License-Identifier: Apache-2.0
// Replies of OpenAI's two APIs, of Mistral, and of all servers that answer like them: whole or streamed, and whichever
// API they turn out to be.
//
// Sources: OpenAI's OpenAPI description (2026-08), Mistral's (2026-08), what llama.cpp and vLLM send.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "providers/body_reader.hpp"
#include "providers/tool_calls.hpp"

namespace hillstar::providers {

/// The adapter's name in ModelTurn::verbatim of turns that Responses wrote.
inline constexpr std::string_view kResponsesAdapter = "openai_responses";

/// Adds what a reply says of its tokens. Chat Completions call them `prompt_tokens` and `completion_tokens`, Responses
/// `input_tokens` and `output_tokens`.
void take_openai_usage(const boost::json::value* usage, const std::string& input, const std::string& output, Usage& to);

class OpenAiReader final : public BodyReader {
 public:
  using BodyReader::BodyReader;

 private:
  using Result = std::variant<ModelReply, Failure>;

  /// Chat Completions: chunks and whole replies differ in `delta` and `message` only.
  class Chat {
   public:
    explicit Chat(OpenAiReader& reader) : reader_(reader) {}
    void take(const boost::json::value& value, bool streamed, ModelChunk& chunk);
    [[nodiscard]] bool complete() const { return !reply_.finish_reason.empty(); }
    Result result(const HttpReply& http);

   private:
    void take_choice(const boost::json::value& choice, ModelChunk& chunk);
    void take_content(const boost::json::value& content, ModelChunk& chunk);
    void take_calls(const boost::json::value* part, bool whole);

    OpenAiReader& reader_;
    ModelReply reply_;
    ToolCalls calls_;
    std::string refusal_;
    std::string id_;
  };

  /// Responses: a list of items; a stream builds them up and ends with all of them again.
  class Responses {
   public:
    explicit Responses(OpenAiReader& reader) : reader_(reader) {}
    void take(std::string_view type, const boost::json::value& value, bool streamed, ModelChunk& chunk);
    [[nodiscard]] bool complete() const { return !status_.empty(); }
    Result result(const HttpReply& http);

   private:
    struct Item {
      std::string id;
      std::string arguments;                   // of a call that streams
      std::shared_ptr<boost::json::value> is;  // as the server has it so far
    };
    void take_event(std::string_view name, const boost::json::value& value, ModelChunk& chunk);
    void take_response(const boost::json::value* response, std::string_view ended_as);
    void take_item(const boost::json::value* item, bool done);
    void take_arguments(const boost::json::value& value, bool all);
    Item* item_named(std::string_view id);
    void read_items();
    void read_message(const boost::json::value& item);
    void read_reasoning(const boost::json::value& item);
    [[nodiscard]] Json verbatim() const;
    [[nodiscard]] std::optional<Failure> failure() const;

    OpenAiReader& reader_;
    ModelReply reply_;
    std::vector<Item> items_;
    ToolCalls calls_;
    std::string text_;
    std::string reasoning_;
    std::string refusal_;
    std::string id_;
    std::string status_;      // how it ended; empty: it has not
    std::string incomplete_;  // why it is incomplete
  };

  void on_value(std::string_view event, const boost::json::value& value, bool streamed, ModelChunk& chunk) override;
  [[nodiscard]] bool is_complete() const override { return chat_.complete() || responses_.complete(); }
  Result result(const HttpReply& http) override { return is_responses_ ? responses_.result(http) : chat_.result(http); }

  /// Names, and what a reply without text and without calls is.
  Result finished(ModelReply reply, const std::string& refusal, std::string_view id, const HttpReply& http) const;

  Chat chat_{*this};
  Responses responses_{*this};
  bool is_responses_ = false;
};

}  // namespace hillstar::providers
