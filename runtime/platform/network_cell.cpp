// SPDX-License-Identifier: Apache-2.0
// The namespaces are made by a short-lived helper and kept alive by our descriptors of them. It is a program of its own
// (cat, waiting for the end of its input) because the kernel lets nobody but root write the user map of a process whose
// memory is protected, as ours is and as a copy of ours would be.
#include "runtime/platform/network_cell.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <system_error>

namespace hillstar {
namespace {

Error refused(const std::string& what, int number) {
  return Error(Errc::io, "no network of its own: " + what + ": " + std::system_category().message(number));
}

/// So that programs in the cell reach themselves; without it they are only worse off.
void bring_up_loopback() {
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  const int socket = static_cast<int>(syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket < 0) return;
  if (ioctl(socket, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    (void)ioctl(socket, SIOCSIFFLAGS, &request);
  }
  syscall(SYS_close, socket);
}

struct Launch {
  int input = -1;
  int flags = 0;
  char* arguments[2] = {};
  char* environment[1] = {};
};

/// Ends with the errno of what failed. It borrows our memory: system calls only.
[[noreturn]] __attribute__((noinline)) void become_helper(const Launch& launch) {
  if (syscall(SYS_unshare, launch.flags) != 0) _exit(errno);
  bring_up_loopback();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int fd = 0; fd < 3; ++fd) dup2(launch.input, fd);  // it wants to have an output, too
  if (syscall(SYS_close_range, 3U, ~0U, 0U) != 0)
    for (int fd = 3; fd < 1024; ++fd) close(fd);
  const unsigned long none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
  execve("/bin/cat", launch.arguments, launch.environment);
  _exit(errno);
}

/// A running helper in namespaces of its own. It ends when this does.
class Helper {
 public:
  explicit Helper(int flags) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    const Descriptor theirs(ends[0]);
    ours_ = Descriptor(ends[1]);
    char name[] = "cat";
    Launch launch;
    launch.input = theirs.get();
    launch.flags = flags;
    launch.arguments[0] = name;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of ours may run in the child
    pid_ = vfork();
    if (pid_ == 0) become_helper(launch);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~Helper() { (void)end(); }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  [[nodiscard]] std::string folder() const { return "/proc/" + std::to_string(pid_) + "/"; }
  /// What it ended with: 0, or why it could not do its work.
  int end() {
    ours_.reset();
    if (pid_ <= 0) return EAGAIN;
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) break;
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
  }

 private:
  Descriptor ours_;
  pid_t pid_ = -1;
};

bool write_file(const std::string& path, const std::string& text) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file.is_open() && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// The user is the same inside as outside.
bool write_maps(const std::string& folder) {
  const auto same = [](unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1\n"; };
  return write_file(folder + "setgroups", "deny") && write_file(folder + "uid_map", same(geteuid())) &&
         write_file(folder + "gid_map", same(getegid()));
}

}  // namespace

Result<NetworkCell> NetworkCell::make() {
  NetworkCell cell;
  // Who may do without a user namespace (root) keeps the rights that go with being in none.
  int failed = 0;
  for (const int flags : {CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET}) {
    Helper helper(flags);
    const bool needs_user = flags != CLONE_NEWNET;
    const auto folder = helper.folder();
    const bool mapped = !needs_user || write_maps(folder);
    if (mapped && needs_user) cell.user_ = Descriptor(open((folder + "ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    if (mapped) cell.network_ = Descriptor(open((folder + "ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    const int error = errno;
    failed = helper.end();
    if (failed == 0 && cell.network_.is_open() && (!needs_user || cell.user_.is_open())) return cell;
    if (failed == 0) failed = error;
  }
  return refused("this user may not make one on this kernel", failed);
}

int NetworkCell::enter() const {
  if (user_.is_open() && syscall(SYS_setns, user_.get(), CLONE_NEWUSER) != 0) return errno;
  return syscall(SYS_setns, network_.get(), CLONE_NEWNET) == 0 ? 0 : errno;
}

}  // namespace hillstar
