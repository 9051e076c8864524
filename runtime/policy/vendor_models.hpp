// SPDX-License-Identifier: Apache-2.0
// Anthropic's and Google's parts of model_families.hpp. Pure.
#pragma once

#include <string_view>

#include "runtime/policy/model_families.hpp"

namespace hillstar::policy {

/// Families of Claude by name, in both orders that names have had: `claude-opus-4-6`, `claude-3-haiku-20240307`.
ModelFamily anthropic_family(std::string_view model);
/// Families of Gemini by name, with `models/` or without.
ModelFamily google_family(std::string_view model);

}  // namespace hillstar::policy
