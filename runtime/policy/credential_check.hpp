// SPDX-License-Identifier: Apache-2.0
// Does what a run is given hold something that looks like a credential? It is recorded as it is, so it must not. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "messages/json.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar::policy {

struct FoundCredential {
  std::string rule;
  std::string pointer;  ///< JSON pointer of the string that holds it.
};

/// The first one that `redactor` would mask by a rule. Personal data is none: a run may be about it.
std::optional<FoundCredential> first_credential(const Redactor& redactor, const Json& given);
/// The same for a document as text; nothing if it is none.
std::optional<FoundCredential> first_credential(const Redactor& redactor, std::string_view document);

}  // namespace hillstar::policy
