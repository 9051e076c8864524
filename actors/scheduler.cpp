// SPDX-License-Identifier: Apache-2.0
#include "actors/scheduler.hpp"

#include <atomic>
#include <caf/actor_system_config.hpp>
#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/policy/unprofiled.hpp>
#include <caf/scheduler/coordinator.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_set>
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
    std::atomic<bool> somebody_waits{false};  ///< More are in the queue than workers wake up for. Written under `lock`.
    void look() { somebody_waits.store(queue.size() > asleep, std::memory_order_relaxed); }
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
      shared.look();
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
    shared.look();
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

/// Every actor that ends tells the clock to forget its timeouts, and would wake the clock's thread; most never had any.
class Clock final : public caf::detail::thread_safe_actor_clock {
 public:
  using Real = caf::detail::thread_safe_actor_clock;
  explicit Clock(Real& real) : real_(real) {}

  void set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override {
    remember(self);
    real_.set_ordinary_timeout(t, self, type, id);
  }
  void set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) override {
    remember(self);
    real_.set_request_timeout(t, self, id);
  }
  void set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override {
    remember(self);
    real_.set_multi_timeout(t, self, type, id);
  }
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override {
    real_.cancel_ordinary_timeout(self, type);
  }
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override {
    real_.cancel_request_timeout(self, id);
  }
  void cancel_timeouts(caf::abstract_actor* self) override {
    if (forget(self)) real_.cancel_timeouts(self);
  }
  void schedule_message(time_point t, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) override {
    real_.schedule_message(t, std::move(receiver), std::move(content));
  }
  void schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender, caf::message content) override {
    real_.schedule_message(t, std::move(target), std::move(sender), std::move(content));
  }
  void cancel_all() override { real_.cancel_all(); }

 private:
  void remember(const caf::abstract_actor* self) {
    const std::lock_guard guard(lock_);
    with_timeouts_.insert(self->id());
  }
  bool forget(const caf::abstract_actor* self) {
    const std::lock_guard guard(lock_);
    return with_timeouts_.erase(self->id()) > 0;
  }

  Real& real_;
  std::mutex lock_;
  std::unordered_set<caf::actor_id> with_timeouts_;
};

class Scheduler final : public caf::scheduler::coordinator<OneQueue> {
 public:
  explicit Scheduler(caf::actor_system& system) : coordinator(system), clock_(coordinator::clock()) {}
  Clock& clock() noexcept override { return clock_; }

 private:
  Clock clock_;
};

}  // namespace

void use_scheduler(caf::actor_system_config& config, unsigned threads) {
  config.set("scheduler.max-threads", static_cast<std::size_t>(threads));
  config.module_factories.emplace_back([](caf::actor_system& system) -> caf::actor_system::module* {
    return new Scheduler(system);  // owned by the system
  });
}

}  // namespace hillstar::actors
