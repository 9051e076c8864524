// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/link.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "apps/cli/embedded_client.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/host.hpp"
#include "apps/cli/joined_client.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/store_owner.hpp"
#include "apps/cli/telemetry_link.hpp"
#include "apps/cli/thread_probe.hpp"
#include "apps/http/remote_client.hpp"
#include "apps/http/remote_store.hpp"
#include "persistence/memory_store.hpp"
#include "persistence/rocksdb_store.hpp"
#include "runtime/platform/clock.hpp"
#include "runtime/platform/id_source.hpp"
#include "runtime/tools/script_cage.hpp"

namespace hillstar::cli {
namespace {

/// How long an owner of the store may neither answer nor let go: opening, recovering or closing takes that long.
constexpr std::chrono::seconds kPatience{30};
/// The same for whoever must be the host: its predecessor may just be closing.
constexpr std::chrono::seconds kPatienceOfHosts{3};
constexpr std::chrono::milliseconds kPauseMin{20};
constexpr std::uint32_t kPauseSpreadMax = 180;  ///< Milliseconds.
/// Hosts that may end one after the other while a command looks for one that takes its call.
constexpr int kHostsMax = 16;

}  // namespace

Link::Link(LinkOptions options) : options_(std::move(options)) {}

Link::~Link() { close(); }

void Link::close() {
  host_.reset();
  client_.reset();
  // The last facts come while the engine stops, and are told of, too.
  if (exporter_) engine_->stop();
  exporter_.reset();
  engine_.reset();
  store_.reset();
}

void Link::stop() {
  host_.reset();
  if (engine_) engine_->stop();
}

Result<void> Link::become_host() {
  // A project's own .env does not say where a person's keys are sent.
  HILLSTAR_TRY(auto registry, load_registry(process_environment()));
  if (options_.ephemeral) {
    store_ = std::make_shared<persistence::MemoryStore>();
  } else {
    HILLSTAR_TRY(auto store, persistence::RocksStore::open(options_.folder));
    store_ = std::move(store);
  }
  if (auto granted = probe_threads(threads_of_engine()); !granted) {
    close();
    return granted;
  }
  EngineOptions engine;
  engine.registry = std::move(registry);
  if (!options_.ephemeral) engine.catalog = tools::catalog_beside(options_.folder);
  // Unless it serves: other people's interrupted runs are not a command's to go on with.
  engine.recovers_all = options_.recovers_all;
  engine.log = [notes = notes_](const std::string& line) { notes->add(line); };
  const auto telemetry = telemetry_settings(process_environment(), *notes_);
  if (telemetry && !telemetry->traces.url.empty()) engine.tracing = telemetry->sampler;
  const auto since = SystemClock().utc_now();
  engine.takes_workers = options_.workers.has_value();
  engine.worker_lost_after = options_.worker_lost_after;
  engine_ = Engine::start_up(*store_, std::move(engine), options_.environment);
  if (telemetry) exporter_ = start_export(*engine_, *telemetry, notes_, since);
  if (options_.workers) {
    const auto port = engine_->take_workers(*options_.workers);
    if (!port) {
      close();
      return port.error();
    }
    workers_port_ = *port;
  }
  client_ = embed(*engine_, *store_);
  if (options_.ephemeral) return {};
  auto host = Host::open(options_.folder, *client_);
  if (!host) {
    close();
    return host.error();
  }
  host_ = std::move(host).value();
  return {};
}

Result<void> Link::host() {
  close();
  const auto give_up = std::chrono::steady_clock::now() + kPatienceOfHosts;
  while (true) {
    const auto hosting = become_host();
    if (hosting || hosting.error().code != Errc::store_busy) return hosting;
    if (std::chrono::steady_clock::now() > give_up) {
      const auto owner = owner_of(options_.folder);
      return Error{Errc::store_busy,
                   owner == 0 ? std::string("Another process owns the store.")
                              : "Process " + std::to_string(owner) + " owns the store.",
                   options_.folder, "End it first, or name another store with --store."};
    }
    std::this_thread::sleep_for(kPauseMin);
  }
}

Result<void> Link::ask_service() {
  close();
  HILLSTAR_TRY(const auto remote, http::Remote::open(options_.folder, process_environment()));
  store_ = http::remote_store(remote);
  client_ = http::remote_client(remote);
  return {};
}

Result<void> Link::join_only() {
  if (http::is_service_url(options_.folder)) return ask_service();
  close();
  auto joined = join(options_.folder);
  if (!joined) return joined.error();
  client_ = std::move(joined).value();
  return {};
}

Result<void> Link::open() {
  close();
  if (options_.ephemeral) return become_host();
  if (http::is_service_url(options_.folder)) return ask_service();
  SystemIdSource dice;
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    // Joining is quick and usually fails at once; opening first would disturb a host that is just closing.
    const auto joined = join_only();
    if (joined || joined.error().code == Errc::host_protocol) return joined;
    const auto hosting = become_host();
    if (hosting || hosting.error().code != Errc::store_busy) return hosting;
    if (std::chrono::steady_clock::now() > give_up)
      return Error{Errc::host_unreachable, "Another process owns the store and does not answer.", options_.folder,
                   "End that process, or name another store with --store."};
    // Several terminals may wait for the same host to go: chance keeps them apart.
    std::this_thread::sleep_for(kPauseMin + std::chrono::milliseconds(dice.chance_ppm() % kPauseSpreadMax));
  }
}

template <class Call>
auto Link::repeated(const Call& call) -> decltype(call()) {
  auto answer = call();
  for (int hosts = 1; !answer && answer.error().code == Errc::host_closed && hosts < kHostsMax; ++hosts) {
    HILLSTAR_CHECK(open());
    answer = call();
  }
  return answer;
}

Result<RunId> Link::start(StartJob job) {
  job.run = SystemIdSource().new_run(SystemClock().utc_now());
  return repeated([&]() -> Result<RunId> {
    auto run = client_->start(job);
    if (run || run.error().code != Errc::host_unreachable) return run;
    // It died with the call in its hands. Only the store knows whether the run has begun.
    HILLSTAR_CHECK(open());
    HILLSTAR_TRY(const auto store, reading());
    if (store->summary(*job.run)) {
      // It may have ended already; else it goes on here.
      (void)client_->set_environment(*job.run, options_.environment);
      return *job.run;
    }
    return Error{Errc::host_closed, run.error().message};
  });
}

Result<std::vector<Event>> Link::tell(const RunId& run, const Word& word) {
  return repeated([&] { return client_->tell(run, word); });
}

Result<Json> Link::ask(const Question& question) {
  return repeated([&] { return client_->ask(question); });
}

Result<void> Link::set_environment(const RunId& run, const std::vector<std::string>& environment) {
  return repeated([&] { return client_->set_environment(run, environment); });
}

Result<Json> Link::ask_state(const StateAsk& ask) {
  return repeated([&] { return client_->ask_state(ask); });
}

std::vector<RunId> Link::followed_by_others() const { return host_ ? host_->followed() : std::vector<RunId>(); }

bool Link::leave_if_unused() const { return !host_ || host_->end_if_unused(); }

std::vector<RunId> Link::live_runs() const { return engine_ ? engine_->live_runs() : std::vector<RunId>(); }

Result<std::shared_ptr<const persistence::EventStore>> Link::reading() const {
  if (store_) return std::shared_ptr<const persistence::EventStore>(store_);
  HILLSTAR_TRY(auto store, persistence::RocksStore::open(options_.folder, {.read_only = true, .env = nullptr}));
  return std::shared_ptr<const persistence::EventStore>(std::move(store));
}

}  // namespace hillstar::cli
