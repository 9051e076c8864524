// SPDX-License-Identifier: Apache-2.0
// file_write: the input becomes a file's whole content, in one step. Writing the same again changes nothing.
#include <boost/json.hpp>

#include "runtime/tools/standard_tools.hpp"

namespace hillstar::tools {

ToolReply file_write(const ToolCall& call, const ToolContext& context) {
  const auto path = string_parameter(call, "path");
  if (!path) return failed(path.error());
  if (path->empty() || call.input.is_null)
    return failed(FailureClass::invalid_input, "file_write requires path and content");
  if (context.cancel->is_set()) return cancelled();
  const auto place = file_access(*context.run).place_to_write(*path);
  if (!place) return failed(place.error());
  if (const auto written = replace_file(*place, call.input.text, *path); !written) return failed(written.error());
  ToolReply reply;
  reply.result.json = Json::of(boost::json::object{
      {"output", "Wrote " + std::to_string(call.input.text.size()) + " bytes to " + json::to_utf8(*path)}});
  return reply;
}

}  // namespace hillstar::tools
