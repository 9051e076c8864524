// SPDX-License-Identifier: Apache-2.0
// serve: the host of a store that stays, and answers programs over HTTP as well as terminals over its socket.
#include <unistd.h>

#include <boost/json.hpp>
#include <charconv>
#include <filesystem>

#include "actors/trigger_service.hpp"
#include "apps/cli/carry.hpp"
#include "apps/cli/engine_pulse.hpp"
#include "apps/cli/environment.hpp"
#include "apps/cli/gc_timer.hpp"
#include "apps/cli/link.hpp"
#include "apps/cli/log_lines.hpp"
#include "apps/cli/registry_file.hpp"
#include "apps/cli/serve_commands.hpp"
#include "apps/cli/service_manager.hpp"
#include "apps/cli/service_signals.hpp"
#include "apps/cli/span.hpp"
#include "apps/cli/telemetry_link.hpp"
#include "apps/cli/text.hpp"
#include "apps/cli/version.hpp"
#include "apps/cli/worker_place.hpp"
#include "apps/cli/workflow_file.hpp"
#include "apps/http/api.hpp"
#include "apps/http/server.hpp"
#include "apps/http/service_routes.hpp"
#include "apps/http/target.hpp"

namespace hillstar::cli {
namespace {

/// Descriptors that the store, scripts and models need besides the connections.
constexpr std::size_t kOtherFiles = 1'024;
constexpr std::chrono::milliseconds kPulseEvery{2'000};
constexpr std::uint64_t kMiB = 1U << 20U;

struct Place {
  std::string address;
  std::uint16_t port = 0;
};

Result<Place> place_of(const std::string& text) {
  const auto bad = Error{Errc::usage, "'" + text + "' is no address to listen on.", "--listen",
                         "Give an IPv4 or IPv6 address and a port, such as 127.0.0.1:8787 or [::1]:8787."};
  const auto authority = http::read_authority(text);
  if (!authority || !authority->port) return bad;
  return Place{authority->host == "localhost" ? "127.0.0.1" : authority->host, *authority->port};
}

/// What a file on the command line declares.
struct Declared {
  std::string file;
  std::string text;
  std::shared_ptr<const workflow::Plan> plan;
};

/// Nothing: an error was shown.
Result<std::optional<std::vector<Declared>>> load_files(Context& context, const ServeArgs& args) {
  HILLSTAR_TRY(const auto registry, load_registry(context.environment));
  std::vector<Declared> all;
  bool good = true;
  for (const auto& file : args.files) {
    HILLSTAR_TRY(auto loaded, load_workflow(file, {false, *registry, context.environment, false}));
    good = show_diagnostics(context.output, loaded.compiled.diagnostics, file) && good;
    if (!good) continue;
    auto plan = *std::move(loaded.compiled.plan);
    // A workflow that says nothing about it can be started by hand and over the API.
    if (plan.entry_points.empty()) plan.entry_points.emplace_back().id = "default";
    all.push_back({file, std::move(loaded.text), std::make_shared<const workflow::Plan>(std::move(plan))});
  }
  if (!good) return std::optional<std::vector<Declared>>();
  return std::optional(std::move(all));
}

/// The service's own, and what the workflows ask for; the first to name a variable wins.
Result<std::vector<std::string>> environment_for(const Context& context, const ServeArgs& args,
                                                 const std::vector<Declared>& files, const std::string& workspace) {
  HILLSTAR_TRY(auto environment, variables_for(context, "", workspace, args.env_file, nullptr));
  for (const auto& declared : files) {
    HILLSTAR_TRY(const auto more, variables_for(context, declared.file, workspace, args.env_file, declared.plan.get()));
    for (const auto& entry : more)
      if (!variable(environment, entry.substr(0, entry.find('=')))) environment.push_back(entry);
  }
  return without_service_variables(std::move(environment));
}

Result<void> declare(Engine& engine, const std::vector<Declared>& files, const std::string& workspace) {
  for (const auto& declared : files) {
    for (const auto& entry : declared.plan->entry_points) {
      DeclareStream request;
      request.entry = entry;
      request.plan = declared.plan;
      request.workflow_text = declared.text;
      request.workflow_file = declared.file;
      request.workspace = workspace;
      request.output_dir = absolute_path(".hillstar");
      for (const auto& folder : declared.plan->file_access) request.allow_paths.push_back(absolute_path(folder));
      request.declared_by = person();
      if (const auto made = engine.declare(std::move(request)); !made) {
        auto error = made.error();
        if (error.where.empty()) error.where = declared.file + ", entry point " + entry.id;
        return error;
      }
    }
  }
  return {};
}

/// Lines of the service and of its engine, in the form that was asked for.
class Talk {
 public:
  Talk(Context& context, const ServeArgs& args, EngineNotes& notes)
      : output_(context.output), notes_(notes), as_json_(args.log_format == "json") {
    // Before there is a store, no run has a trace.
    if (as_json_) notes_.write_as([](const std::string& line) { return log_json(SystemClock().utc_now(), line, {}); });
  }
  void warn(const std::string& line) {
    if (as_json_) return notes_.add(output_.masked(line));
    output_.warn(line);
  }
  void say(const std::string& line) {
    if (!output_.quiet()) warn(line);
  }
  void knows(const std::shared_ptr<const persistence::EventStore>& store) {
    if (!as_json_) return;
    notes_.write_as([weak = std::weak_ptr(store)](const std::string& line) {
      return log_json(SystemClock().utc_now(), line, [&](const RunId& run) {
        const auto held = weak.lock();
        return held ? trace_id_of(*held, run) : std::string();
      });
    });
  }
  [[nodiscard]] bool as_json() const { return as_json_; }

 private:
  Output& output_;
  EngineNotes& notes_;
  bool as_json_;
};

Result<http::ServerOptions> options_of(const Context& context, const ServeArgs& args, EngineNotes& notes, Talk& talk) {
  http::ServerOptions options;
  HILLSTAR_TRY(const auto place, place_of(args.listen));
  options.address = place.address;
  options.port = place.port;
  options.certificate = args.certificate.empty() ? "" : absolute_path(args.certificate);
  options.key = args.key.empty() ? "" : absolute_path(args.key);
  options.gate.names = {args.hosts, args.origins};
  for (const auto& host : args.hosts) {
    const auto authority = http::read_authority(host.find(':') == std::string::npos ? host : "[" + host + "]");
    if (!authority || authority->port)
      return Error{Errc::usage, "'" + host + "' is no name of a host.", "--allow-host", "Give it without a port."};
  }
  options.gate.requests_per_second = args.rate_limit;
  options.gate.burst = 2 * args.rate_limit;
  const auto files = http::raise_open_files();
  options.connections_max = args.connections_max;
  if (files < args.connections_max + kOtherFiles) {
    options.connections_max = files > 2 * kOtherFiles ? files - kOtherFiles : std::max<std::size_t>(files / 2, 1);
    talk.warn("warning: the system allows " + std::to_string(files) + " open files, so that no more than " +
              std::to_string(options.connections_max) + " connections are taken (ulimit -Hn)");
  }
  options.tokens = std::make_shared<http::TokenFile>(http::tokens_path(context.store));
  if (const auto trouble = options.tokens->trouble()) return *trouble;
  options.clock = std::make_shared<SystemClock>();
  options.traffic = std::make_shared<http::Traffic>();
  options.log = [&notes](const std::string& line) { notes.add(line); };
  if (args.access_log != "off") {
    HILLSTAR_TRY(options.access, http::AccessLog::open(args.access_log == "-" ? "-" : absolute_path(args.access_log),
                                                       talk.as_json(), options.log));
  }
  if (!http::is_loopback(place.address) && args.certificate.empty())
    talk.warn("warning: tokens and data cross the network unencrypted; see --tls-cert");
  return options;
}

/// The service's own, and its resources.
Result<std::vector<http::Route>> routes_of(Link& link, const std::string& workspace, const std::string& backups,
                                           const http::ServiceFacts& facts) {
  HILLSTAR_TRY(auto registry, load_registry(process_environment()));
  auto routes = http::service_routes(facts);
  auto resources = http::api_routes({.engine = link.engine(),
                                     .store = link.store(),
                                     .refuses = [state = facts.state] { return state->refusal(); },
                                     .environment = link.options().environment,
                                     .registry = std::move(registry),
                                     .workspace = workspace,
                                     .output_dir = absolute_path(".hillstar"),
                                     .store_folder = link.options().folder,
                                     .backups = backups});
  routes.insert(routes.end(), std::make_move_iterator(resources.begin()), std::make_move_iterator(resources.end()));
  return routes;
}

void say_ready(Context& context, Talk& talk, const std::string& url, std::size_t streams) {
  auto& output = context.output;
  if (output.is_json()) {
    output.data(Json::of(boost::json::object{{"pid", ::getpid()}, {"store", context.store}, {"url", url}}));
    return;
  }
  output.data("Listening on " + url);
  talk.say("Store " + visible(context.store) + ", " + std::to_string(streams) +
           (streams == 1 ? " stream" : " streams") + ". Ctrl-C ends the service; runs go on when it is back.");
}

/// Tells the manager of services that all is well for as long as the engine answers.
std::unique_ptr<EnginePulse> pulse_of(Engine& engine, const ServiceManager& manager,
                                      const std::shared_ptr<http::ServiceState>& state) {
  auto every = kPulseEvery;
  const auto watchdog = manager.watchdog();
  if (watchdog) every = std::min(every, std::chrono::duration_cast<std::chrono::milliseconds>(*watchdog / 3));
  return std::make_unique<EnginePulse>(engine, std::max(every, std::chrono::milliseconds(1)),
                                       [&manager, state, told = watchdog.has_value()] {
                                         state->alive();
                                         if (told) manager.tell("WATCHDOG=1");
                                       });
}

/// The numbers of /metrics go to the collector as well; from when what this returns is dropped, as they are then.
std::shared_ptr<void> also_tell(const http::ServiceFacts& facts) {
  if (facts.exporter == nullptr) return nullptr;
  const auto numbers = [facts, start = SystemClock().utc_now()] {
    return http::service_metrics(facts, start, SystemClock().utc_now());
  };
  facts.exporter->also_tell(numbers);
  return {nullptr,
          [exporter = facts.exporter, numbers](void*) { exporter->also_tell([last = numbers()] { return last; }); }};
}

/// Empty: none. A folder that is not there is none of ours to make.
Result<std::string> folder_for_backups(const ServeArgs& args) {
  if (args.backups.empty()) return std::string();
  const auto folder = absolute_path(args.backups);
  std::error_code failed;
  if (std::filesystem::is_directory(folder, failed)) return folder;
  return Error{Errc::not_found, "There is no such folder for backups.", folder, "Make it first, for its owner alone."};
}

}  // namespace

Result<Exit> serve_store(Context& context, const ServeArgs& args) {
  HILLSTAR_TRY(const auto patience, span_of(args.drain_timeout));
  std::optional<Millis> gc_every;
  if (!args.gc_every.empty()) {
    HILLSTAR_TRY(gc_every, GcTimer::every(args.gc_every));
  }
  HILLSTAR_TRY(const auto backups, folder_for_backups(args));
  HILLSTAR_TRY(const auto workspace, current_folder());
  HILLSTAR_TRY(const auto files, load_files(context, args));
  if (!files) return Exit::invalid_workflow;
  HILLSTAR_TRY(auto environment, environment_for(context, args, *files, workspace));
  LinkOptions linked{.folder = context.store, .environment = std::move(environment), .recovers_all = true};
  if (!args.workers.empty()) {
    HILLSTAR_TRY(linked.workers, workers_at(args.workers, args.workers_identity, context.environment));
  }
  HILLSTAR_TRY(linked.worker_lost_after, lost_after(args.worker_lost_after));
  Link link(std::move(linked));
  Talk talk(context, args, link.notes());
  HILLSTAR_TRY(auto options, options_of(context, args, link.notes(), talk));
  const auto access = options.access;
  const auto traffic = options.traffic;
  const auto state =
      std::make_shared<http::ServiceState>(context.store, args.disk_reserve * kMiB, traffic, options.clock);
  const auto counters = std::make_shared<http::EngineCounters>(options.clock);
  // The address first: who cannot have it must not set runs going.
  HILLSTAR_TRY(auto server, http::Server::bind(std::move(options)));
  HILLSTAR_CHECK(link.host());
  HILLSTAR_TRY(const auto reading, link.reading());
  talk.knows(reading);
  const ServiceManager manager(context.environment);
  {
    HILLSTAR_TRY(const auto watch, http::EngineWatch::begin(link.engine(), counters));
    const auto pulse = pulse_of(link.engine(), manager, state);
    HILLSTAR_CHECK(declare(link.engine(), *files, workspace));
    const http::ServiceFacts facts{std::string(version()), state, traffic, counters, &link.engine(), link.exporter()};
    const auto telling = also_tell(facts);
    HILLSTAR_TRY(auto routes, routes_of(link, workspace, backups, facts));
    HILLSTAR_CHECK(server->start(std::move(routes)));
    HILLSTAR_TRY(auto triggers, TriggerService::start(link.engine(), nullptr,
                                                      [notes = &link.notes()](const auto& line) { notes->add(line); }));
    std::optional<GcTimer> gc;
    if (gc_every) gc.emplace(link.engine(), link.store(), *gc_every, link.notes());
    ServiceSignals signals([&] {
      const auto done = server->reload_certificate();
      if (access) access->reopen();
      link.notes().add(done ? "The certificate was read again." : "error " + to_string(done.error()));
    });
    say_ready(context, talk, server->url(), link.engine().streams().size());
    if (link.workers_port() != 0) talk.say("Workers join at port " + std::to_string(link.workers_port()) + ".");
    manager.tell("READY=1\nSTATUS=Listening on " + server->url());
    signals.wait_for_end();
    manager.tell("STOPPING=1\nSTATUS=Answering what was asked");
    // What comes from now on waits for the next start.
    triggers.reset();
    if (gc) gc->let_go();
    talk.say("Ending: answering what was asked, at most " + args.drain_timeout + ".");
    server->drain(patience);
    link.stop();
    server.reset();
  }
  link.close();
  return Exit::done;
}

}  // namespace hillstar::cli
