// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/process_spawn.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "runtime/platform/process_guard.hpp"

namespace hillstar {
namespace {

constexpr std::size_t kKernelSignalSetBytes = 8;
constexpr int kSignalMax = 64;
constexpr int kBusyRetriesMax = 20;
constexpr int kReportPlace = 3;

/// All that the child needs, made before it exists: it must not allocate.
struct Launch {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<std::string> candidates;  ///< Paths to try, in order.
  const char* cwd = nullptr;
  int in = -1;
  int out = -1;
  int err = -1;
  int guard = -1;
  pid_t parent = -1;
  const Confinement* confinement = nullptr;
  int handed_on = -1;
  int report = -1;  ///< Where the child says why it could not become the program; closed when it could.
};

/// What comes through `report`.
struct Refusal {
  int error_number = 0;
  bool in_folder = false;
  ConfinementStep in_step = ConfinementStep::none;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> candidates_of(const ProcessSpec& spec) {
  if (spec.program.find('/') != std::string::npos) return {spec.program};
  std::string_view path = "/bin:/usr/bin";
  for (const std::string_view entry : spec.environment)
    if (entry.substr(0, 5) == "PATH=") path = entry.substr(5);
  std::vector<std::string> result;
  for (;;) {
    const auto colon = path.find(':');
    const std::string folder(path.substr(0, colon));
    result.push_back((folder.empty() ? "." : folder) + "/" + spec.program);
    if (colon == std::string_view::npos) return result;
    path.remove_prefix(colon + 1);
  }
}

/// Replaces the process image. Like execvp, the error that says most wins: a file that exists and cannot be run.
int try_candidates(const Launch& launch) {
  int error = ENOENT;
  for (const auto& path : launch.candidates) {
    execve(path.c_str(), launch.arguments.data(), launch.environment.data());
    // A file that was just written can be open for writing in another starting child for a moment.
    for (int i = 0; errno == ETXTBSY && i < kBusyRetriesMax; ++i) {
      const timespec wait{0, 5'000'000};
      nanosleep(&wait, nullptr);
      execve(path.c_str(), launch.arguments.data(), launch.environment.data());
    }
    if (errno != ENOENT && errno != ENOTDIR && (error == ENOENT || error == ENOTDIR)) error = errno;
  }
  return error;
}

[[noreturn]] void refuse(int report, const Refusal& refusal) {
  (void)!write(report, &refusal, sizeof refusal);
  _exit(127);
}

/// The child's side. It runs in our memory while our thread waits, so: system calls only. Signals go through raw
/// calls because a sanitizer's wrappers would note our handlers as gone.
[[noreturn]] __attribute__((noinline)) void become_program(const Launch& launch) {
  const unsigned long by_default[4] = {};
  for (int number = 1; number <= kSignalMax; ++number)
    syscall(SYS_rt_sigaction, number, by_default, nullptr, kKernelSignalSetBytes);
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch.parent) _exit(127);  // died before it could be asked for
  if (launch.guard >= 0) {
    const GuardMessage message{getpid(), 0};
    (void)send(launch.guard, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  // While its descriptors are where they were made.
  if (launch.confinement != nullptr) {
    const auto step = launch.confinement->enter_first();
    if (step != ConfinementStep::none) refuse(launch.report, {errno, false, step});
    if (getppid() != launch.parent) _exit(127);  // it may have died before the new request to die with it
  }
  dup2(launch.in, 0);
  dup2(launch.out, 1);
  dup2(launch.err, 2);
  dup3(launch.report, kReportPlace, O_CLOEXEC);  // fails if it is there already, and then it closes on exec as well
  unsigned first_closed = kReportPlace + 1;
  if (launch.handed_on >= 0 && dup2(launch.handed_on, Confinement::kHandedOn) >= 0) ++first_closed;
  if (syscall(SYS_close_range, first_closed, ~0U, 0U) != 0)
    for (int fd = static_cast<int>(first_closed); fd < 65536; ++fd) close(fd);
  if (launch.cwd != nullptr && chdir(launch.cwd) != 0) refuse(kReportPlace, {errno, true, {}});
  const unsigned long none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kKernelSignalSetBytes);
  if (launch.confinement != nullptr) {
    const auto step = launch.confinement->enter_last();
    if (step != ConfinementStep::none) refuse(kReportPlace, {errno, false, step});
  }
  refuse(kReportPlace, {try_candidates(launch), false, {}});
}

/// No handler of ours may run in the child, which shares our memory.
pid_t vfork_quietly(const Launch& launch) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = vfork();
  if (pid == 0) become_program(launch);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

/// A descriptor above 2, so that placing 0, 1 and 2 in the child cannot overwrite another one's source.
int lifted(int fd) {
  if (fd < 0 || fd > 2) return fd;
  const int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  close(fd);
  return higher;
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};
bool make_pipe(Pipe& made) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  made.read = Descriptor(lifted(ends[0]));
  made.write = Descriptor(lifted(ends[1]));
  return made.read.is_open() && made.write.is_open();
}

void set_nonblocking(const Descriptor& descriptor) {
  if (descriptor.is_open()) fcntl(descriptor.get(), F_SETFL, fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK);
}

}  // namespace

Spawned spawn_process(const ProcessSpec& spec, ProcessGuard* guard) {
  Spawned spawned;
  Pipe in;
  Pipe out;
  Pipe err;
  Pipe report;
  const bool own_input = spec.input_descriptor < 0;
  Descriptor given;
  if (!own_input) given = Descriptor(fcntl(spec.input_descriptor, F_DUPFD_CLOEXEC, 3));
  if ((own_input ? !make_pipe(in) : !given.is_open()) || !make_pipe(out) || !make_pipe(err) || !make_pipe(report)) {
    spawned.error_number = errno;
    return spawned;
  }
  Descriptor handed_on;  // not where it is placed: dup2 would leave it closing on exec
  if (spec.confinement != nullptr && spec.confinement->handed_on() >= 0)
    handed_on = Descriptor(fcntl(spec.confinement->handed_on(), F_DUPFD_CLOEXEC, Confinement::kHandedOn + 1));
  const auto channel = guard != nullptr ? guard->channel() : nullptr;
  Launch launch;
  launch.arguments = pointers(spec.arguments);
  launch.environment = pointers(spec.environment);
  launch.candidates = candidates_of(spec);
  launch.cwd = spec.cwd.empty() ? nullptr : spec.cwd.c_str();
  launch.in = own_input ? in.read.get() : given.get();
  launch.out = out.write.get();
  launch.err = err.write.get();
  launch.guard = channel ? channel->get() : -1;
  launch.report = report.write.get();
  launch.confinement = spec.confinement;
  launch.handed_on = handed_on.get();
  launch.parent = getpid();
  const pid_t pid = vfork_quietly(launch);
  if (pid < 0) {
    spawned.error_number = errno;
    return spawned;
  }
  report.write.reset();
  Refusal refusal;
  ssize_t got = -1;
  do {
    got = read(report.read.get(), &refusal, sizeof refusal);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof refusal)) {
    if (guard != nullptr) guard->forget(pid);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    spawned.error_number = refusal.error_number;
    spawned.in_folder = refusal.in_folder;
    spawned.in_step = refusal.in_step;
    return spawned;
  }
  if (guard != nullptr) guard->remember(pid);
  spawned.pid = pid;
  spawned.input = std::move(in.write);
  spawned.out = std::move(out.read);
  spawned.err = std::move(err.read);
  set_nonblocking(spawned.input);
  set_nonblocking(spawned.out);
  set_nonblocking(spawned.err);
  return spawned;
}

}  // namespace hillstar
