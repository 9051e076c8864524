// SPDX-License-Identifier: Apache-2.0
// A library to preload: the clock that people set is off by as many seconds as the first eight bytes of the file
// MOVED_CLOCK say, which may change at any time; the steady clock is as it is. (libfaketime does the same, but calls
// itself while an allocator that asks for the time is set up.)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

const std::atomic<std::int64_t>* offset_file() {
  const char* path = std::getenv("MOVED_CLOCK");
  if (path == nullptr) return nullptr;
  const auto file = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
  if (file < 0) return nullptr;
  void* page = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  return page == MAP_FAILED ? nullptr : static_cast<const std::atomic<std::int64_t>*>(page);
}

std::int64_t seconds_off() {
  // Not a static local: its guard may allocate, and whoever allocates may ask for the time.
  static std::atomic<bool> looked{false};
  static std::atomic<const std::atomic<std::int64_t>*> offset{nullptr};
  if (!looked.exchange(true)) offset = offset_file();
  const auto* seconds = offset.load();
  return seconds == nullptr ? 0 : seconds->load();
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += seconds_off();
  return result;
}

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return result;
}

time_t time(time_t* to) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (to != nullptr) *to = now.tv_sec;
  return now.tv_sec;
}
}
