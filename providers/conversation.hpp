// SPDX-License-Identifier: Apache-2.0
// A request's turns as one list, checked: what several adapters need before they translate. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "messages/model.hpp"

namespace hillstar::providers {

struct Conversation {
  std::string system;            ///< The request's, and the system turns before all others; a blank line between each.
  std::vector<ModelTurn> turns;  ///< The rest, the prompt last if there is one; never empty.
};

/// Errors: tool_parameters, as check_request finds them.
Result<Conversation> conversation_of(const ModelRequest& request);

/// The arguments of a call that goes back to the model: an object. What was none is told as
/// `{"INVALID_JSON": "the text"}`, so that the model sees what it wrote.
boost::json::object arguments_object(const ModelToolCall& call);

/// The same for APIs that take arguments as JSON text: what was no JSON goes back as the model wrote it.
std::string arguments_text(const ModelToolCall& call);

/// What this adapter kept of a turn, or nothing if there is none or another adapter kept it.
std::optional<boost::json::value> kept_turn(const ModelTurn& turn, std::string_view adapter);
/// The same, if it is a list.
std::optional<boost::json::array> kept_list(const ModelTurn& turn, std::string_view adapter);
/// For ModelReply::verbatim.
Json keep_turn(std::string_view adapter, boost::json::value content);

/// Name of the tool that the tool turn at `number` answers: its own, or that of the nearest call with its id in the
/// turns before; empty if there is none.
std::string tool_name_of(const std::vector<ModelTurn>& turns, std::size_t number);

}  // namespace hillstar::providers
