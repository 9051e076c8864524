// SPDX-License-Identifier: Apache-2.0
// Where a path leads, if nobody else had a hand in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hillstar {

/// Links on one way, as in the kernel.
inline constexpr int kTrustedLinksMax = 40;

/// `path` is `folder` or lies in it. Both without links and without a slash at the end.
bool lies_in(std::string_view path, std::string_view folder);

/// The file that absolute `path` leads to, without links. Nothing if there is none, or if a link on the way lies in one
/// of `untrusted`: whoever may write there could have laid it.
/// @param untrusted  absolute folders without links
std::optional<std::string> trusted_path(std::string_view path, const std::vector<std::string>& untrusted);

}  // namespace hillstar
