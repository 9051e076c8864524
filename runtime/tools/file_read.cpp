// SPDX-License-Identifier: Apache-2.0
// file_read: a file's content as the node's output.
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>

#include "runtime/tools/output.hpp"
#include "runtime/tools/standard_tools.hpp"

namespace hillstar::tools {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

Result<std::string> path_of(const ToolCall& call) {
  if (const auto text = input_text(call.input); !text.empty()) {
    if (!call.input.is_text) return Error(Errc::tool_parameters, "file_read: the input must be a path, as text");
    return std::string(text);
  }
  HILLSTAR_TRY(std::string path, string_parameter(call, "path"));
  if (path.empty()) return Error(Errc::tool_parameters, "file_read requires file path");
  return path;
}

Result<Gathered> read_all(int file, const std::string& path, const ToolContext& context) {
  OutputCollector content(context.new_blob, context.run->redactor);
  std::string piece(kReadBytes, '\0');
  std::uint64_t total = 0;
  while (!context.cancel->is_set()) {
    const ssize_t got = read(file, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(errno, "read", path);
    if (got == 0) break;
    total += static_cast<std::uint64_t>(got);
    if (total > kToolBytesMax)
      return Error(Errc::output_limit, "'" + path + "' is larger than the " + std::to_string(kToolBytesMax >> 20U) +
                                           " MiB that file_read reads");
    HILLSTAR_CHECK(content.append({piece.data(), static_cast<std::size_t>(got)}));
  }
  return content.finish();
}

}  // namespace

ToolReply file_read(const ToolCall& call, const ToolContext& context) {
  auto path = path_of(call);
  if (!path) return failed(path.error());
  auto file = file_access(*context.run).open_to_read(*path);
  if (!file) {
    Error error = file.error();
    if (error.code == Errc::not_found && path->back() == '\n')
      error.hint = "The path ends in a line break; let the node before print it without one.";
    return failed(error);
  }
  auto content = read_all(file->get(), *path, context);
  if (!content) return failed(content.error());
  if (context.cancel->is_set()) return cancelled();
  ToolReply reply;
  boost::json::object result{{"output", nullptr}, {"file_path", json::to_utf8(*path)}};
  if (content->blob) {
    content->blob->at = "/output";
    reply.result.blobs.push_back(*std::move(content->blob));
  } else {
    result["output"] = content->text;
  }
  reply.result.json = Json::of(result);
  return reply;
}

}  // namespace hillstar::tools
