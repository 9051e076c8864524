// SPDX-License-Identifier: Apache-2.0
// Calls the git program for git_commit. Decides nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/platform/clock.hpp"
#include "runtime/tools/tool.hpp"

namespace hillstar {
class ProcessGuard;
}

namespace hillstar::tools {

struct GitOutput {
  int code = 0;
  std::string out;
  std::string err;  ///< The end of stderr, trimmed.
};
/// git's answer, or the attempt's end: no git, out of time, cancelled, killed.
using GitResult = std::variant<GitOutput, ToolReply>;

class Git {
 public:
  /// All calls together have `call.start_to_close`.
  Git(const ToolCall& call, const ToolContext& context, std::string folder, ProcessGuard* guard);
  GitResult run(const std::vector<std::string>& arguments, std::string_view input = {});

 private:
  const ToolCall& call_;
  const ToolContext& context_;
  std::string folder_;
  ProcessGuard* guard_;
  std::vector<std::string> environment_;
  SystemClock clock_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace hillstar::tools
