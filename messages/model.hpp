// SPDX-License-Identifier: Apache-2.0
// A model call in the words of no provider. Adapters translate; what only one provider knows travels in `extra`.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/events.hpp"
#include "messages/failure.hpp"
#include "messages/json.hpp"
#include "messages/units.hpp"

namespace hillstar {

struct ModelImage {
  std::string media_type;  ///< "image/png".
  std::string base64;
  std::string detail;  ///< low, high, auto; empty: the provider's default.
};

/// What a model asks its caller to do.
struct ModelToolCall {
  std::string id;  ///< The provider's, or minted by the adapter if it sent none; unique within a reply.
  std::string name;
  Json arguments;  ///< An object; a string if the model wrote something that is none.

  bool operator==(const ModelToolCall&) const = default;
};
BOOST_DESCRIBE_STRUCT(ModelToolCall, (), (id, name, arguments))

BOOST_DEFINE_ENUM_CLASS(ModelRole, system, developer, user, assistant, tool)

/// One turn of a conversation.
struct ModelTurn {
  ModelRole role = ModelRole::user;
  std::string text;
  std::vector<ModelImage> images;         ///< user.
  std::vector<ModelToolCall> tool_calls;  ///< assistant.
  std::string tool_call_id;               ///< tool: which call this answers, and
  std::string tool_name;                  ///< the name it had.
  bool is_error = false;                  ///< tool: the call failed, `text` says why.
  /// assistant: the turn exactly as the provider wrote it, for parts that must go back unchanged (signed thinking,
  /// encrypted reasoning): `{"adapter": ..., "content": ...}`, understood by that adapter only. Null: none.
  Json verbatim;
};

/// A function that the model may ask for.
struct ModelTool {
  std::string name;
  std::string description;
  Json parameters;  ///< JSON Schema of its arguments, an object.
  std::optional<bool> strict;
};

BOOST_DEFINE_ENUM_CLASS(ToolChoiceKind, unset, automatic, none, required, named)

BOOST_DEFINE_ENUM_CLASS(ReplyFormat, text, json_object, json_schema)

struct ModelRequest {
  std::string model;
  std::string system;                         ///< Empty: none.
  ModelRole system_role = ModelRole::system;  ///< developer: for models that know it.
  std::optional<std::string> system_cache;    ///< Cache the system text where the provider is told to: "5m", "1h".
  std::vector<ModelTurn> messages;            ///< Turns before the prompt.
  std::string prompt;                         ///< The last user turn; none is added if it is empty and others exist.
  std::vector<ModelImage> images;             ///< Of the prompt.

  // Numbers are JSON as it will be sent, null for not at all.
  std::optional<std::uint32_t> max_tokens;
  Json temperature;
  Json top_p;
  Json top_k;
  Json seed;
  Json presence_penalty;
  Json frequency_penalty;
  std::vector<std::string> stop;

  std::string effort;  ///< Of reasoning: none, minimal, low, medium, high, xhigh, max; empty: unset.
  Json thinking;  ///< As the author wrote it: a bool, "adaptive", a number of tokens, or the provider's own object.
  std::string verbosity;

  std::vector<ModelTool> tools;
  ToolChoiceKind tool_choice = ToolChoiceKind::unset;
  std::string tool_choice_name;  ///< For ToolChoiceKind::named.
  std::optional<bool> parallel_tool_calls;

  ReplyFormat format = ReplyFormat::text;
  std::string schema_name = "reply";
  Json schema;  ///< For ReplyFormat::json_schema.
  std::optional<bool> schema_strict;

  /// Further fields of the request's body, an object; merged into it deeply. What the adapter has set itself stays.
  Json extra;
};

/// Why a reply ended, in one vocabulary.
BOOST_DEFINE_ENUM_CLASS(FinishKind, stop, length, tool_calls, content_filter, other)

struct ModelReply {
  std::string text;
  std::string model;  ///< As the provider named it in its reply.
  FinishKind finish = FinishKind::other;
  std::string finish_reason;  ///< The provider's own word.
  std::string request_id;
  std::string fingerprint;
  std::optional<std::string> reasoning;
  std::vector<ModelToolCall> tool_calls;
  Json verbatim;  ///< For ModelTurn::verbatim.
  Usage usage;

  bool operator==(const ModelReply&) const = default;
};
BOOST_DESCRIBE_STRUCT(ModelReply, (),
                      (text, model, finish, finish_reason, request_id, fingerprint, reasoning, tool_calls, verbatim,
                       usage))

/// A piece of a reply while it streams. Never stored in the log.
struct ModelChunk {
  std::string text;
  std::string reasoning;
};

struct EmbeddingRequest {
  std::string model;
  std::vector<std::string> texts;
  std::optional<std::uint32_t> dimensions;
  Json extra;
};

struct EmbeddingReply {
  Json vectors;  ///< An array of arrays of numbers, in the order of the texts.
  std::string model;
  std::string request_id;
  Usage usage;
};

/// What a backend says it can serve.
struct ModelListing {
  std::string id;
  std::optional<std::uint64_t> context_tokens;
};

}  // namespace hillstar
