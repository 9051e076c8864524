// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/script_sandbox.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

using namespace hillstar;
using namespace hillstar::tools;
using workflow::SandboxProfile;

namespace {

constexpr int kLandlockNewest = 7;

SandboxAbilities everything() {
  SandboxAbilities all;
  all.kernel = "6.18";
  all.machine = "x86_64";
  all.landlock = kLandlockNewest;
  all.seccomp = true;
  all.user_namespace = true;
  all.network_namespace = true;
  all.limits_processes = true;
  all.bubblewrap = "/usr/bin/bwrap";
  return all;
}

SandboxWish wish(SandboxProfile profile = SandboxProfile::standard, std::optional<bool> network = {}) {
  SandboxWish made;
  made.asked.profile = profile;
  made.asked.network = network;
  return made;
}

bool misses(const SandboxDecision& decision, SandboxGap gap) {
  return std::find(decision.missing.begin(), decision.missing.end(), gap) != decision.missing.end();
}

bool says(const SandboxDecision& decision, const std::string& words) {
  return decision.refusal.find(words) != std::string::npos;
}

/// Every combination of what may be asked for and what may be there.
void for_all(const std::function<void(const SandboxWish&, const SandboxAbilities&)>& look) {
  for (const auto profile : {SandboxProfile::standard, SandboxProfile::bubblewrap, SandboxProfile::none})
    for (const std::optional<bool> network :
         {std::optional<bool>(), std::optional<bool>(true), std::optional<bool>(false)})
      for (int bits = 0; bits < 128; ++bits)
        for (int landlock = 0; landlock <= kLandlockNewest; ++landlock) {
          auto asked = wish(profile, network);
          asked.air_gapped = (bits & 1) != 0;
          asked.allows_none = (bits & 2) != 0;
          auto here = everything();
          here.landlock = landlock;
          here.seccomp = (bits & 4) != 0;
          here.network_namespace = (bits & 8) != 0;
          if ((bits & 16) != 0) here.bubblewrap.clear();
          asked.allows_network = (bits & 32) != 0;
          asked.allows_unconfined = (bits & 64) != 0;
          look(asked, here);
        }
}

}  // namespace

TEST_CASE("script_sandbox: by default a script gets every layer, and its network") {
  const auto decision = decide_sandbox(wish(), everything());
  CHECK(decision.refusal.empty());
  CHECK(decision.missing.empty());
  CHECK(decision.layers.drops_rights);
  CHECK(decision.layers.filters_calls);
  CHECK(decision.layers.files.has_value());
  CHECK(decision.layers.scopes_signals);
  CHECK(decision.layers.network == SandboxNetwork::open);
  CHECK(decision.layers.limits.core_bytes == 0U);
  CHECK(decision.layers.limits.open_files == kScriptOpenFiles);
  CHECK(decision.layers.limits.processes == kScriptProcesses);
  CHECK_FALSE(decision.layers.limits.memory_bytes);
}

TEST_CASE("script_sandbox: an older kernel's gaps are named, and nothing else is given up") {
  auto here = everything();
  const auto gaps = [&](int landlock) {
    here.landlock = landlock;
    const auto decision = decide_sandbox(wish(), here);
    CHECK(decision.refusal.empty());
    CHECK(decision.layers.files.has_value() == (landlock > 0));
    CHECK(decision.layers.filters_calls);
    return decision.missing;
  };
  using Gaps = std::vector<SandboxGap>;
  CHECK(gaps(6).empty());
  CHECK(gaps(5) == Gaps{SandboxGap::signals});
  CHECK(gaps(3) == Gaps{SandboxGap::signals});
  CHECK(gaps(2) == Gaps{SandboxGap::truncation, SandboxGap::signals});  // Debian 12
  CHECK(gaps(1) == Gaps{SandboxGap::moving, SandboxGap::truncation, SandboxGap::signals});
  CHECK(gaps(0) == Gaps{SandboxGap::files, SandboxGap::signals});
  here = everything();
  here.seccomp = false;
  CHECK(decide_sandbox(wish(), here).missing == Gaps{SandboxGap::calls});
}

TEST_CASE("script_sandbox: each gap is explained with the kernel it is about") {
  auto here = everything();
  here.kernel = "6.1.0-18";
  here.landlock = 2;
  for (const auto gap : {SandboxGap::moving, SandboxGap::truncation, SandboxGap::signals})
    CHECK(explain(gap, here).find("Landlock 2 of kernel 6.1.0-18") == 0);
  here.landlock = 0;
  CHECK(explain(SandboxGap::files, here).find("no Landlock") != std::string::npos);
  CHECK(explain(SandboxGap::calls, here).find("x86_64") != std::string::npos);
}

TEST_CASE("script_sandbox: no network means none, or no start, in every combination") {
  for_all([](const SandboxWish& asked, const SandboxAbilities& here) {
    const auto decision = decide_sandbox(asked, here);
    const bool asks = asked.asked.network == true;
    const bool closed = asked.air_gapped ? !asks || !asked.allows_network : asked.asked.network == false;
    CHECK(wants_no_network(asked) == closed);
    if (!decision.refusal.empty()) return;
    if (misses(decision, SandboxGap::network)) CHECK(asked.allows_unconfined);
    CHECK(closed == (decision.layers.network != SandboxNetwork::open || misses(decision, SandboxGap::network)));
    if (decision.layers.network == SandboxNetwork::cell && !decision.uses_bubblewrap) CHECK(here.network_namespace);
    if (decision.layers.network == SandboxNetwork::closed) {
      CHECK(here.seccomp);
      CHECK(decision.layers.filters_calls);
      CHECK(decision.layers.drops_rights);  // without it the filter cannot be entered
    }
  });
}

TEST_CASE("script_sandbox: nothing is asked of a kernel that has not got it, and what lacks is said") {
  for_all([](const SandboxWish& asked, const SandboxAbilities& here) {
    const auto decision = decide_sandbox(asked, here);
    const auto& layers = decision.layers;
    if (layers.filters_calls) CHECK(here.seccomp);
    if (layers.files) CHECK(here.landlock >= kLandlockFiles);
    if (layers.scopes_signals) CHECK(here.landlock >= kLandlockScopes);
    if (!decision.refusal.empty() || asked.asked.profile == SandboxProfile::none) return;
    CHECK(layers.filters_calls != misses(decision, SandboxGap::calls));
    if (asked.asked.profile == SandboxProfile::bubblewrap) return;
    CHECK(layers.files.has_value() != misses(decision, SandboxGap::files));
    CHECK(layers.scopes_signals != misses(decision, SandboxGap::signals));
  });
}

TEST_CASE("script_sandbox: it is refused in these cases and no others") {
  for_all([](const SandboxWish& asked, const SandboxAbilities& here) {
    const auto decision = decide_sandbox(asked, here);
    const bool no_leave = asked.asked.profile == SandboxProfile::none && !asked.allows_none;
    const bool no_program = asked.asked.profile == SandboxProfile::bubblewrap && here.bubblewrap.empty();
    const bool no_way = wants_no_network(asked) && asked.asked.profile != SandboxProfile::bubblewrap &&
                        !here.network_namespace && !here.seccomp && !(asked.air_gapped && asked.allows_unconfined);
    CHECK(decision.refusal.empty() == !(no_leave || no_program || no_way));
  });
}

TEST_CASE("script_sandbox: a refusal names the rule, who may change it, and what else to do") {
  auto decision = decide_sandbox(wish(SandboxProfile::none), everything());
  for (const char* words : {"sandbox.allow_none", "operator", "/etc/hillstar/policy.json", "\"read\""})
    CHECK(says(decision, words));
  auto here = everything();
  here.bubblewrap.clear();
  decision = decide_sandbox(wish(SandboxProfile::bubblewrap), here);
  for (const char* words : {"bwrap", "Install", "standard"}) CHECK(says(decision, words));
  here.seccomp = here.network_namespace = false;
  here.namespace_error = "Operation not permitted";
  decision = decide_sandbox(wish(SandboxProfile::standard, false), here);
  for (const char* words : {"\"network\": false", "Operation not permitted", "x86_64"}) CHECK(says(decision, words));
  auto gap = wish();
  gap.air_gapped = true;
  decision = decide_sandbox(gap, here);
  for (const char* words : {"air-gapped", "air_gap.allow_unconfined_scripts", "operator"}) CHECK(says(decision, words));
}

TEST_CASE("script_sandbox: the air gap is stronger than the node, unless the rules say otherwise") {
  auto asked = wish(SandboxProfile::standard, true);
  asked.air_gapped = true;
  CHECK(decide_sandbox(asked, everything()).layers.network == SandboxNetwork::cell);
  asked.allows_network = true;
  CHECK(decide_sandbox(asked, everything()).layers.network == SandboxNetwork::open);
  asked.asked.network.reset();  // the rule lets the author ask; nobody asked
  CHECK(decide_sandbox(asked, everything()).layers.network == SandboxNetwork::cell);
}

TEST_CASE("script_sandbox: none is none, where it is allowed; but no network is still none") {
  auto asked = wish(SandboxProfile::none);
  asked.allows_none = true;
  auto layers = decide_sandbox(asked, everything()).layers;
  CHECK_FALSE(layers.drops_rights);
  CHECK_FALSE(layers.filters_calls);
  CHECK_FALSE(layers.files.has_value());
  CHECK_FALSE(layers.limits.core_bytes);
  CHECK_FALSE(layers.limits.processes);
  asked.asked.network = false;
  CHECK(decide_sandbox(asked, everything()).layers.network == SandboxNetwork::cell);
}

TEST_CASE("script_sandbox: bubblewrap gets neither our files nor our rights, but hands on the filter") {
  const auto decision = decide_sandbox(wish(SandboxProfile::bubblewrap, false), everything());
  CHECK(decision.uses_bubblewrap);
  CHECK(decision.layers.is_for_wrapper);
  CHECK(decision.layers.filters_calls);
  CHECK_FALSE(decision.layers.drops_rights);
  CHECK_FALSE(decision.layers.files.has_value());
  CHECK(decision.layers.network == SandboxNetwork::cell);
}

TEST_CASE("script_sandbox: limits are the author's; seconds are rounded up") {
  auto asked = wish();
  asked.asked.memory_bytes = 1U << 30U;
  asked.asked.file_bytes = 5;
  asked.asked.processes = 16;
  for (const auto& [millis, seconds] : {std::pair{1, 1U}, {1000, 1U}, {1001, 2U}, {60'000, 60U}}) {
    asked.asked.cpu = Millis(millis);
    const auto limits = decide_sandbox(asked, everything()).layers.limits;
    CHECK(limits.memory_bytes == 1U << 30U);
    CHECK(limits.file_bytes == 5U);
    CHECK(limits.processes == 16U);
    CHECK(limits.cpu_seconds == seconds);
  }
}
