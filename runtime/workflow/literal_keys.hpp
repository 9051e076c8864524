// SPDX-License-Identifier: Apache-2.0
// Credentials that somebody wrote into a workflow file: taken out before the text is compiled, hashed or stored.
#pragma once

#include <string>

namespace hillstar::workflow {

/// What stands in a credential's place.
inline constexpr const char* kRedacted = "[REDACTED]";

/// `text` with every string under `model_config` whose name is `api_key` or `auth_token` replaced by kRedacted, unless
/// it names an environment variable as `${NAME}`. All else is unchanged, byte by byte. A text that is no JSON is
/// returned as it is: it will not be compiled or stored.
std::string without_literal_keys(std::string text);

}  // namespace hillstar::workflow
