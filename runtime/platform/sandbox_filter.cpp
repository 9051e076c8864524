// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/sandbox_filter.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace hillstar {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kMachine = 0;
#endif

/// What is asked of a call before it passes.
enum Rule : std::uint8_t {
  kRefused,
  kNotThere,
  kNoNamespaces,  ///< clone: not with flags that make some.
  kNoTyping,      ///< ioctl: nothing is typed into a terminal.
  kNotEverybody,  ///< kill: not all processes of the user.
  kFamilies,      ///< socket: only the families of the network that it has.
  kRules,         ///< How many there are.
};

struct Call {
  std::uint32_t number;
  Rule rule;
};

/// All flags of clone that make a namespace, but for time's, which only clone3 takes.
constexpr std::uint32_t kNamespaceFlags = 0x7E020000;
constexpr std::uint32_t kTypeCharacter = 0x5412;  // TIOCSTI
constexpr std::uint32_t kLinuxConsole = 0x541C;   // TIOCLINUX
/// Numbers of the x32 way of calling, which shares its machine with x86_64.
constexpr std::uint32_t kX32 = 0x40000000;

// Newer than the headers that this is built with; the same on all machines.
constexpr std::uint32_t kOpenTreeAttr = 467;

std::vector<Call> calls() {
  std::vector<Call> result;
  // Other programs' memory, files and keys.
  for (const std::uint32_t number :
       {SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_pidfd_getfd, SYS_process_madvise,
        SYS_keyctl, SYS_add_key, SYS_request_key, SYS_open_by_handle_at})
    result.push_back({number, kRefused});
  // Mounts and namespaces.
  for (const std::uint32_t number :
       {SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
        SYS_open_tree, SYS_move_mount, SYS_mount_setattr, SYS_unshare, SYS_setns})
    result.push_back({number, kRefused});
  result.push_back({kOpenTreeAttr, kRefused});
  // The kernel and the machine. io_uring does its work past this filter.
  for (const std::uint32_t number : {SYS_bpf,
                                     SYS_perf_event_open,
                                     SYS_userfaultfd,
                                     SYS_fanotify_init,
                                     SYS_io_uring_setup,
                                     SYS_io_uring_enter,
                                     SYS_io_uring_register,
                                     SYS_kexec_load,
                                     SYS_kexec_file_load,
                                     SYS_init_module,
                                     SYS_finit_module,
                                     SYS_delete_module,
                                     SYS_reboot,
                                     SYS_swapon,
                                     SYS_swapoff,
                                     SYS_acct,
                                     SYS_quotactl,
                                     SYS_quotactl_fd,
                                     SYS_syslog,
                                     SYS_settimeofday,
                                     SYS_clock_settime,
                                     SYS_sethostname,
                                     SYS_setdomainname,
                                     SYS_vhangup,
                                     SYS_nfsservctl})
    result.push_back({number, kRefused});
#if defined(__x86_64__)
  for (const std::uint32_t number : {SYS_iopl, SYS_ioperm, SYS_uselib, SYS_create_module})
    result.push_back({number, kRefused});
#endif
  result.push_back({SYS_clone, kNoNamespaces});
  result.push_back({SYS_clone3, kNotThere});
  result.push_back({SYS_ioctl, kNoTyping});
  result.push_back({SYS_kill, kNotEverybody});
  return result;
}

class Writer {
 public:
  void load(std::uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset); }
  /// The low half of an argument: the kernel looks at no more of those that are looked at here.
  void load_argument(std::uint32_t index) {
    load(static_cast<std::uint32_t>(offsetof(seccomp_data, args)) + index * 8);
  }
  void give(std::uint32_t result) { add(BPF_RET | BPF_K, result); }
  void refuse(int error) { give(SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error) & SECCOMP_RET_DATA)); }
  void allow() { give(SECCOMP_RET_ALLOW); }
  /// The next instruction runs only if `jump` (of BPF_JEQ and the like) holds.
  void only_if(std::uint16_t jump, std::uint32_t value) { add(BPF_JMP | jump | BPF_K, value, 0, 1); }
  void only_unless(std::uint16_t jump, std::uint32_t value) { add(BPF_JMP | jump | BPF_K, value, 1, 0); }

  /// Goes to the rule of the call whose number is loaded; allows those without one. Halving keeps it short: the
  /// kernel walks through for every number there is when the filter is entered.
  void search(const std::vector<Call>& sorted, std::size_t begin, std::size_t end) {
    constexpr std::size_t kFew = 4;
    if (end - begin <= kFew) {
      for (; begin < end; ++begin) {
        only_if(BPF_JEQ, sorted[begin].number);
        jumps_.push_back({code_.size(), sorted[begin].rule});
        add(BPF_JMP | BPF_JA, 0);
      }
      return allow();
    }
    const std::size_t middle = begin + (end - begin) / 2;
    only_if(BPF_JGE, sorted[middle].number);
    const std::size_t jump = code_.size();
    add(BPF_JMP | BPF_JA, 0);
    search(sorted, begin, middle);
    code_[jump].k = static_cast<std::uint32_t>(code_.size() - jump - 1);
    search(sorted, middle, end);
  }
  void here_is(Rule rule) { places_[rule] = code_.size(); }

  std::vector<sock_filter> take() {
    for (const auto& [at, rule] : jumps_) code_[at].k = static_cast<std::uint32_t>(places_[rule] - at - 1);
    return std::move(code_);
  }

 private:
  struct Jump {
    std::size_t at;
    Rule rule;
  };
  void add(std::uint32_t code, std::uint32_t value, std::uint8_t yes = 0, std::uint8_t no = 0) {
    code_.push_back({static_cast<std::uint16_t>(code), yes, no, value});
  }

  std::vector<sock_filter> code_;
  std::vector<Jump> jumps_;
  std::array<std::size_t, kRules> places_{};
};

void write_families(Writer& writer, SandboxNetwork network) {
  writer.load_argument(0);
  writer.only_if(BPF_JEQ, AF_UNIX);
  writer.allow();
  if (network == SandboxNetwork::cell) {
    // Those that a network of one's own shuts in. Others, such as AF_VSOCK, lead past it.
    for (const std::uint32_t family : {AF_INET, AF_INET6, AF_NETLINK}) {
      writer.only_if(BPF_JEQ, family);
      writer.allow();
    }
  }
  writer.refuse(EPERM);
}

}  // namespace

std::vector<sock_filter> make_call_filter(SandboxNetwork network) {
  if (kMachine == 0) return {};
  auto sorted = calls();
  if (network != SandboxNetwork::open) sorted.push_back({SYS_socket, kFamilies});
  std::sort(sorted.begin(), sorted.end(), [](const Call& a, const Call& b) { return a.number < b.number; });
  Writer writer;
  writer.load(offsetof(seccomp_data, arch));
  writer.only_unless(BPF_JEQ, kMachine);
  writer.refuse(EPERM);
  writer.load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  writer.only_if(BPF_JGE, kX32);
  writer.refuse(EPERM);
#endif
  writer.search(sorted, 0, sorted.size());

  writer.here_is(kRefused);
  writer.refuse(EPERM);
  writer.here_is(kNotThere);
  writer.refuse(ENOSYS);
  writer.here_is(kNoNamespaces);
  writer.load_argument(0);
  writer.only_if(BPF_JSET, kNamespaceFlags);
  writer.refuse(EPERM);
  writer.allow();
  writer.here_is(kNoTyping);
  writer.load_argument(1);
  for (const auto request : {kTypeCharacter, kLinuxConsole}) {
    writer.only_if(BPF_JEQ, request);
    writer.refuse(EPERM);
  }
  writer.allow();
  writer.here_is(kNotEverybody);
  writer.load_argument(0);
  writer.only_if(BPF_JEQ, 0xFFFFFFFF);
  writer.refuse(EPERM);
  writer.allow();
  writer.here_is(kFamilies);
  write_families(writer, network);
  return writer.take();
}

}  // namespace hillstar
