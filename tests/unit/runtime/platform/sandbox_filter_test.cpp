// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/sandbox_filter.hpp"

#include <doctest/doctest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

using namespace hillstar;

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#endif

/// What the kernel would make of a call.
std::uint32_t verdict(const std::vector<sock_filter>& code, seccomp_data data) {
  std::uint32_t word = 0;
  for (std::size_t at = 0; at < code.size(); ++at) {
    const auto& step = code[at];
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&word, reinterpret_cast<const char*>(&data) + step.k, sizeof word);
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += word == step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += word >= step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (word & step.k) != 0 ? step.jt : step.jf;
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        FAIL("unknown instruction");
    }
  }
  FAIL("the filter has no end");
  return 0;
}

constexpr std::uint32_t refused(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

std::uint32_t verdict(SandboxNetwork network, long number, std::uint64_t first = 0, std::uint64_t second = 0) {
  return verdict(make_call_filter(network), {static_cast<int>(number), kMachine, 0, {first, second, 0, 0, 0, 0}});
}

}  // namespace

TEST_CASE("sandbox_filter: of the calls there are, those of the list are refused and no others") {
  int count = 0;
  for (int number = 0; number < 600; ++number) {
    const auto result = verdict(SandboxNetwork::open, number, 100, 100);
    if (result == SECCOMP_RET_ALLOW) continue;
    CHECK(result == refused(number == SYS_clone3 ? ENOSYS : EPERM));
    ++count;
  }
#if defined(__x86_64__)
  CHECK(count == 54);
#else
  CHECK(count == 50);
#endif
  for (const long number : {SYS_ptrace, SYS_mount, SYS_bpf, SYS_unshare, SYS_keyctl, SYS_io_uring_setup, SYS_setns})
    CHECK(verdict(SandboxNetwork::open, number) == refused(EPERM));
  for (const long number : {SYS_read, SYS_write, SYS_execve, SYS_exit, SYS_socket, SYS_clone, SYS_ioctl, SYS_kill})
    CHECK(verdict(SandboxNetwork::open, number, 1) == SECCOMP_RET_ALLOW);
}

TEST_CASE("sandbox_filter: other ways of calling are refused") {
  const auto code = make_call_filter(SandboxNetwork::open);
  CHECK(verdict(code, {SYS_read, AUDIT_ARCH_I386, 0, {}}) == refused(EPERM));
  CHECK(verdict(code, {SYS_read, AUDIT_ARCH_ARM, 0, {}}) == refused(EPERM));
#if defined(__x86_64__)
  CHECK(verdict(code, {0x40000000 | SYS_ptrace, kMachine, 0, {}}) == refused(EPERM));
#endif
}

TEST_CASE("sandbox_filter: clone makes threads and children, but no namespaces") {
  CHECK(verdict(SandboxNetwork::open, SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND) == SECCOMP_RET_ALLOW);
  for (const std::uint64_t flag :
       {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP})
    CHECK(verdict(SandboxNetwork::open, SYS_clone, flag | 17) == refused(EPERM));
}

TEST_CASE("sandbox_filter: nothing is typed into terminals, and nobody kills everybody") {
  CHECK(verdict(SandboxNetwork::open, SYS_ioctl, 0, 0x5401) == SECCOMP_RET_ALLOW);
  CHECK(verdict(SandboxNetwork::open, SYS_ioctl, 0, 0x5412) == refused(EPERM));
  CHECK(verdict(SandboxNetwork::open, SYS_ioctl, 0, 0xFFFFFFFF00005412ULL) == refused(EPERM));
  CHECK(verdict(SandboxNetwork::open, SYS_kill, 1234) == SECCOMP_RET_ALLOW);
  CHECK(verdict(SandboxNetwork::open, SYS_kill, static_cast<std::uint64_t>(-5)) == SECCOMP_RET_ALLOW);
  CHECK(verdict(SandboxNetwork::open, SYS_kill, static_cast<std::uint64_t>(-1)) == refused(EPERM));
}

TEST_CASE("sandbox_filter: sockets are those that the network has") {
  for (int family = 0; family < 64; ++family) {
    const bool local = family == AF_UNIX;
    const bool cell = local || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
    const auto number = static_cast<std::uint64_t>(family);
    CHECK(verdict(SandboxNetwork::open, SYS_socket, number) == SECCOMP_RET_ALLOW);
    CHECK((verdict(SandboxNetwork::cell, SYS_socket, number) == SECCOMP_RET_ALLOW) == cell);
    CHECK((verdict(SandboxNetwork::closed, SYS_socket, number) == SECCOMP_RET_ALLOW) == local);
  }
}
