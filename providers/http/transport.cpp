// SPDX-License-Identifier: Apache-2.0
#include "providers/http/transport.hpp"

#include <algorithm>

namespace hillstar::providers {

std::string_view HttpReply::header(std::string_view lower_case_name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& header) { return header.first == lower_case_name; });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace hillstar::providers
