// SPDX-License-Identifier: Apache-2.0
// ca init, issue-host, issue-worker, ls, revoke, rotate: certificates of this host and its workers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

class Commands;

struct CaArgs {
  std::string what = "ls";
  std::string name;                    ///< Of a host or worker; revoke: a name or a serial number.
  std::string folder;                  ///< Empty: the usual place.
  std::vector<std::string> addresses;  ///< issue-host.
  std::string out;                     ///< Where certificate and key go.
  bool token = false;                  ///< issue-worker: a join token instead.
  std::string expires = "1h";          ///< Of the token.
  std::int64_t days = 0;               ///< 0: as usual.
  std::string holds;                   ///< issue-host, issue-worker: in place of `days`, such as 12h.
};

Result<Exit> manage_authority(Context& context, const CaArgs& args);
void add_ca_commands(Commands& commands);
/// Where an authority is looked for: $XDG_CONFIG_HOME or ~/.config, hillstar-actors/ca.
Result<std::string> ca_folder(const std::vector<std::string>& environment, const std::string& given);

}  // namespace hillstar::cli
