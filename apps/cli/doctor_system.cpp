// SPDX-License-Identifier: Apache-2.0
// doctor: this machine. Programs, kernel, sandbox, limits, clock.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "apps/cli/doctor.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/provider_probe.hpp"
#include "apps/cli/thread_probe.hpp"
#include "runtime/platform/sandbox_abilities.hpp"
#include "runtime/tools/script_sandbox.hpp"

namespace hillstar::cli {
namespace {

constexpr const char* kArea = "system";
constexpr rlim_t kFilesLow = 1'024;
/// 2026-01-01 and 2100-01-01 in microseconds: a clock outside is wrong.
constexpr std::int64_t kYearFirst = 1'767'225'600'000'000;
constexpr std::int64_t kYearLast = 4'102'444'800'000'000;
/// openat2, by which the kernel keeps file tools in their folders.
constexpr int kKernelMajor = 5;
constexpr int kKernelMinor = 6;

struct Program {
  const char* name;
  Health without;
  const char* use;
};

void check_programs(const Context& context, Findings& found) {
  constexpr std::array<Program, 4> kPrograms{{{"sh", Health::fail, "scripts run by it"},
                                              {"git", Health::warn, "git_commit and commit gates need it"},
                                              {"python3", Health::warn, "scripts in Python need it"},
                                              {"bwrap", Health::warn, "the strongest sandbox uses it"}}};
  for (const auto& [name, without, use] : kPrograms) {
    const auto place = found_in_path(name, context.environment);
    if (!place.empty())
      found.push_back({Health::ok, kArea, name, place, {}});
    else
      found.push_back(
          {without, kArea, name, "is not in PATH",
           std::string(use) + ": apt install " + (std::string_view(name) == "bwrap" ? "bubblewrap" : name)});
  }
}

void check_kernel(const SandboxAbilities& can, Findings& found) {
  char* rest = nullptr;
  const auto major = std::strtol(can.kernel.c_str(), &rest, 10);
  const auto minor = rest != nullptr && *rest == '.' ? std::strtol(rest + 1, nullptr, 10) : 0;
  const bool new_enough = major > kKernelMajor || (major == kKernelMajor && minor >= kKernelMinor);
  found.push_back({new_enough ? Health::ok : Health::warn, kArea, "kernel", can.kernel + " " + can.machine,
                   new_enough ? "" : "Linux 5.6 or newer keeps file tools in their folders by itself"});
}

void check_sandbox(const SandboxAbilities& can, Findings& found) {
  std::string words = can.landlock > 0 ? fmt::format("Landlock {}", can.landlock) : "no Landlock";
  words += can.seccomp ? ", seccomp" : ", no seccomp";
  words += can.user_namespace ? ", user namespaces" : ", no user namespaces";
  words += can.network_namespace ? ", networks of their own" : "";
  words += can.bubblewrap.empty() ? "" : ", bubblewrap";
  if (!can.namespace_error.empty()) words += " (" + can.namespace_error + ")";
  std::string mend;
  for (const auto gap : tools::decide_sandbox({}, can).missing)
    mend += (mend.empty() ? "" : "; ") + tools::explain(gap, can);
  if (!can.network_namespace)
    mend += std::string(mend.empty() ? "" : "; ") + (can.seccomp ? "without a network of their own, scripts that shall "
                                                                   "have none get no sockets at all"
                                                                 : "nothing takes the network from scripts");
  if (!can.limits_processes) words += "; as root, scripts may start any number of processes";
  found.push_back({mend.empty() ? Health::ok : Health::warn, kArea, "sandbox", words, mend});
}

void check_limits(Findings& found) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const bool low = files.rlim_cur < kFilesLow;
  found.push_back({low ? Health::warn : Health::ok, kArea, "open files",
                   files.rlim_cur == RLIM_INFINITY ? "no limit" : fmt::format("{} at most", files.rlim_cur),
                   low ? fmt::format("ulimit -n {}", kFilesLow) : ""});
  const auto threads = probe_threads(threads_of_engine());
  if (threads)
    found.push_back({Health::ok, kArea, "threads", fmt::format("{} start", threads_of_engine()), {}});
  else
    found.push_back({Health::fail, kArea, "threads", threads.error().message, threads.error().hint});
}

void check_clock(const Clock& clock, Findings& found) {
  const auto now = clock.utc_now();
  const auto before = clock.steady_now();
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const bool moves = clock.steady_now() > before;
  const bool sane = now.micros >= kYearFirst && now.micros < kYearLast;
  if (!moves)
    found.push_back({Health::fail, kArea, "clock", "the monotonic clock stands still", "timeouts cannot work here"});
  found.push_back({sane ? Health::ok : Health::fail, kArea, "clock", to_rfc3339(now),
                   sane ? "" : "set the date: certificates and records depend on it"});
}

}  // namespace

void check_system(const Context& context, Findings& found) {
  const auto can = probe_sandbox(SandboxProbe::whole);
  check_kernel(can, found);
  check_programs(context, found);
  check_sandbox(can, found);
  check_limits(found);
  check_clock(context.clock, found);
}

}  // namespace hillstar::cli
