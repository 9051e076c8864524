// SPDX-License-Identifier: Apache-2.0
#include "actors/scheduler.hpp"

#include <atomic>
#include <caf/actor_system_config.hpp>
#include <caf/policy/unprofiled.hpp>
#include <caf/scheduler/coordinator.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace hillstar::actors {
namespace {

using caf::resumable;

/// A CAF scheduler policy. An actor that another one on the same thread wakes becomes that thread's next if nobody
/// waits in the queue; an input that one run handles alone then goes from actor to actor without a switch of threads.
/// Behind others it waits its turn in the queue, so that no run overtakes another.
class OneQueue final : public caf::policy::unprofiled {
 public:
  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator* /*owner*/) {}
    std::mutex lock;
    std::condition_variable filled;
    std::deque<resumable*> queue;             ///< Under `lock`.
    std::size_t asleep = 0;                   ///< Workers that wait for `filled`. Under `lock`.
    std::atomic<bool> somebody_waits{false};  ///< The queue is not empty. Written under `lock`.
  };
  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator* /*owner*/) {}
    resumable* next = nullptr;  ///< Used by the worker's own thread only.
  };

  template <class Coordinator>
  void central_enqueue(Coordinator* self, resumable* job) {
    auto& shared = d(self);
    bool wake = false;
    {
      const std::lock_guard guard(shared.lock);
      shared.queue.push_back(job);
      shared.somebody_waits.store(true, std::memory_order_relaxed);
      wake = shared.asleep > 0;
    }
    if (wake) shared.filled.notify_one();
  }
  template <class Worker>
  void external_enqueue(Worker* self, resumable* job) {
    central_enqueue(self->parent(), job);
  }
  template <class Worker>
  void internal_enqueue(Worker* self, resumable* job) {
    auto& next = d(self).next;
    if (next == nullptr && !d(self->parent()).somebody_waits.load(std::memory_order_relaxed))
      next = job;
    else
      central_enqueue(self->parent(), job);
  }
  template <class Worker>
  void resume_job_later(Worker* self, resumable* job) {
    central_enqueue(self->parent(), job);
  }
  template <class Worker>
  resumable* dequeue(Worker* self) {
    auto& shared = d(self->parent());
    auto* const next = std::exchange(d(self).next, nullptr);
    if (next != nullptr && !shared.somebody_waits.load(std::memory_order_relaxed)) return next;
    std::unique_lock guard(shared.lock);
    if (next != nullptr) shared.queue.push_back(next);
    while (shared.queue.empty()) {
      ++shared.asleep;
      shared.filled.wait(guard);
      --shared.asleep;
    }
    auto* const job = shared.queue.front();
    shared.queue.pop_front();
    shared.somebody_waits.store(!shared.queue.empty(), std::memory_order_relaxed);
    return job;
  }
  template <class Worker, class Use>
  void foreach_resumable(Worker* self, Use use) {
    if (auto* const next = std::exchange(d(self).next, nullptr)) use(next);
  }
  template <class Coordinator, class Use>
  void foreach_central_resumable(Coordinator* self, Use use) {
    const std::lock_guard guard(d(self).lock);
    for (auto* const job : std::exchange(d(self).queue, {})) use(job);
  }
};

}  // namespace

void use_scheduler(caf::actor_system_config& config, unsigned threads) {
  config.set("scheduler.max-threads", static_cast<std::size_t>(threads));
  config.module_factories.emplace_back([](caf::actor_system& system) -> caf::actor_system::module* {
    return new caf::scheduler::coordinator<OneQueue>(system);  // owned by the system
  });
}

}  // namespace hillstar::actors
