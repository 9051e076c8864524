// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/sandbox_abilities.hpp"

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace hillstar {
namespace {

/// Where an administrator installs it; a PATH that a project can set is not asked.
constexpr std::array kBubblewrapPlaces{"/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"};

int landlock_version() {
  const auto version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

bool has_seccomp() {
#if defined(__x86_64__) || defined(__aarch64__)
  const unsigned action = SECCOMP_RET_ERRNO;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
#else
  return false;  // the filter is written for these two
#endif
}

/// The errno of `unshare(flags)` in a child; 0: it works. The child borrows our memory: system calls only.
__attribute__((noinline)) int try_unshare(int flags) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of ours may run in the child
  const pid_t pid = vfork();
  if (pid == 0) _exit(syscall(SYS_unshare, flags) == 0 ? 0 : std::min(errno, 255));
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return error;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

void probe_namespaces(SandboxAbilities& found) {
  const int user = try_unshare(CLONE_NEWUSER);
  // Who may do without a user namespace (root) does not need one.
  const int plain = try_unshare(CLONE_NEWNET);
  const int network = plain != 0 && user == 0 ? try_unshare(CLONE_NEWUSER | CLONE_NEWNET) : plain;
  found.user_namespace = user == 0;
  found.network_namespace = network == 0;
  if (network != 0) found.namespace_error = std::system_category().message(user != 0 ? user : network);
}

}  // namespace

SandboxAbilities probe_sandbox(SandboxProbe depth) {
  SandboxAbilities found;
  utsname name{};
  if (uname(&name) == 0) {
    found.kernel = name.release;
    found.machine = name.machine;
  }
  found.landlock = landlock_version();
  found.seccomp = has_seccomp();
  found.limits_processes = getuid() != 0;
  for (const auto* place : kBubblewrapPlaces)
    if (found.bubblewrap.empty() && access(place, X_OK) == 0) found.bubblewrap = place;
  if (depth == SandboxProbe::whole) probe_namespaces(found);
  return found;
}

}  // namespace hillstar
