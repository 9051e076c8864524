// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/process.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <sstream>
#include <thread>

#include "runtime/platform/process_guard.hpp"
#include "tests/unit/runtime/platform/temp_folder.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

struct Ran {
  ProcessEnd end;
  std::string out;
  std::string err;
};

ProcessSpec shell(const std::string& line) {
  ProcessSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"/bin/sh", "-c", line};
  spec.environment = {"PATH=/usr/bin:/bin"};
  return spec;
}

Ran run(const ProcessSpec& spec, ProcessGuard* guard = nullptr) {
  Ran ran;
  ProcessOutput output;
  output.on_stdout = [&](std::string_view piece) {
    ran.out += piece;
    return Result<void>();
  };
  output.on_stderr = [&](std::string_view piece) {
    ran.err += piece;
    return Result<void>();
  };
  ran.end = run_process(spec, output, guard);
  return ran;
}

/// Waits for the end of a process that need not be our child; false if it has not ended after half a minute.
bool wait_for_end(pid_t pid) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return errno == ESRCH;
  pollfd entry{fd, POLLIN, 0};
  const bool ended = poll(&entry, 1, 30'000) == 1;
  close(fd);
  return ended;
}

std::vector<pid_t> pids_of(const std::string& text) {
  std::istringstream words(text);
  std::vector<pid_t> pids;
  for (pid_t pid = 0; words >> pid;) pids.push_back(pid);
  return pids;
}

}  // namespace

TEST_CASE("process: exit code, stdout and stderr come back") {
  const auto ran = run(shell("echo out; echo err >&2; exit 3"));
  CHECK(ran.end.kind == ProcessEndKind::exited);
  CHECK(ran.end.code == 3);
  CHECK(ran.out == "out\n");
  CHECK(ran.err == "err\n");
}

TEST_CASE("process: death by a signal is told apart") {
  const auto ran = run(shell("kill -9 $$"));
  CHECK(ran.end.kind == ProcessEndKind::signalled);
  CHECK(ran.end.code == SIGKILL);
}

TEST_CASE("process: ten megabytes in and out at once do not lock up") {
  std::string input(10U << 20U, 'x');
  auto spec = shell("head -c 10485760 /dev/zero; cat; head -c 10485760 /dev/zero >&2");
  spec.input = input;
  const auto ran = run(spec);
  CHECK(ran.end.code == 0);
  CHECK(ran.out.size() == 20U << 20U);
  CHECK(ran.err.size() == 10U << 20U);
  CHECK(ran.out.substr(10U << 20U) == input);
}

TEST_CASE("process: a program that closes its stdin is not disturbed, and neither are we") {
  std::string input(10U << 20U, 'x');
  auto spec = shell("exec <&-; echo done");
  spec.input = input;
  const auto ran = run(spec);
  CHECK(ran.end.kind == ProcessEndKind::exited);
  CHECK(ran.end.code == 0);
  CHECK(ran.out == "done\n");
  sigset_t pending;
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGPIPE) == 0);
}

TEST_CASE("process: stdin can be a file") {
  const TempFolder folder;
  put(folder / "in", "from a file");
  const int file = open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC);
  auto spec = shell("cat");
  spec.input_descriptor = file;
  CHECK(run(spec).out == "from a file");
  close(file);
}

TEST_CASE("process: sees no descriptors, signal settings or variables of ours") {
  const int open_here = open("/dev/null", O_RDONLY);  // deliberately without O_CLOEXEC
  signal(SIGXFSZ, SIG_IGN);
  auto spec =
      shell("ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status | tr -d '\\t'; env | grep -c .");
  spec.environment.push_back("ONLY=this");
  const auto ran = run(spec);
  signal(SIGXFSZ, SIG_DFL);
  close(open_here);
  // 0, 1, 2 and the one with which ls reads the folder; PATH, ONLY and the PWD that sh sets.
  CHECK(ran.out == "4\nSigBlk:0000000000000000\nSigIgn:0000000000000000\n3\n");
}

TEST_CASE("process: output at the limit passes, one byte more ends it") {
  auto spec = shell("head -c 100000 /dev/zero");
  spec.output_bytes_max = 100'000;
  CHECK(run(spec).end.kind == ProcessEndKind::exited);
  spec.output_bytes_max = 99'999;
  const auto over = run(spec);
  CHECK(over.end.kind == ProcessEndKind::output_limit);
  REQUIRE(over.end.error);
  CHECK(over.end.error->code == Errc::output_limit);
  CHECK(over.end.error->message.find("99999 bytes were written to stdout") != std::string::npos);
}

TEST_CASE("process: endless output is stopped at the limit, also on stderr") {
  auto spec = shell("yes >&2");
  spec.output_bytes_max = 1U << 20U;
  const auto ran = run(spec);
  CHECK(ran.end.kind == ProcessEndKind::output_limit);
  CHECK(ran.err.size() <= 1U << 20U);
}

TEST_CASE("process: a taker's error ends it and comes back") {
  auto spec = shell("yes");
  ProcessOutput output;
  output.on_stdout = [](std::string_view) -> Result<void> { return Error(Errc::store_write, "disk full"); };
  const auto end = run_process(spec, output, nullptr);
  CHECK(end.kind == ProcessEndKind::output_failed);
  REQUIRE(end.error);
  CHECK(end.error->message == "disk full");
}

TEST_CASE("process: the time limit takes the whole group, also what ignores SIGTERM") {
  auto spec = shell("trap '' TERM; (trap '' TERM; sleep 1000 & echo $!; wait) & echo $! $$; wait; sleep 1000");
  spec.time_limit = Millis(300);
  spec.grace = Millis(100);
  const auto ran = run(spec);
  CHECK(ran.end.kind == ProcessEndKind::timed_out);
  const auto pids = pids_of(ran.out);
  REQUIRE(pids.size() == 3);
  for (const pid_t pid : pids) CHECK(wait_for_end(pid));
}

TEST_CASE("process: SIGTERM comes first, so that a program can tidy up") {
  auto spec = shell("trap 'echo tidy; exit 0' TERM; echo ready; sleep 1000 & wait");
  spec.time_limit = Millis(300);
  const auto ran = run(spec);
  CHECK(ran.end.kind == ProcessEndKind::timed_out);
  CHECK(ran.out == "ready\ntidy\n");
}

TEST_CASE("process: many forks that hang all die at the time limit") {
  auto spec = shell("i=0; while [ $i -lt 60 ]; do sleep 1000 & echo $!; i=$((i+1)); done; wait");
  spec.time_limit = Millis(1000);
  const auto ran = run(spec);
  CHECK(ran.end.kind == ProcessEndKind::timed_out);
  const auto pids = pids_of(ran.out);
  CHECK(pids.size() > 0);
  for (const pid_t pid : pids) CHECK(wait_for_end(pid));
}

TEST_CASE("process: what it leaves behind with open pipes cannot hang us") {
  auto spec = shell("sleep 1000 & echo $!; exit 4");
  spec.grace = Millis(50);
  const auto ran = run(spec);
  CHECK(ran.end.kind == ProcessEndKind::exited);
  CHECK(ran.end.code == 4);
  const auto pids = pids_of(ran.out);
  REQUIRE(pids.size() == 1);
  CHECK(wait_for_end(pids[0]));
}

TEST_CASE(
    "process: what it leaves behind without pipes dies with it; a session of its own lives on and cannot hang us") {
  const TempFolder folder;
  auto spec = shell(
      "sleep 1000 >/dev/null 2>&1 </dev/null & echo $!; "
      "setsid sh -c 'echo $$ > own; exec sleep 1000' & while ! [ -s own ]; do :; done");
  spec.cwd = folder.path();
  spec.grace = Millis(50);
  const auto ran = run(spec);
  const auto left = pids_of(ran.out);
  const auto own = pids_of(get(folder / "own"));
  REQUIRE(left.size() == 1);
  REQUIRE(own.size() == 1);
  CHECK(wait_for_end(left[0]));
  CHECK(ran.end.kind == ProcessEndKind::exited);
  CHECK(ran.end.code == 0);
  CHECK(is_alive(own[0]));
  kill(own[0], SIGKILL);
}

TEST_CASE("process: cancelling ends it") {
  const int cancel = eventfd(0, EFD_CLOEXEC);
  auto spec = shell("echo $$; sleep 1000");
  spec.cancel_descriptor = cancel;
  ProcessOutput output;
  std::string out;
  output.on_stdout = [&](std::string_view piece) {
    out += piece;
    CHECK(eventfd_write(cancel, 1) == 0);
    return Result<void>();
  };
  const auto end = run_process(spec, output, nullptr);
  CHECK(end.kind == ProcessEndKind::cancelled);
  for (const pid_t pid : pids_of(out)) CHECK(wait_for_end(pid));
  close(cancel);
}

TEST_CASE("process: one that does not hear that it was cancelled ends at once when there is no more time") {
  const int cancel = eventfd(0, EFD_CLOEXEC);
  const int now = eventfd(0, EFD_CLOEXEC);
  auto spec = shell("trap 'echo asked' TERM; echo $$; while :; do sleep 0.02; done");
  spec.cancel_descriptor = cancel;
  spec.kill_descriptor = now;
  spec.grace = Millis{1'000'000};
  ProcessOutput output;
  std::string out;
  output.on_stdout = [&](std::string_view piece) {
    out += piece;
    CHECK(eventfd_write(out.find("asked") == std::string::npos ? cancel : now, 1) == 0);
    return Result<void>();
  };
  CHECK(run_process(spec, output, nullptr).kind == ProcessEndKind::cancelled);
  CHECK(out.find("asked") != std::string::npos);
  for (const pid_t pid : pids_of(out.substr(0, out.find('\n')))) CHECK(wait_for_end(pid));
  close(cancel);
  close(now);
}

TEST_CASE("process: one that was cancelled before it started does not live on") {
  const int cancel = eventfd(1, EFD_CLOEXEC);
  auto spec = shell("sleep 1000");
  spec.cancel_descriptor = cancel;
  CHECK(run(spec).end.kind == ProcessEndKind::cancelled);
  close(cancel);
}

TEST_CASE("process: what cannot be started says why") {
  ProcessSpec spec;
  spec.program = "no-such-program";
  spec.arguments = {"no-such-program"};
  CHECK(run(spec).end.kind == ProcessEndKind::not_started);
  CHECK(run(spec).end.code == ENOENT);
  const TempFolder folder;
  put(folder / "plain", "#!/bin/sh\n");
  spec.program = "./plain";
  spec.cwd = folder.path();
  CHECK(run(spec).end.code == EACCES);
  spec.cwd = folder / "missing";
  CHECK(run(spec).end.kind == ProcessEndKind::no_folder);
  CHECK(run(spec).end.code == ENOENT);
}

TEST_CASE("process: PATH of the given environment finds programs, and a match that cannot run beats none") {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "a");
  std::filesystem::create_directory(folder / "b");
  put(folder / "a/tool", "#!/bin/sh\necho a\n");
  ProcessSpec spec;
  spec.program = "tool";
  spec.arguments = {"tool"};
  spec.environment = {"PATH=" + (folder / "a") + ":" + (folder / "b")};
  CHECK(run(spec).end.code == EACCES);
  put(folder / "b/tool", "#!/bin/sh\necho b\n");
  chmod((folder / "b/tool").c_str(), 0755);
  CHECK(run(spec).out == "b\n");
}

TEST_CASE("process: many threads start programs at once") {
  ProcessGuard guard;
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        const auto text = std::to_string(i);
        auto spec = shell("cat");
        spec.input = text;
        if (run(spec, &guard).out == text) ++good;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(good == 100);
}

TEST_CASE("process: the whole group dies when this process is killed") {
  int pipe_ends[2];
  REQUIRE(pipe2(pipe_ends, O_CLOEXEC) == 0);
  const pid_t parent = fork();
  REQUIRE(parent >= 0);
  if (parent == 0) {
    ProcessGuard guard;
    ProcessOutput output;
    output.on_stdout = [&](std::string_view piece) {
      (void)!write(pipe_ends[1], piece.data(), piece.size());
      return Result<void>();
    };
    // The grandchildren have closed every pipe and ignore hang-ups: only the guard can reach them.
    run_process(
        shell("trap '' HUP; (sleep 1000 & echo $!; exec >/dev/null 2>&1; wait) & sleep 1000 & echo $! $$; wait"),
        output, &guard);
    _exit(0);
  }
  close(pipe_ends[1]);
  std::string text;
  char buffer[256];
  while (pids_of(text).size() < 3 || text.back() != '\n') {
    const ssize_t got = read(pipe_ends[0], buffer, sizeof buffer);
    REQUIRE(got > 0);
    text.append(buffer, static_cast<std::size_t>(got));
  }
  close(pipe_ends[0]);
  const auto pids = pids_of(text);
  for (const pid_t pid : pids) CHECK(is_alive(pid));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  for (const pid_t pid : pids) CHECK(wait_for_end(pid));
}

TEST_CASE("process guard: is replaced when somebody kills it") {
  ProcessGuard guard;
  CHECK(run(shell("echo one"), &guard).out == "one\n");
  // The guard is our only other child.
  const auto children = pids_of(get("/proc/self/task/" + std::to_string(getpid()) + "/children"));
  REQUIRE(children.size() == 1);
  kill(children[0], SIGKILL);
  REQUIRE(wait_for_end(children[0]));
  CHECK(run(shell("echo two"), &guard).out == "two\n");
  const auto after = pids_of(get("/proc/self/task/" + std::to_string(getpid()) + "/children"));
  REQUIRE(after.size() == 1);
  CHECK(after[0] != children[0]);
}

TEST_CASE("process guard: forgets groups that have ended") {
  // A forgotten number could belong to somebody else by the time we die.
  ProcessGuard guard;
  const auto ran = run(shell("echo $$"), &guard);
  const auto pids = pids_of(ran.out);
  REQUIRE(pids.size() == 1);
  CHECK_FALSE(is_alive(pids[0]));
}
