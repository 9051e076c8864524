// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform/process.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "runtime/platform/clock.hpp"
#include "runtime/platform/process_guard.hpp"
#include "runtime/platform/process_spawn.hpp"
#include "runtime/platform/signal_block.hpp"

namespace hillstar {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

constexpr std::size_t kPieceBytes = 64 * 1024;
/// For what hangs on to our pipes after its group was killed: it is in another session and not ours to wait for.
constexpr Millis kEscapedWait{200};
/// For a killed program that the kernel cannot end, such as one that waits for a dead network disk.
constexpr Millis kUnkillableWait{10'000};
/// How often to look for the end on kernels without pidfd_open (before 5.3).
constexpr Millis kLook{20};

class Supervision {
 public:
  Supervision(const ProcessSpec& spec, const ProcessOutput& output, Spawned& child)
      : spec_(spec), output_(output), child_(child), unfed_(spec.input), buffer_(kPieceBytes) {
    pidfd_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, child_.pid, 0)));
    if (spec_.time_limit) limit_ = clock_.steady_now() + *spec_.time_limit;
  }

  /// Returns once the program has ended and its pipes are closed, or there is nothing left to wait for.
  void run() {
    if (unfed_.empty()) child_.input.reset();
    while (!is_over()) {
      act_on_time(clock_.steady_now());
      if (is_over()) return;
      wait();
    }
  }

  /// Kills what is left of the group and reaps the program.
  ProcessEnd finish(ProcessGuard* guard) {
    // The group's number is ours as long as its leader is not reaped, so this hits nobody else.
    kill(-child_.pid, SIGKILL);
    if (guard != nullptr) guard->forget(child_.pid);
    int status = 0;
    if (has_exited_)
      while (waitpid(child_.pid, &status, 0) < 0 && errno == EINTR) {
      }
    if (stop_) return *std::move(stop_);
    if (WIFSIGNALED(status)) return {ProcessEndKind::signalled, WTERMSIG(status), {}};
    return {ProcessEndKind::exited, WEXITSTATUS(status), {}};
  }

 private:
  [[nodiscard]] bool is_over() const {
    return gave_up_ || (has_exited_ && !child_.out.is_open() && !child_.err.is_open());
  }

  void stop(ProcessEnd reason) {
    if (stop_ || has_exited_) return;
    stop_ = std::move(reason);
    kill(-child_.pid, SIGTERM);
    kill(-child_.pid, SIGCONT);  // a stopped process would not see the request
    next_ = clock_.steady_now() + spec_.grace;
  }

  void kill_group(TimePoint now) {
    kill(-child_.pid, SIGKILL);
    was_killed_ = true;
    next_ = now + (has_exited_ ? kEscapedWait : kUnkillableWait);
  }

  void act_on_time(TimePoint now) {
    if (!stop_ && limit_ && now >= *limit_) stop({ProcessEndKind::timed_out, 0, {}});
    if (!next_ || now < *next_) return;
    if (was_killed_)
      gave_up_ = true;
    else
      kill_group(now);
  }

  [[nodiscard]] int poll_timeout() const {
    std::optional<TimePoint> until = next_;
    if (!stop_ && !has_exited_ && limit_ && (!until || *limit_ < *until)) until = limit_;
    std::int64_t millis = -1;
    if (until) {
      // Rounded up: waking a moment early would spin.
      const auto left = std::chrono::ceil<Millis>(*until - clock_.steady_now()).count();
      millis = std::clamp<std::int64_t>(left, 0, 60'000);
    }
    if (!has_exited_ && !pidfd_.is_open()) millis = millis < 0 ? kLook.count() : std::min(millis, kLook.count());
    return static_cast<int>(millis);
  }

  void wait() {
    const int cancel = stop_ || has_exited_ ? -1 : spec_.cancel_descriptor;
    const int now = was_killed_ ? -1 : spec_.kill_descriptor;
    std::array<pollfd, 6> entries{{{child_.input.get(), POLLOUT, 0},
                                   {child_.out.get(), POLLIN, 0},
                                   {child_.err.get(), POLLIN, 0},
                                   {has_exited_ ? -1 : pidfd_.get(), POLLIN, 0},
                                   {cancel, POLLIN, 0},
                                   {now, POLLIN, 0}}};
    const int ready = poll(entries.data(), entries.size(), poll_timeout());
    if (ready < 0) return;  // interrupted
    if (entries[0].revents != 0) feed();
    if (entries[1].revents != 0) drain(child_.out, out_bytes_, output_.on_stdout, "stdout");
    if (entries[2].revents != 0) drain(child_.err, err_bytes_, output_.on_stderr, "stderr");
    if (entries[3].revents != 0 || (!has_exited_ && !pidfd_.is_open())) look_for_end();
    if ((entries[4].revents | entries[5].revents) != 0) stop({ProcessEndKind::cancelled, 0, {}});
    if (entries[5].revents != 0) kill_group(clock_.steady_now());
  }

  void feed() {
    const ssize_t written = write(child_.input.get(), unfed_.data(), unfed_.size());
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (written > 0) unfed_.remove_prefix(static_cast<std::size_t>(written));
    // A program may close its stdin early; that is its own affair.
    if (written < 0 || unfed_.empty()) child_.input.reset();
  }

  void drain(Descriptor& from, std::uint64_t& total, const OutputPiece& take, const char* name) {
    const ssize_t got = read(from.get(), buffer_.data(), buffer_.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return from.reset();
    if (is_discarding_) return;
    total += static_cast<std::uint64_t>(got);
    if (total > spec_.output_bytes_max) {
      fail({ProcessEndKind::output_limit, 0,
            Error(Errc::output_limit, std::string("more than ") + std::to_string(spec_.output_bytes_max) +
                                          " bytes were written to " + name)});
    } else if (take) {
      if (auto taken = take({buffer_.data(), static_cast<std::size_t>(got)}); !taken)
        fail({ProcessEndKind::output_failed, 0, taken.error()});
    }
  }

  /// Unlike stop(): also for a program that has ended while its output was still on the way.
  void fail(ProcessEnd reason) {
    is_discarding_ = true;
    stop(reason);
    if (!stop_ || stop_->kind == ProcessEndKind::timed_out) stop_ = std::move(reason);
  }

  void look_for_end() {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(child_.pid), &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid == 0)
      return;
    has_exited_ = true;
    child_.input.reset();
    const auto now = clock_.steady_now();
    if (was_killed_)
      next_ = now + kEscapedWait;
    else if (!next_)
      next_ = now + spec_.grace;
  }

  const ProcessSpec& spec_;
  const ProcessOutput& output_;
  Spawned& child_;
  SystemClock clock_;
  Descriptor pidfd_;
  std::string_view unfed_;
  std::vector<char> buffer_;
  std::uint64_t out_bytes_ = 0;
  std::uint64_t err_bytes_ = 0;
  std::optional<TimePoint> limit_;
  std::optional<TimePoint> next_;   ///< When to take the next step towards the end.
  std::optional<ProcessEnd> stop_;  ///< Why we ended it.
  bool is_discarding_ = false;
  bool has_exited_ = false;
  bool was_killed_ = false;
  bool gave_up_ = false;
};

}  // namespace

ProcessEnd run_process(const ProcessSpec& spec, const ProcessOutput& output, ProcessGuard* guard) {
  const SignalBlock no_sigpipe(SIGPIPE);
  Spawned child = spawn_process(spec, guard);
  if (child.in_step != ConfinementStep::none)
    return {ProcessEndKind::not_confined, child.error_number,
            Error(Errc::io, std::string(to_text(child.in_step)) +
                                " could not be shut in: " + std::system_category().message(child.error_number))};
  if (child.error_number != 0)
    return {child.in_folder ? ProcessEndKind::no_folder : ProcessEndKind::not_started, child.error_number, {}};
  Supervision supervision(spec, output, child);
  supervision.run();
  return supervision.finish(guard);
}

}  // namespace hillstar
