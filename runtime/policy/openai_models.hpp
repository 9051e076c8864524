// SPDX-License-Identifier: Apache-2.0
// OpenAI's part of model_families.hpp. Pure.
#pragma once

#include <string_view>

#include "runtime/policy/model_families.hpp"

namespace hillstar::policy {

/// Families of OpenAI's models by name; dates and snapshots behind the name make no difference.
ModelFamily openai_family(std::string_view model);

}  // namespace hillstar::policy
