// SPDX-License-Identifier: Apache-2.0
// config view, set, unset.
#pragma once

#include <string>

#include "apps/cli/commands.hpp"
#include "apps/cli/configuration.hpp"

namespace hillstar::cli {

struct ConfigArgs {
  std::string what = "view";
  std::string name;
  std::string value;
  bool project = false;  ///< The project's file instead of one's own.
  bool user = false;     ///< One's own, as it is anyway.
  bool origin = false;   ///< view: say where each value comes from.
};

Result<Exit> configure(Context& context, const ConfigArgs& args, const Configuration& configuration);

/// Sets or takes out one member of a configuration file, by its text. Keeps everything else, also what is not known.
/// Errors: those of JSON, with `path` as the place.
Result<std::optional<std::string>> with_member(const std::optional<std::string>& text, const std::string& path,
                                               std::string_view name, const boost::json::value* value);

}  // namespace hillstar::cli
