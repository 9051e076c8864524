// SPDX-License-Identifier: Apache-2.0
// The engine as it is made: the actor tree, and calls of other threads that become messages with a Reply. Wiring:
// engine.cpp; calls: engine_calls.cpp.
#pragma once

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/engine.hpp"
#include "actors/pool_board.hpp"
#include "actors/scheduler.hpp"
#include "actors/services.hpp"

namespace hillstar::actors {

/// CAF as this program uses it: no command line, no configuration file, no log.
struct Config : caf::actor_system_config {
  Config(unsigned threads, bool takes_workers) {
    use_scheduler(*this, threads);
    if (takes_workers) wire::load(*this);
  }
};

/// Everything that ends with the engine, in one piece: a tool that cannot be stopped keeps all of it.
struct Tree {
  Tree(unsigned threads, bool takes_workers) : config(threads, takes_workers), system(config) {}

  Config config;
  caf::actor_system system;
  std::shared_ptr<Services> services = std::make_shared<Services>();
  Supervisor supervisor;
  std::unique_ptr<wire::Listener> listener;  ///< Null: no workers join.
};

class EngineImpl final : public Engine {
 public:
  EngineImpl(persistence::EventStore& store, EngineOptions options);
  ~EngineImpl() override { stop_actors(); }

  /// Spawns the tree; what the store lists as not terminal is recovered.
  void open(std::vector<std::string> environment);

  Result<RunId> start(StartRun request) override;
  void start_async(StartRun request, std::function<void(Result<RunId>)> done) override;
  Result<std::uint64_t> follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) override;
  void unfollow(std::uint64_t ticket) override;
  Result<std::uint64_t> watch(CommitCallback callback) override;
  void unwatch(std::uint64_t ticket) override;
  Result<std::vector<Event>> tell(const RunId& run, Input input) override;
  Result<void> set_environment(const RunId& run, std::vector<std::string> environment) override;
  Result<StreamStatus> declare(DeclareStream request) override;
  void trigger_async(TriggerRun request, std::function<void(Result<Accepted>)> done) override;
  Result<void> hold(const std::string& stream, bool held, std::string who, std::string reason) override;
  Result<void> remove(const std::string& stream, std::string who) override;
  void end_chain(const std::string& stream, std::string why) override;
  [[nodiscard]] std::vector<StreamStatus> streams() const override;
  [[nodiscard]] std::vector<PoolStatus> pools() const override { return board_->rows(); }
  Result<void> between_commits(std::function<Result<bool>()> step) override;
  Result<void> skip_firing(const std::string& stream, UtcTime due, std::string reason) override;
  Result<void> move_cursor(const std::string& stream, std::uint64_t position) override;
  Result<Json> ask_state(AskState request) override;
  Result<std::uint16_t> take_workers(WorkersAt at) override;
  [[nodiscard]] std::vector<WorkerStatus> workers() const override;
  Result<void> change_worker(const std::string& name, WorkerChange change) override;
  [[nodiscard]] std::vector<RunId> live_runs() const override;
  [[nodiscard]] const persistence::EventStore& store() const override { return store_; }
  void stop() override { stop_actors(); }

 private:
  /// Lets `say` send something to the tree, unless it stops: then nothing is said, and its reply says so.
  template <class Say>
  void send(Say say) const {
    sending_.fetch_add(1);
    if (!stopped_) say(*tree_);
    if (sending_.fetch_sub(1) == 1) sending_.notify_all();
  }
  /// The same, and waits for the answer to the reply that `say` gets.
  template <class T, class Say>
  Result<T> ask(Say say) const {
    auto reply = Reply<T>::create();
    auto answer = reply.future();
    send([&](Tree& tree) { say(tree, std::exchange(reply, {})); });
    reply = {};  // not said: answers itself
    return answer.get();
  }
  /// The run's row; run_not_found if there is none. run_state if it is terminal and `alive` is asked for.
  [[nodiscard]] Result<void> check(const RunId& run, bool alive) const;
  Result<void> tell_stream(const std::string& stream, Event fact);
  void stop_actors();

  persistence::EventStore& store_;
  std::unique_ptr<Tree> tree_;
  std::shared_ptr<PoolBoard> board_ = std::make_shared<PoolBoard>();
  std::size_t follower_queue_max_;
  std::size_t warm_runs_max_;
  bool recovers_all_;
  bool takes_workers_;
  Millis worker_lost_after_;
  Lifeline alive_ = Lifeline::create();
  std::future<Result<bool>> all_gone_ = alive_.future();
  std::atomic<std::uint64_t> tickets_{0};
  mutable std::atomic<int> sending_{0};  ///< Threads that use the tree at this moment.
  std::atomic<bool> stopped_{false};
};

}  // namespace hillstar::actors
