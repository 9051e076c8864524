// SPDX-License-Identifier: Apache-2.0
// What doctor looks at: each check looks at the real thing and says what to do about it.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/commands.hpp"
#include "apps/cli/configuration.hpp"

namespace hillstar::cli {

enum class Health { ok, warn, fail };

struct Finding {
  Health health = Health::ok;
  std::string area;  ///< system, settings, keys, store, providers.
  std::string name;
  std::string what;
  std::string mend;  ///< Empty where there is nothing to do.
};
using Findings = std::vector<Finding>;

struct DoctorArgs {
  bool online = false;  ///< Ask the providers, too.
};

void check_system(const Context& context, Findings& found);
void check_settings(const Context& context, const Configuration& configuration, Findings& found);
void check_keys(const Context& context, Findings& found);
void check_store_health(const Context& context, Findings& found);
/// Sends requests: lists of models, no calls.
void check_providers(const Context& context, Findings& found);

Result<Exit> examine(Context& context, const DoctorArgs& args, const Configuration& configuration);

}  // namespace hillstar::cli
