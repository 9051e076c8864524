// SPDX-License-Identifier: Apache-2.0
// The acknowledgements of a workflow that may use every provider, for tests about something else.
#pragma once

namespace hillstar {

inline constexpr const char* kAcceptedTerms =
    R"("provider_config":{
      "anthropic":{"tos_accepted":true,"audit_enabled":true,"restricted_use_acknowledged":true},
      "openai":{"tos_accepted":true,"audit_enabled":true,"restricted_use_acknowledged":true},
      "mistral":{"tos_accepted":true,"audit_enabled":true,"restricted_use_acknowledged":true},
      "google":{"tos_accepted":true,"audit_enabled":true,"restricted_use_acknowledged":true}})";

}  // namespace hillstar
