// SPDX-License-Identifier: Apache-2.0
// The tools of the standard catalog, and what they share. For runtime/tools and its tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "messages/error.hpp"
#include "runtime/platform/file_access.hpp"
#include "runtime/tools/tool.hpp"

namespace hillstar {
class ProcessGuard;
}

namespace hillstar::tools {

class ScriptCage;

/// Bytes that file_read reads and that one stream of a script may have.
inline constexpr std::uint64_t kToolBytesMax = 64U << 20U;

ToolReply file_read(const ToolCall& call, const ToolContext& context);
ToolReply file_write(const ToolCall& call, const ToolContext& context);
/// @param guard  kills what the script started if this process dies; may be null
ToolReply script_run(const ToolCall& call, const ToolContext& context, ScriptCage& cage, ProcessGuard* guard);
ToolReply git_commit(const ToolCall& call, const ToolContext& context, ProcessGuard* guard);

/// Hillstar's view of an input as text: null, false, 0 and empty containers are the empty text.
std::string_view input_text(const workflow::Rendered& input);

/// A string parameter; empty text if absent or null. tool_parameters if it is something else or holds a NUL.
Result<std::string> string_parameter(const ToolCall& call, std::string_view name);
/// A boolean parameter; false if absent or null. tool_parameters if it is something else.
Result<bool> bool_parameter(const ToolCall& call, std::string_view name);
/// A list of strings; empty if absent or null. tool_parameters if it is something else.
Result<std::vector<std::string>> list_parameter(const ToolCall& call, std::string_view name);

/// The folders that a run's file tools may use.
FileAccess file_access(const RunContext& run);

/// What a program of this attempt sees: the person's environment and the HILLSTAR_* names, absolute paths.
/// Names of ours that do not apply to this run are taken out, also if the person's environment has them.
std::vector<std::string> tool_environment(const ToolCall& call, const RunContext& run);
/// The same with `inherited` in the place of the person's environment.
std::vector<std::string> tool_environment(const ToolCall& call, const RunContext& run,
                                          const std::vector<std::string>& inherited);

/// The end of a cancelled attempt.
ToolReply cancelled();
/// A failed attempt with Hillstar's result `{"error": message}`.
ToolReply failed(FailureClass kind, std::string message);
/// The same from an Error: its code decides the class; its hint follows the message.
ToolReply failed(const Error& error);

}  // namespace hillstar::tools
