// SPDX-License-Identifier: Apache-2.0
// gc: removes runs that have ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/cli/commands.hpp"

namespace hillstar::cli {

class Commands;

struct GcArgs {
  std::string older_than;
  std::string max_bytes;
  std::optional<std::uint64_t> keep_last;
  std::string stream;
  std::string workflow;
  bool dry_run = false;
};

Result<Exit> collect_garbage(Context& context, const GcArgs& args);

void add_gc(Commands& commands);

}  // namespace hillstar::cli
