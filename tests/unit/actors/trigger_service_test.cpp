// SPDX-License-Identifier: Apache-2.0
// Timers, folders and events over a real engine: each cause starts one run, over restarts, too.
#include "actors/trigger_service.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "tests/support/engine_host.hpp"

namespace hillstar::testing {
namespace {

namespace fs = std::filesystem;

/// Time that stands still until somebody moves it.
struct HandClock final : Clock {
  std::atomic<std::int64_t> micros{1'763'805'600'000'000};  // 22 November 2025, 10:00 UTC.
  SystemClock real;
  [[nodiscard]] UtcTime utc_now() const override { return {micros.load()}; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override { return real.steady_now(); }
  void move(std::int64_t minutes) { micros += minutes * 60'000'000; }
};

/// Facts of all histories as they become durable, and what the service said.
class Witness {
 public:
  explicit Witness(Engine& engine) : engine_(engine) {
    ticket_ = *engine.watch([this](const RunId&, const auto& events) {
      const std::lock_guard lock(mutex_);
      for (const auto& recorded : *events) facts_.push_back(recorded.event);
      changed_.notify_all();
    });
  }
  ~Witness() { engine_.unwatch(ticket_); }

  std::function<void(const std::string&)> log() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
      changed_.notify_all();
    };
  }
  /// Waits until so many facts of this kind fit.
  template <class Fact>
  bool saw(
      std::size_t count, const std::function<bool(const Fact&)>& fits = [](const Fact&) { return true; }) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] {
      std::size_t found = 0;
      for (const auto& event : facts_)
        if (const auto* fact = std::get_if<Fact>(&event)) found += fits(*fact) ? 1 : 0;
      return found >= count;
    });
  }
  bool heard(std::string_view part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] {
      return std::any_of(lines_.begin(), lines_.end(), [&](const auto& line) { return line.find(part) != line.npos; });
    });
  }
  template <class Fact>
  std::vector<Fact> all() {
    const std::lock_guard lock(mutex_);
    std::vector<Fact> found;
    for (const auto& event : facts_)
      if (const auto* fact = std::get_if<Fact>(&event)) found.push_back(*fact);
    return found;
  }

 private:
  Engine& engine_;
  std::uint64_t ticket_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> facts_;
  std::vector<std::string> lines_;
};

/// Host, witness and service, which end in the right order.
struct Served {
  explicit Served(persistence::EventStore& store, std::shared_ptr<HandClock> clock_)
      : clock(std::move(clock_)), host(store) {
    host.options.clock = clock;
    host.with(ScriptedTool()).up();
    witness = std::make_unique<Witness>(*host.engine);
  }
  void serve() {
    auto started = TriggerService::start(*host.engine, clock, witness->log());
    REQUIRE(started);
    service = *std::move(started);
  }
  void declare(EntryPoint entry, const std::string& workspace = "/") const {
    DeclareStream request;
    entry.id = "e";
    request.entry = std::move(entry);
    request.plan = PlanBuilder("a").plan();
    request.workflow_text = "{}";
    request.workspace = workspace;
    request.declared_by = "tester";
    const auto declared = host.engine->declare(std::move(request));
    REQUIRE_MESSAGE(declared, (declared ? "" : to_string(declared.error())));
  }
  [[nodiscard]] std::size_t runs() const {
    std::size_t count = 0;
    CHECK(host.store.list([&](const run::Summary&) { return ++count > 0; }));
    return count;
  }

  std::shared_ptr<HandClock> clock;
  Host host;
  std::unique_ptr<Witness> witness;
  std::unique_ptr<TriggerService> service;
};

EntryPoint hourly(CatchUp catch_up = CatchUp::skip) {
  EntryPoint entry;
  entry.trigger = TriggerKind::timer;
  entry.timer = TimerTrigger{"0 * * * *", {}, {}, {}, catch_up, false};
  entry.overlap = Overlap::allow;
  return entry;
}

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "hillstar_service_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code code;
    fs::remove_all(path, code);
  }
  fs::path path;
};

bool has_run(const TimerFired& fired) { return fired.run.has_value(); }

TEST_CASE("triggers: a timer starts a run when its time comes, and each once over restarts") {
  persistence::MemoryStore store;
  const auto clock = std::make_shared<HandClock>();
  {
    Served served(store, clock);
    served.serve();
    served.declare(hourly());
    clock->move(60);
    served.service->look_again();
    REQUIRE(served.witness->saw<TimerFired>(1, has_run));
    const auto started = served.witness->all<RunStarted>();
    REQUIRE(started.size() == 1);
    REQUIRE(started[0].trigger);
    CHECK(started[0].trigger->kind == TriggerKind::timer);
    CHECK(to_rfc3339(*started[0].trigger->due) == "2025-11-22T11:00:00.000000Z");
    CHECK(started[0].trigger->key == "timer:2025-11-22T11:00:00.000000Z");
  }
  clock->move(30);
  Served again(store, clock);
  again.serve();
  clock->move(30);
  again.service->look_again();
  REQUIRE(again.witness->saw<TimerFired>(1, has_run));
  CHECK(again.runs() == 2);
}

TEST_CASE("triggers: firings that nobody was there for are made up for as the timer says") {
  for (const auto& [policy, runs] :
       {std::pair{CatchUp::skip, 0U}, std::pair{CatchUp::once, 1U}, std::pair{CatchUp::all, 3U}}) {
    CAPTURE(static_cast<int>(policy));
    persistence::MemoryStore store;
    const auto clock = std::make_shared<HandClock>();
    Served served(store, clock);
    served.declare(hourly(policy));
    clock->move(210);
    served.serve();
    if (runs == 0) {
      REQUIRE(served.witness->saw<TimerFired>(1));
      const auto fired = served.witness->all<TimerFired>();
      CHECK(fired[0].skipped == "3 firings missed (catch_up: skip)");
      CHECK(to_rfc3339(fired[0].due) == "2025-11-22T13:00:00.000000Z");
    } else {
      REQUIRE(served.witness->saw<TimerFired>(runs, has_run));
    }
    served.service.reset();
    CHECK(served.runs() == runs);
  }
}

TEST_CASE("triggers: a time zone that is not there stops one timer, and is said") {
  persistence::MemoryStore store;
  Served served(store, std::make_shared<HandClock>());
  auto entry = hourly();
  entry.timer->time_zone = "Europe/Nowhere";
  served.declare(entry);
  served.serve();
  CHECK(served.witness->heard("Europe/Nowhere"));
}

TEST_CASE("triggers: each content of a folder starts one run, whatever the file is called, over restarts, too") {
  const Folder folder;
  persistence::MemoryStore store;
  EntryPoint entry;
  entry.trigger = TriggerKind::file;
  entry.file = FileTrigger{"in", "*.csv", Millis(0)};
  fs::create_directory(folder.path / "in");
  const auto put = [&](const std::string& name, const std::string& text) {
    // In one step, as a careful writer does.
    std::ofstream(folder.path / "part") << text;
    fs::rename(folder.path / "part", folder.path / "in" / name);
  };
  const auto clock = std::make_shared<HandClock>();
  put("there.csv", "one");
  {
    Served served(store, clock);
    served.serve();
    served.declare(entry, folder.path.string());
    REQUIRE(served.witness->saw<RunStarted>(1));
    put("new.csv", "two");
    put("other.txt", "three");
    put("copy.csv", "one");
    put("last.csv", "four");
    REQUIRE(served.witness->saw<RunStarted>(3));
    served.service.reset();
    CHECK(served.runs() == 3);
  }
  Served again(store, clock);
  again.serve();
  put("more.csv", "five");
  REQUIRE(again.witness->saw<RunStarted>(1));
  again.service.reset();
  CHECK(again.runs() == 4);
}

TEST_CASE("triggers: runs that cause one another end at the depth of the trigger") {
  persistence::MemoryStore store;
  Served served(store, std::make_shared<HandClock>());
  served.serve();
  EntryPoint entry;
  entry.trigger = TriggerKind::event;
  entry.event = EventTrigger{{"run_completed"}, {}, {}, {}, 3};
  served.declare(entry);
  const auto first = served.host.start(PlanBuilder("a").plan());
  REQUIRE(served.witness->heard("HS809"));
  served.service.reset();
  CHECK(served.runs() == 4);
  const auto started = served.witness->all<RunStarted>();
  REQUIRE(started.size() == 4);
  CHECK(started[1].trigger->cause->run == first);
  CHECK(started[3].trigger->depth == 3);
}

TEST_CASE("triggers: what happened while nobody looked is found afterwards, and nothing twice") {
  persistence::MemoryStore store;
  const auto clock = std::make_shared<HandClock>();
  Served served(store, clock);
  EntryPoint entry;
  entry.trigger = TriggerKind::event;
  entry.event = EventTrigger{{"run_completed"}, {}, {}, {}, 1};
  served.declare(entry);
  for (int i = 0; i < 3; ++i) CHECK(served.host.run(PlanBuilder("a").plan()) == "completed");
  served.serve();
  REQUIRE(served.witness->saw<RunStarted>(6));
  served.service.reset();
  clock->move(1);
  served.serve();
  CHECK(served.host.run(PlanBuilder("a").plan()) == "completed");
  REQUIRE(served.witness->saw<RunStarted>(8));
  served.service.reset();
  CHECK(served.runs() == 8);
}

}  // namespace
}  // namespace hillstar::testing
