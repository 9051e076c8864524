// SPDX-License-Identifier: Apache-2.0
// Fields of a request that Chat Completions and Responses spell alike. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <string_view>

#include "messages/model.hpp"
#include "providers/request_body.hpp"

namespace hillstar::providers {

/// `name`, `strict` and `schema` of a reply's format.
void put_schema(boost::json::object& to, const ModelRequest& request);

/// `name`, `description` and `parameters` of a tool. Always with parameters: Mistral takes no function without.
void put_function(boost::json::object& to, const ModelTool& tool);

/// `tool_choice` and `parallel_tool_calls`. `required` is the API's word for "any, but one", `named` how it writes a
/// choice of one tool.
void set_tool_choice(RequestBody& body, const ModelRequest& request, std::string_view required,
                     boost::json::object named);

}  // namespace hillstar::providers
