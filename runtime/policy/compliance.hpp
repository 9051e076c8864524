// SPDX-License-Identifier: Apache-2.0
// What a provider asks to be acknowledged before it is used, and whether a workflow does. Pure.
//
// Source: Hillstar specification sections 1.3 and 6.7. The acknowledgements are the workflow's `provider_config`.
#pragma once

#include <string>

#include "messages/error.hpp"
#include "messages/json.hpp"
#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/registry.hpp"

namespace hillstar::policy {

/// The entry whose terms hold for a backend: by name, or by the address that it has in the registry. nullptr: none
/// are known, or the text stays on this machine and its network.
const ProviderEntry* bound_by(const Registry& registry, const Backend& backend);

/// Errors: terms_not_accepted, which names what is missing, with `where` as its place.
Result<void> check_terms(const Registry& registry, const Backend& backend, const Json& provider_config,
                         const std::string& where);

}  // namespace hillstar::policy
