// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/sandbox.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "runtime/platform/network_cell.hpp"
#include "runtime/platform/sandbox_files.hpp"
#include "runtime/platform/sandbox_filter.hpp"

namespace hillstar {
namespace {

constexpr std::uint64_t bit(unsigned capability) { return 1ULL << capability; }

/// Of root's capabilities: about files, users and the own programs. Without those about the machine (devices, kernel,
/// network, clock, other programs).
constexpr std::uint64_t kKept = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID) |
                                bit(CAP_KILL) | bit(CAP_SETGID) | bit(CAP_SETUID) | bit(CAP_SETPCAP) |
                                bit(CAP_NET_BIND_SERVICE) | bit(CAP_IPC_LOCK) | bit(CAP_SYS_NICE) | bit(CAP_SETFCAP);

/// The calling thread's capabilities, in the two halves of the system call.
int drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct halves[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, halves) != 0) return errno;
  for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; ++i) {
    const auto kept = static_cast<std::uint32_t>(kKept >> (32U * i));
    halves[i].effective &= kept;
    halves[i].permitted &= kept;
    halves[i].inheritable &= kept;
  }
  header = {_LINUX_CAPABILITY_VERSION_3, 0};
  return syscall(SYS_capset, &header, halves) == 0 ? 0 : errno;
}

/// Never above the present hard limit, which only root could raise and nobody asked for.
int lower_limit(int resource, std::uint64_t value) {
  rlimit limit{};
  if (syscall(SYS_prlimit64, 0, resource, nullptr, &limit) != 0) return errno;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, value);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, limit.rlim_max);
  return syscall(SYS_prlimit64, 0, resource, &limit, nullptr) == 0 ? 0 : errno;
}

Result<Descriptor> as_file(const std::vector<sock_filter>& filter) {
  Descriptor file(static_cast<int>(syscall(SYS_memfd_create, "filter", MFD_CLOEXEC)));
  const std::size_t bytes = filter.size() * sizeof(sock_filter);
  if (!file.is_open() || write(file.get(), filter.data(), bytes) != static_cast<ssize_t>(bytes) ||
      lseek(file.get(), 0, SEEK_SET) != 0)
    return Error(Errc::io, "the filter of calls cannot be handed on: " + std::system_category().message(errno));
  return file;
}

}  // namespace

Confinement::Confinement() = default;
Confinement::Confinement(Confinement&&) noexcept = default;
Confinement& Confinement::operator=(Confinement&&) noexcept = default;
Confinement::~Confinement() = default;

void Confinement::add_limits(const SandboxLimits& limits) {
  const auto add = [this](int resource, const std::optional<std::uint64_t>& value) {
    if (value) limits_.push_back({resource, *value});
  };
  add(RLIMIT_CORE, limits.core_bytes);
  add(RLIMIT_AS, limits.memory_bytes);
  add(RLIMIT_FSIZE, limits.file_bytes);
  add(RLIMIT_NOFILE, limits.open_files);
  add(RLIMIT_NPROC, limits.processes);
  add(RLIMIT_CPU, limits.cpu_seconds);
}

Result<Confinement> Confinement::make(const SandboxLayers& layers, int landlock, const NetworkCell* cell) {
  Confinement made;
  made.drops_rights_ = layers.drops_rights;
  made.add_limits(layers.limits);
  if (layers.network == SandboxNetwork::cell && !layers.is_for_wrapper) {
    if (cell == nullptr) return Error(Errc::io, "there is no network of its own to enter");
    made.cell_ = cell;
  }
  if (layers.files) {
    HILLSTAR_TRY(made.ruleset_, make_ruleset(*layers.files, landlock, layers.scopes_signals));
  }
  if (layers.filters_calls) {
    made.filter_ = make_call_filter(layers.network);
    if (made.filter_.empty()) return Error(Errc::io, "there is no filter of calls for this machine");
    if (layers.is_for_wrapper) {
      HILLSTAR_TRY(made.handed_on_, as_file(made.filter_));
      made.filter_.clear();
    }
  }
  return made;
}

ConfinementStep Confinement::enter_first() const {
  for (const auto& limit : limits_) {
    errno = lower_limit(limit.resource, limit.value);
    if (errno != 0) return ConfinementStep::limits;
  }
  if (cell_ != nullptr) {
    errno = cell_->enter();
    if (errno != 0) return ConfinementStep::network;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of rights may have cleared it
  }
  if (drops_rights_) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ConfinementStep::rights;
    errno = drop_capabilities();
    if (errno != 0) return ConfinementStep::rights;
  }
  if (ruleset_.is_open()) {
    errno = enter_ruleset(ruleset_.get());
    if (errno != 0) return ConfinementStep::files;
  }
  return ConfinementStep::none;
}

ConfinementStep Confinement::enter_last() const {
  if (filter_.empty()) return ConfinementStep::none;
  const sock_fprog program{static_cast<unsigned short>(filter_.size()), const_cast<sock_filter*>(filter_.data())};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? ConfinementStep::none
                                                                         : ConfinementStep::calls;
}

const char* to_text(ConfinementStep step) {
  switch (step) {
    case ConfinementStep::none:
      return "nothing";
    case ConfinementStep::limits:
      return "its limits";
    case ConfinementStep::network:
      return "its network";
    case ConfinementStep::rights:
      return "its rights";
    case ConfinementStep::files:
      return "its files (Landlock)";
    case ConfinementStep::calls:
      return "its system calls (seccomp)";
  }
  return "";
}

}  // namespace hillstar
