// SPDX-License-Identifier: Apache-2.0
// What `run`, `resume`, `fork` and `approve` share: carry a run to its next stop, tell how it went, host the others.
#pragma once

#include <memory>

#include "apps/cli/commands.hpp"
#include "apps/cli/follower.hpp"
#include "apps/cli/link.hpp"
#include "apps/cli/report.hpp"

namespace hillstar::cli {

/// Follows the run, prints its result and its summary, and goes on hosting while other terminals need this process.
Result<Exit> carry(Context& context, Link& link, const FollowOptions& options);

/// Starts a run of the plan that `parent` was started with, from results that it takes over, and carries it. `point`:
/// what they are, for a service.
Result<Exit> carry_fork(Context& context, Link& link, const StoredRun& parent, std::vector<NodeInherited> inherited,
                        ForkPoint point);

/// An option, and whether it was given.
struct GivenOption {
  bool is_given = false;
  const char* name = nullptr;
};
/// usage if runs are started by a service, and one of these, which mean nothing there, was given.
Result<void> check_remote(const Context& context, const std::vector<GivenOption>& options);

/// Whether there is a store to look at. not_found, or store_open if the system does not let us look.
Result<void> check_store(const Context& context);
/// The store for reading alone, beside its owner if it has one. not_found if there is no store.
Result<std::shared_ptr<const persistence::EventStore>> read_store(const Context& context);

/// Variables of this person for a run of that workflow file, with the keys that its plan (may be null) asks for.
Result<std::vector<std::string>> variables_for(const Context& context, const std::string& workflow_file,
                                               const std::string& workspace, const std::string& env_file,
                                               const workflow::Plan* plan);

}  // namespace hillstar::cli
