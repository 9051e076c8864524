// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/thread_probe.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <latch>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace hillstar::cli {
namespace {

/// Beside those that are counted in cores: single actors, the transport, the host and its calls, signals.
constexpr std::size_t kFixedThreads = 16;
/// Of the scheduler, of scripts and of file tools.
constexpr std::size_t kThreadsPerCore = 4;
/// Address space, hardly any of it used: what a thread's stack takes, and the arenas that the allocator makes for the
/// first threads.
constexpr std::size_t kStackBytes = 8U << 20U;
constexpr std::size_t kArenaBytes = 64U << 20U;
constexpr std::size_t kArenas = 8;

/// Whether so much address space is left. Reserves it for a moment.
bool has_room(std::size_t bytes) {
  void* place = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) return false;
  ::munmap(place, bytes);
  return true;
}

}  // namespace

Result<void> probe_threads(std::size_t count) {
  std::latch done(1);
  std::vector<std::thread> threads;
  std::string refused;
  try {
    threads.reserve(count);
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&done] { done.wait(); });
  } catch (const std::system_error& failure) {
    refused = failure.code().message();
  } catch (const std::bad_alloc&) {
    refused = "out of memory";
  }
  if (refused.empty() && count > 0 && !has_room(count * kStackBytes + kArenas * kArenaBytes))
    refused = "there is too little address space";
  done.count_down();
  for (auto& thread : threads) thread.join();
  if (refused.empty()) return {};
  return Error{Errc::system_limit,
               "the operating system refuses " + std::to_string(count) + " threads: " + refused + ".",
               {},
               "Look at `ulimit -u` and `ulimit -v`."};
}

std::size_t threads_of_engine() {
  return kFixedThreads + kThreadsPerCore * std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace hillstar::cli
