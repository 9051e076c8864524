// SPDX-License-Identifier: Apache-2.0
// Which layers of sandbox a script gets: from what is asked for and what this machine has. Pure.
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <vector>

#include "runtime/platform/sandbox.hpp"
#include "runtime/platform/sandbox_abilities.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar::tools {

/// Where nobody says otherwise. What the operator set lower stays.
inline constexpr std::uint64_t kScriptOpenFiles = 65'536;
inline constexpr std::uint64_t kScriptProcesses = 8'192;

/// What a sandbox lacks for want of a newer or other kernel. Names are public: histories record them.
BOOST_DEFINE_ENUM_CLASS(SandboxGap, files, moving, truncation, signals, calls, network)

struct SandboxWish {
  workflow::Sandbox asked;         ///< Of the node.
  bool air_gapped = false;         ///< Of the run: no network.
  bool allows_none = false;        ///< The rule sandbox.allow_none.
  bool allows_network = false;     ///< air_gap.allow_script_network: the node's `"network": true` holds nevertheless.
  bool allows_unconfined = false;  ///< air_gap.allow_unconfined_scripts: with a network, if it cannot be taken away.
};

struct SandboxDecision {
  std::string refusal;           ///< Not empty: the script must not start, and why.
  SandboxLayers layers;          ///< `files` has no names yet.
  bool uses_bubblewrap = false;  ///< Then `layers` is what is put around it.
  std::vector<SandboxGap> missing;
};

/// True: a program of this node shall reach no network.
bool wants_no_network(const SandboxWish& wish);

/// A script never starts with less than was asked for by name (a profile, no network); of the layers that are there by
/// default it gets those that the kernel has, and the others are in `missing`.
SandboxDecision decide_sandbox(const SandboxWish& wish, const SandboxAbilities& abilities);

/// What it means that this is missing; a sentence without its full stop.
std::string explain(SandboxGap gap, const SandboxAbilities& abilities);

}  // namespace hillstar::tools
