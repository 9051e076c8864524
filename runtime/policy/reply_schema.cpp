// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/reply_schema.hpp"

#include <boost/json.hpp>
#include <string_view>
#include <utility>

#include "runtime/policy/json_schema.hpp"
#include "runtime/policy/shortened.hpp"
#include "runtime/workflow/templates.hpp"

namespace hillstar::policy {
namespace {

constexpr std::string_view kFence = "```";
constexpr std::size_t kMessageMax = 400;

/// What stands in a fenced block, if the text is nothing else.
std::string_view without_fence(std::string_view text) {
  if (!text.starts_with(kFence) || !text.ends_with(kFence) || text.size() < 2 * kFence.size()) return text;
  const auto line = text.find('\n');
  if (line == std::string_view::npos || line + kFence.size() > text.size()) return text;
  const auto inner = text.substr(line + 1, text.size() - line - 1 - kFence.size());
  return inner.find(kFence) == std::string_view::npos ? workflow::trim(inner) : text;
}

std::string mismatch_text(const Json& schema, const boost::json::value& reply) {
  std::string text;
  for (const auto& mismatch : mismatches(schema, reply))
    text += (text.empty() ? "" : "; ") + (mismatch.pointer.empty() ? "the whole" : mismatch.pointer) + ": " +
            mismatch.message;
  return text;
}

}  // namespace

bool must_be_json(const ModelRequest& request, const ModelReply& reply) {
  return request.format != ReplyFormat::text && reply.tool_calls.empty();
}

JsonReply read_json_reply(const ModelRequest& request, const ModelReply& reply) {
  JsonReply read;
  const auto text = workflow::trim(reply.text);
  auto parsed = json::parse(text);
  if (!parsed)
    if (const auto inner = without_fence(text); inner.size() != text.size())
      if (auto again = json::parse(inner)) parsed = std::move(again);
  if (!parsed) {
    read.problem =
        "The reply is not JSON: " + shortened(parsed.error().message, kMessageMax) + " (" + parsed.error().where + ").";
    if (reply.finish == FinishKind::length) read.problem += " It was cut off where max_tokens ended it.";
    return read;
  }
  read.json = Json::of(*parsed);
  if (request.format == ReplyFormat::json_object) {
    if (!parsed->is_object()) read.problem = "The reply is JSON, but no object.";
  } else if (const auto found = mismatch_text(request.schema, *parsed); !found.empty()) {
    read.problem = "The reply does not fit its schema: " + found + ".";
  }
  return read;
}

}  // namespace hillstar::policy
