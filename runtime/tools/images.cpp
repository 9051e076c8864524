// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/images.hpp"

#include <unistd.h>

#include <cerrno>

#include "runtime/platform/base64.hpp"
#include "runtime/tools/standard_tools.hpp"

namespace hillstar::tools {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

Result<std::string> read_bytes(int file, const std::string& path) {
  std::string bytes;
  std::string piece(kReadBytes, '\0');
  for (;;) {
    const ssize_t got = read(file, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(errno, "read", path);
    if (got == 0) return bytes;
    bytes.append(piece, 0, static_cast<std::size_t>(got));
    if (bytes.size() > kImageBytesMax)
      return Error{Errc::output_limit,
                   "the image '" + path + "' is larger than " + std::to_string(kImageBytesMax >> 20U) + " MiB", "",
                   "scale it down"};
  }
}

}  // namespace

std::string_view image_type(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) return "image/png";
  if (bytes.starts_with("\xff\xd8\xff"sv)) return "image/jpeg";
  if (bytes.starts_with("GIF87a"sv) || bytes.starts_with("GIF89a"sv)) return "image/gif";
  if (bytes.starts_with("RIFF"sv) && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP"sv) return "image/webp";
  return {};
}

Result<ModelImage> load_image(const RunContext& run, const std::string& path) {
  HILLSTAR_TRY(const auto file, file_access(run).open_to_read(path));
  HILLSTAR_TRY(const auto bytes, read_bytes(file.get(), path));
  const auto type = image_type(bytes);
  if (type.empty())
    return Error{Errc::tool_parameters, "'" + path + "' is no image that models are shown", "",
                 "give a PNG, JPEG, GIF or WebP file"};
  return ModelImage{std::string(type), base64(bytes), {}};
}

}  // namespace hillstar::tools
