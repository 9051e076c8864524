// SPDX-License-Identifier: Apache-2.0
// What the parameters of a node set in its request. For model_request.cpp and model_check.cpp.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "messages/error.hpp"
#include "messages/model.hpp"
#include "runtime/policy/model_choice.hpp"

namespace hillstar::policy {

/// An image that was named: `"a.png"` or `{"path": "a.png", "detail": "high"}`.
struct ImageName {
  std::string path;
  std::string detail;
};
Result<ImageName> read_image_name(const boost::json::value& value, const std::string& pointer);

/// tool_parameters at `pointer`: "... must be `expected`."
Error wrong_parameter(const std::string& pointer, const std::string& expected);

/// All but the images. Errors: tool_parameters.
Result<void> put_parameters(const boost::json::value& given, const boost::json::value& config, const Backend& backend,
                            ModelRequest& request);
/// tools, tool_choice, parallel_tool_calls.
Result<void> put_tools(const boost::json::value& given, ModelRequest& request);
/// response_format, schema.
Result<void> put_format(const boost::json::value& given, const Backend& backend, ModelRequest& request,
                        boost::json::object& extra);

/// A parameter that is given and will not be sent, because the provider or model has no place for it.
struct UnsentParameter {
  std::string parameter;
  std::string hint;
};
std::vector<UnsentParameter> unsent_parameters(const boost::json::value& given, const Backend& backend);

}  // namespace hillstar::policy
