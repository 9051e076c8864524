// SPDX-License-Identifier: Apache-2.0
// The pre-commit hook: where it belongs, its text, and what to do with one that is there already.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/commit_facts.hpp"
#include "messages/error.hpp"

namespace hillstar::cli {

enum class HookKind {
  none,
  ours,
  hillstars,  ///< Of Hillstar itself: ours takes its place.
  foreign,
};

struct HookState {
  std::string file;        ///< Absolute path of `pre-commit`.
  bool is_shared = false;  ///< The folder belongs to no repository, as with a `core.hooksPath` for all of them.
  HookKind kind = HookKind::none;
  std::string kept;  ///< Ours: the name of the hook that was there before; may be empty.
};
/// Honours work trees, submodules and `core.hooksPath`. Errors: not_found if `project` is in no repository, io.
Result<HookState> look_at_hook(const GovernancePlaces& places, const std::vector<std::string>& environment);

struct HookChange {
  bool is_done = false;
  std::string message;
};
/// A foreign hook is kept as `pre-commit.kept_1` and called first, but only with `force`. Errors: those of the system.
Result<HookChange> install_hook(const GovernancePlaces& places, const HookState& state, bool force,
                                const std::vector<std::string>& environment);
/// Removes ours, and puts back what it kept.
Result<HookChange> uninstall_hook(const HookState& state);

}  // namespace hillstar::cli
