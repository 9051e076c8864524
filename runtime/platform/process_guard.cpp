// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/process_guard.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace hillstar {
namespace {

/// The guard itself. Runs in a forked copy of a process with many threads: nothing here may allocate or lock.
[[noreturn]] void guard_main(int channel) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);  // a Ctrl-C or a stopping service must not end the guard before its ward
  setsid();
  prctl(PR_SET_NAME, "hillstar-guard");
  (void)!chdir("/");  // hold no disk in place
  dup2(channel, 0);
  if (syscall(SYS_close_range, 1U, ~0U, 0U) != 0)
    for (int fd = 1; fd < 65536; ++fd) close(fd);

  std::array<pid_t, kGuardedGroupsMax> groups{};
  std::size_t count = 0;
  for (;;) {
    GuardMessage message;
    const ssize_t got = recv(0, &message, sizeof message, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(sizeof message)) break;  // the last writer is gone
    std::size_t place = 0;
    while (place < count && groups[place] != message.group) ++place;
    if (message.is_over != 0) {
      if (place < count) groups[place] = groups[--count];
    } else if (place == count && count < groups.size() && message.group > 1) {
      groups[count++] = message.group;
    }
  }
  for (std::size_t i = 0; i < count; ++i) kill(-groups[i], SIGKILL);
  _exit(0);
}

void tell(int channel, const GuardMessage& message) {
  // A guard that does not answer is replaced at the next start; waiting for it here could hang a run.
  (void)send(channel, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool is_hung_up(int channel) {
  pollfd entry{channel, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;  // the guard never writes: anything to see is its end
}

}  // namespace

ProcessGuard::~ProcessGuard() {
  const std::lock_guard lock(mutex_);
  stop();
}

void ProcessGuard::stop() {
  channel_.reset();
  if (guard_ <= 0) return;
  while (waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
  }
  guard_ = -1;
}

void ProcessGuard::start() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
  auto ours = std::make_shared<const Descriptor>(ends[0]);
  const Descriptor theirs(ends[1]);
  // _Fork runs no atfork handlers, which may lock.
  const pid_t pid = _Fork();
  if (pid == 0) guard_main(theirs.get());
  if (pid < 0) return;
  guard_ = pid;
  channel_ = std::move(ours);
  for (const pid_t group : groups_) tell(channel_->get(), {group, 0});
}

std::shared_ptr<const Descriptor> ProcessGuard::channel() {
  const std::lock_guard lock(mutex_);
  if (groups_.size() >= kGuardedGroupsMax) return nullptr;
  if (channel_ && is_hung_up(channel_->get())) stop();
  if (!channel_) start();
  return channel_;
}

void ProcessGuard::remember(pid_t group) {
  const std::lock_guard lock(mutex_);
  groups_.insert(group);
}

void ProcessGuard::forget(pid_t group) {
  const std::lock_guard lock(mutex_);
  groups_.erase(group);
  if (channel_) tell(channel_->get(), {group, 1});
}

}  // namespace hillstar
