// SPDX-License-Identifier: Apache-2.0
// Image files as models are shown them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "messages/model.hpp"
#include "runtime/tools/tool.hpp"

namespace hillstar::tools {

/// Bytes of one image file.
inline constexpr std::size_t kImageBytesMax = 20U << 20U;

/// `image/png`, `image/jpeg`, `image/gif` or `image/webp` by the first bytes, whatever the file's name says; empty:
/// none of them.
std::string_view image_type(std::string_view bytes);

/// Reads an image within the folders that the run's file tools may use; blocks for as long as the file system does.
/// Errors: those of FileAccess, output_limit beyond kImageBytesMax, tool_parameters for a file that is no image.
Result<ModelImage> load_image(const RunContext& run, const std::string& path);

}  // namespace hillstar::tools
