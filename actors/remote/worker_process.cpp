// SPDX-License-Identifier: Apache-2.0
// Wiring of a worker: what an engine has for making attempts, and nothing of what decides about runs.
#include <unistd.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <utility>

#include "actors/engine_defaults.hpp"
#include "actors/provider_directory.hpp"
#include "actors/remote/orders.hpp"
#include "actors/remote/worker_actor.hpp"
#include "actors/scheduler.hpp"
#include "actors/tool_node.hpp"
#include "actors/tool_slots.hpp"
#include "actors/worker.hpp"
#include "persistence/blob_cache.hpp"
#include "providers/program/transport.hpp"

namespace hillstar {
namespace {

using namespace actors;
namespace fs = std::filesystem;

constexpr Millis kStopSlack{2'000};

struct Config : caf::actor_system_config {
  explicit Config(unsigned threads) {
    use_scheduler(*this, threads);
    wire::load(*this);
  }
};

struct Tree {
  explicit Tree(unsigned threads) : config(threads), system(config) {}
  Config config;
  caf::actor_system system;
  std::unique_ptr<persistence::BlobCache> store;
  std::shared_ptr<Services> services = std::make_shared<Services>();
  WorkerActor worker;
};

/// Output of attempts, on its way to the host.
FeedActor::behavior_type output_feed(FeedActor::stateful_pointer<caf::unit_t> self, std::shared_ptr<FeedGate> gate,
                                     std::shared_ptr<WorkerActor> worker) {
  die_quietly(self);
  return {
      [](const Committed&) {},
      [gate, worker](const Progress& piece) {
        gate->progress_pending.fetch_sub(1);
        caf::anon_send(*worker, AttemptSaid{attempt_key(piece.run, piece.node, piece.item, piece.attempt), piece.text});
      },
      [](const RunParked&) {}, [](const Follow&) {}, [](const Unfollow&) {}};
}

class WorkerImpl final : public Worker {
 public:
  explicit WorkerImpl(WorkerOptions options) : options_(std::move(options)) {}
  ~WorkerImpl() override { stop(); }

  Result<void> open();
  void drain() override { caf::anon_send(tree_->worker, DrainAsked{}); }
  std::optional<Result<void>> wait(Millis limit) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return ended_.has_value(); });
    return ended_;
  }
  void stop() override;

 private:
  Result<void> make_folders();
  void fill_services();

  WorkerOptions options_;
  std::unique_ptr<Tree> tree_;
  Lifeline alive_ = Lifeline::create();
  std::future<Result<bool>> all_gone_ = alive_.future();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Result<void>> ended_;
  bool stopped_ = false;
};

Result<void> WorkerImpl::make_folders() {
  std::error_code error;
  fs::remove_all(options_.workspace + "/attempts", error);  // of a process before this one
  fs::create_directories(options_.workspace + "/attempts", error);
  const auto refused = [&](const std::string& why) {
    return Error{Errc::worker_workspace, "The worker cannot use its folder: " + why, options_.workspace,
                 "Give it one that it can write, with --workspace DIR."};
  };
  if (error) return refused(error.message());
  if (::access(options_.workspace.c_str(), W_OK) != 0) return refused(std::strerror(errno));
  // What crossed is kept for the next attempts that need it, and only as long as this process lives.
  auto store = persistence::BlobCache::open(options_.workspace + "/cache");
  if (!store) return refused(store.error().message);
  tree_->store = std::move(*store);
  return {};
}

void WorkerImpl::fill_services() {
  auto& services = *tree_->services;
  auto& system = tree_->system;
  services.store = tree_->store.get();
  services.clock = std::make_shared<const SystemClock>();
  services.ids = std::make_shared<SystemIdSource>();
  services.transport =
      options_.transport ? options_.transport : providers::with_programs(providers::make_beast_transport());
  services.catalog = options_.catalog.empty() ? tools::standard_catalog() : std::move(options_.catalog);
  services.registry = options_.registry;
  services.read_blob = [store = services.store](const std::string& sha256) { return store->read_blob(sha256); };
  const auto handle = std::make_shared<WorkerActor>();
  services.log = [log = options_.log ? options_.log : print_line, handle](const std::string& line) {
    log(line);
    if (*handle) caf::anon_send(*handle, LineSaid{line});
  };
  services.on_fatal = end_process;
  services.on_end = [](const RunId&, const run::Summary&) {};
  services.gate = std::make_shared<FeedGate>();
  services.gate->followers = 1;
  services.cancel_grace = options_.cancel_grace;
  EngineOptions limits;
  limits.registry = services.registry;
  services.pool_limits = limits_of(limits);
  services.script_slots = options_.slots;
  services.version = options_.version.empty() ? HILLSTAR_VERSION : options_.version;
  services.feed = system.spawn(output_feed, services.gate, handle);
  services.slots = system.spawn(tool_slots, ToolSlotsParts{services.script_slots, true, alive_});
  PoolParts pool;
  pool.transport = services.transport;
  pool.clock = services.clock;
  pool.ids = services.ids;
  pool.limits = services.pool_limits;
  pool.past = [](const std::string&) { return std::vector<providers::PastCall>(); };
  pool.on_text = live_text(services.gate, services.feed);
  pool.board = std::make_shared<PoolBoard>();
  pool.alive = alive_;
  services.providers = system.spawn(provider_directory, DirectoryParts{std::move(pool), {}});
  WorkerActorParts parts;
  parts.options = options_;
  parts.services = tree_->services;
  parts.ended = [this](Result<void> how) {
    const std::scoped_lock lock(mutex_);
    ended_ = std::move(how);
    changed_.notify_all();
  };
  parts.cache = tree_->store.get();
  parts.alive = alive_;
  *handle = tree_->worker = system.spawn(worker_actor, std::move(parts));
}

Result<void> WorkerImpl::open() {
  tree_ = std::make_unique<Tree>(cores() + 1);
  HILLSTAR_CHECK(make_folders());
  fill_services();
  return {};
}

void WorkerImpl::stop() {
  if (!tree_ || std::exchange(stopped_, true)) return;
  auto& services = *tree_->services;
  if (tree_->worker) {
    auto reply = Reply<bool>::create();
    auto gone = reply.future();
    caf::anon_send(tree_->worker, LeaveHost{std::exchange(reply, {})});
    (void)gone.wait_for(options_.cancel_grace + kStopSlack);
    const auto leave = [](auto& actor) {
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
      actor = nullptr;
    };
    leave(tree_->worker);
    leave(services.providers);
    leave(services.slots);
    leave(services.feed);
    alive_ = {};
    if (all_gone_.wait_for(kStopSlack) == std::future_status::timeout) {
      options_.log("warning: a tool did not stop; its thread ends with the process");
      (void)tree_.release();
      return;
    }
    services.transport.reset();
  }
  tree_.reset();
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::start(WorkerOptions options) {
  auto worker = std::make_unique<WorkerImpl>(std::move(options));
  HILLSTAR_CHECK(worker->open());
  return Result<std::unique_ptr<Worker>>(std::move(worker));
}

}  // namespace hillstar
