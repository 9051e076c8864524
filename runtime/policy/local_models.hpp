// SPDX-License-Identifier: Apache-2.0
// Which model of this machine fills a seat that nobody has pinned. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::policy {

/// Backend::source of a seat whose model is looked for when the call goes; Backend::model is then the seat.
inline constexpr std::string_view kLocalDiscovery = "local-discovery";

/// By the order of preference of Hillstar's specification 1.9, from names as Ollama lists them. For chat any model that
/// is no embedding one will do in the end; for embeddings only known ones. Never one that Ollama runs in its cloud.
std::optional<std::string> model_for_seat(std::string_view seat, const std::vector<std::string>& installed);

}  // namespace hillstar::policy
