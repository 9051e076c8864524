// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/script_sandbox.hpp"

namespace hillstar::tools {
namespace {

using workflow::SandboxProfile;

constexpr Millis kSecond{1'000};

std::optional<std::uint64_t> whole_seconds(const std::optional<Millis>& time) {
  if (!time) return std::nullopt;
  return static_cast<std::uint64_t>((*time + kSecond - Millis(1)) / kSecond);
}

SandboxLimits limits_of(const workflow::Sandbox& asked) {
  SandboxLimits limits;
  limits.memory_bytes = asked.memory_bytes;
  limits.file_bytes = asked.file_bytes;
  limits.cpu_seconds = whole_seconds(asked.cpu);
  limits.processes = asked.processes;
  if (asked.profile == SandboxProfile::none) return limits;
  limits.core_bytes = 0;
  limits.open_files = kScriptOpenFiles;
  if (!limits.processes) limits.processes = kScriptProcesses;
  return limits;
}

/// Who may change a rule. A project's own file cannot make it looser.
constexpr const char* kWhoMay =
    " The operator of this machine may set it in /etc/hillstar/policy.json, you in "
    "~/.config/hillstar/policy.json; the strictest file holds.";

bool cannot_close_network(const SandboxWish& wish, const SandboxAbilities& abilities) {
  return wants_no_network(wish) && wish.asked.profile != SandboxProfile::bubblewrap && !abilities.network_namespace &&
         !abilities.seccomp;
}

std::string refusal_of(const SandboxWish& wish, const SandboxAbilities& abilities) {
  if (wish.asked.profile == SandboxProfile::none && !wish.allows_none)
    return std::string("\"sandbox\": \"none\" is not allowed: the rule sandbox.allow_none is not set.") + kWhoMay +
           " Without it, \"read\", \"write\" and \"env\" of \"sandbox\" open what the script needs.";
  if (wish.asked.profile == SandboxProfile::bubblewrap && abilities.bubblewrap.empty())
    return "\"sandbox\": \"bubblewrap\" needs the program bwrap, and neither /usr/bin, /bin nor /usr/local/bin has it. "
           "Install the package bubblewrap, or use \"standard\".";
  if (!cannot_close_network(wish, abilities)) return {};
  const auto reason = "Namespaces do not work here (" +
                      (abilities.namespace_error.empty() ? "not offered" : abilities.namespace_error) +
                      "), and system calls cannot be filtered on " + abilities.machine + ".";
  if (!wish.air_gapped)
    return "The node says \"network\": false, and nothing can keep its script from the network. " + reason;
  if (wish.allows_unconfined) return {};
  return "The run is air-gapped, and nothing can keep its scripts from the network. " + reason +
         " The rule air_gap.allow_unconfined_scripts would let them start nevertheless." + kWhoMay;
}

void note_gaps(const SandboxAbilities& abilities, std::vector<SandboxGap>& missing) {
  if (abilities.landlock < kLandlockFiles) {
    missing.push_back(SandboxGap::files);
  } else {
    if (abilities.landlock < kLandlockRefer) missing.push_back(SandboxGap::moving);
    if (abilities.landlock < kLandlockTruncate) missing.push_back(SandboxGap::truncation);
  }
  if (abilities.landlock < kLandlockScopes) missing.push_back(SandboxGap::signals);
  if (!abilities.seccomp) missing.push_back(SandboxGap::calls);
}

}  // namespace

bool wants_no_network(const SandboxWish& wish) {
  if (wish.air_gapped) return !(wish.allows_network && wish.asked.network == true);
  return wish.asked.network == false;
}

SandboxDecision decide_sandbox(const SandboxWish& wish, const SandboxAbilities& abilities) {
  SandboxDecision decision;
  decision.refusal = refusal_of(wish, abilities);
  if (!decision.refusal.empty()) return decision;
  auto& layers = decision.layers;
  layers.limits = limits_of(wish.asked);
  if (cannot_close_network(wish, abilities))
    decision.missing.push_back(SandboxGap::network);  // by leave of the rules
  else if (wants_no_network(wish))
    layers.network = abilities.network_namespace ? SandboxNetwork::cell : SandboxNetwork::closed;
  switch (wish.asked.profile) {
    case SandboxProfile::none:
      // Families of sockets can only be refused together with the rest.
      layers.filters_calls = layers.network == SandboxNetwork::closed;
      layers.drops_rights = layers.filters_calls;
      return decision;
    case SandboxProfile::bubblewrap:
      // It makes namespaces and mounts, which our layers refuse; it lays the filter around the script itself.
      decision.uses_bubblewrap = true;
      layers.filters_calls = abilities.seccomp;
      layers.is_for_wrapper = true;
      if (layers.network != SandboxNetwork::open) layers.network = SandboxNetwork::cell;
      if (!abilities.seccomp) decision.missing.push_back(SandboxGap::calls);
      return decision;
    case SandboxProfile::standard:
      layers.drops_rights = true;
      layers.filters_calls = abilities.seccomp;
      if (abilities.landlock >= kLandlockFiles) layers.files.emplace();
      layers.scopes_signals = abilities.landlock >= kLandlockScopes;
      note_gaps(abilities, decision.missing);
      return decision;
  }
  return decision;
}

std::string explain(SandboxGap gap, const SandboxAbilities& abilities) {
  const auto landlock = "Landlock " + std::to_string(abilities.landlock) + " of kernel " + abilities.kernel;
  switch (gap) {
    case SandboxGap::files:
      return "kernel " + abilities.kernel + " offers no Landlock: scripts read and write whatever their user may";
    case SandboxGap::moving:
      return landlock + " lets scripts move files only within one folder (Linux 5.19 does better)";
    case SandboxGap::truncation:
      return landlock + " does not keep scripts from cutting files elsewhere short (Linux 6.2 does)";
    case SandboxGap::signals:
      return (abilities.landlock > 0 ? landlock : "kernel " + abilities.kernel) +
             " does not keep scripts from ending other programs of their user (Linux 6.12 does)";
    case SandboxGap::calls:
      return "system calls cannot be filtered on " + abilities.machine;
    case SandboxGap::network:
      return "nothing on this machine keeps scripts from the network: " + abilities.namespace_error;
  }
  return {};
}

}  // namespace hillstar::tools
