// SPDX-License-Identifier: Apache-2.0
// Masks secrets in what a message quotes: of a file, of an argument, of a server's answer.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar::cli {

/// Goes by the secrets of the environment and by the rules for what credentials look like. Made ready when it is first
/// used, for most commands never warn. Not thread-safe.
std::function<std::string(std::string_view)> message_mask(std::vector<std::string> environment);

}  // namespace hillstar::cli
