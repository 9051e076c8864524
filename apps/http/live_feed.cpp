// SPDX-License-Identifier: Apache-2.0
// All state lives on one thread; the engine's log and the connections post to it. A commit is posted after it became
// durable: what was posted before a follower is let in, the follower has read from the store.
#include "apps/http/live_feed.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <unordered_map>
#include <vector>

#include "apps/cli/protocol.hpp"
#include "runtime/run/view.hpp"

namespace hillstar::http {
namespace {

namespace asio = boost::asio;

/// Records that are read from the store at once.
constexpr std::size_t kPage = 256;
/// Runs whose workflow and stream are remembered.
constexpr std::size_t kNamesMax = 10'000;

using Events = std::shared_ptr<const std::vector<Recorded>>;

struct Follower {
  std::shared_ptr<Outlet> outlet;
  std::uint64_t next_seq = 1;  // of one run
  FeedFilter filter;           // of the store
};

bool is_end(std::string_view type) {
  return type == "run_completed" || type == "run_failed" || type == "run_cancelled" || type == "run_timed_out";
}

/// What is on the thread. Outlives the feed while a closing connection still knows it.
struct Core {
  explicit Core(persistence::EventStore& store_) : store(store_) {}

  asio::io_context io;
  persistence::EventStore& store;
  std::unordered_map<std::uint64_t, Follower> of_store;
  std::unordered_map<RunId, std::unordered_map<std::uint64_t, Follower>> of_run;
  std::unordered_map<RunId, std::pair<std::string, std::optional<std::string>>> names;  // workflow, stream

  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> waiting{0};
  std::atomic<bool> overflowed{false};
  std::atomic<bool> ended{false};
  std::atomic<std::uint64_t> last_ticket{0};

  /// Writes records from `next` on as long as the store has some. False: the outlet is closed, or is to be.
  bool write_history(const RunId& run, std::uint64_t& next, Outlet& outlet) const {
    for (;;) {
      const auto page = store.read_records(run, next, kPage);
      if (!page) return false;
      for (const auto& record : *page) {
        const auto recorded = persistence::decode(record.line, run);
        if (!recorded) return false;
        const auto type = type_name(recorded->event);
        if (!outlet.write(std::to_string(record.seq), type, record.line)) return false;
        next = record.seq + 1;
        if (is_end(type)) return false;
      }
      if (page->size() < kPage) return true;
    }
  }

  void on_commit(const RunId& run, const Events& events) {
    waiting.fetch_sub(1);
    if (overflowed.exchange(false)) return close_all();
    const auto found = of_run.find(run);
    if (found == of_run.end() && of_store.empty()) return;
    std::vector<std::uint64_t> gone;
    std::vector<std::pair<std::uint64_t, std::shared_ptr<Outlet>>> over;
    for (const auto& recorded : *events) {
      const auto type = type_name(recorded.event);
      std::string line;
      const auto write = [&](std::uint64_t ticket, Follower& follower, std::string_view id) {
        if (line.empty()) line = cli::record_line(run, recorded);
        if (!follower.outlet->write(id, type, line)) gone.push_back(ticket);
      };
      if (found != of_run.end())
        for (auto& [ticket, follower] : found->second) {
          if (recorded.seq < follower.next_seq) continue;
          follower.next_seq = recorded.seq + 1;
          write(ticket, follower, std::to_string(recorded.seq));
          if (is_end(type)) over.emplace_back(ticket, follower.outlet);
        }
      for (auto& [ticket, follower] : of_store)
        if (is_wanted(follower.filter, run, recorded, type)) write(ticket, follower, {});
    }
    for (const auto& [ticket, outlet] : over) {
      forget(run, ticket);
      outlet->close();
    }
    for (const auto ticket : gone) forget(run, ticket);
  }

  bool is_wanted(const FeedFilter& filter, const RunId& run, const Recorded& recorded, std::string_view type) {
    if (!filter.types.empty() && !filter.types.contains(type)) return false;
    if (filter.run && run != *filter.run) return false;
    if (!filter.workflow && !filter.stream) return true;
    if (!is_run_history(run)) return false;
    auto known = names.find(run);
    if (known == names.end()) {
      std::pair<std::string, std::optional<std::string>> name;
      if (const auto* started = std::get_if<RunStarted>(&recorded.event)) {
        name.first = started->workflow.str();
        if (started->trigger) name.second = started->trigger->stream;
      } else if (const auto row = store.summary(run)) {
        name = {row->workflow.str(), row->stream};
      }
      if (names.size() >= kNamesMax) names.clear();
      known = names.emplace(run, std::move(name)).first;
    }
    return (!filter.workflow || known->second.first == *filter.workflow) &&
           (!filter.stream || known->second.second == *filter.stream);
  }

  void forget(const RunId& run, std::uint64_t ticket) {
    std::size_t erased = of_store.erase(ticket);
    if (const auto found = of_run.find(run); found != of_run.end()) {
      erased += found->second.erase(ticket);
      if (found->second.empty()) of_run.erase(found);
    }
    open.fetch_sub(erased);
  }

  void close_all() {
    auto stores = std::exchange(of_store, {});
    auto runs = std::exchange(of_run, {});
    // Those that are counted, and not let in yet, stay counted.
    open.fetch_sub(stores.size());
    for (auto& [ticket, follower] : stores) follower.outlet->close();
    for (auto& [run, followers] : runs) {
      open.fetch_sub(followers.size());
      for (auto& [ticket, follower] : followers) follower.outlet->close();
    }
  }
};

class Feed final : public LiveFeed {
 public:
  Feed(Engine& engine, persistence::EventStore& store) : engine_(engine), core_(std::make_shared<Core>(store)) {
    thread_ = std::thread([core = core_] {
      const auto work = asio::make_work_guard(core->io);
      core->io.run();
    });
    const auto ticket = engine_.watch([core = core_](const RunId& run, const Events& events) {
      // On the log's thread, which must not wait.
      if (core->open.load(std::memory_order_relaxed) == 0) return;
      if (core->waiting.load() >= kCommitsWaitingMax) {
        core->overflowed = true;
        return;
      }
      core->waiting.fetch_add(1);
      asio::post(core->io, [core, run, events] { core->on_commit(run, events); });
    });
    if (ticket)
      ticket_ = *ticket;
    else
      refused_ = ticket.error();
  }

  ~Feed() override {
    if (ticket_) engine_.unwatch(*ticket_);
    core_->ended = true;
    asio::post(core_->io, [core = core_] {
      core->close_all();
      core->io.stop();
    });
    thread_.join();
  }

  [[nodiscard]] Result<void> has_room() const override {
    if (refused_) return *refused_;
    if (core_->open.load() >= kOutletsMax)
      return Error{Errc::rate_limited, "The service serves " + std::to_string(kOutletsMax) + " feeds already.", {}, {}};
    return {};
  }

  Result<void> follow_run(const RunId& run, std::uint64_t from_seq, std::shared_ptr<Outlet> outlet) override {
    HILLSTAR_CHECK(has_room());
    std::uint64_t next = std::max<std::uint64_t>(from_seq, 1);
    // Counted first, so that from here on commits are posted: none is missed between the last page and the feed.
    core_->open.fetch_add(1);
    if (!core_->write_history(run, next, *outlet)) {
      core_->open.fetch_sub(1);
      outlet->close();
      return {};
    }
    const auto ticket = ++core_->last_ticket;
    asio::post(core_->io, [core = core_, run, next, ticket, outlet]() mutable {
      // Commits that were posted before this are in the store, and are read here; those after it come live.
      if (core->ended || !core->write_history(run, next, *outlet)) {
        core->open.fetch_sub(1);
        return outlet->close();
      }
      core->of_run[run][ticket] = {outlet, next, {}};
      forget_when_closed(core, *outlet, run, ticket);
    });
    return {};
  }

  Result<void> follow_store(FeedFilter filter, std::shared_ptr<Outlet> outlet) override {
    HILLSTAR_CHECK(has_room());
    core_->open.fetch_add(1);
    const auto ticket = ++core_->last_ticket;
    asio::post(core_->io, [core = core_, filter = std::move(filter), ticket, outlet]() mutable {
      if (core->ended) return outlet->close();
      core->of_store[ticket] = {outlet, 1, std::move(filter)};
      forget_when_closed(core, *outlet, RunId(), ticket);
    });
    return {};
  }

 private:
  static void forget_when_closed(const std::shared_ptr<Core>& core, Outlet& outlet, const RunId& run,
                                 std::uint64_t ticket) {
    outlet.on_closed([weak = std::weak_ptr<Core>(core), run, ticket] {
      if (const auto still = weak.lock()) asio::post(still->io, [still, run, ticket] { still->forget(run, ticket); });
    });
  }

  Engine& engine_;
  std::shared_ptr<Core> core_;
  std::optional<std::uint64_t> ticket_;
  std::optional<Error> refused_;
  std::thread thread_;
};

}  // namespace

std::shared_ptr<LiveFeed> LiveFeed::over(Engine& engine, persistence::EventStore& store) {
  return std::make_shared<Feed>(engine, store);
}

}  // namespace hillstar::http
