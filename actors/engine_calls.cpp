// SPDX-License-Identifier: Apache-2.0
// Calls of other threads.
#include <algorithm>
#include <caf/send.hpp>
#include <filesystem>
#include <utility>

#include "actors/engine_impl.hpp"
#include "actors/feed.hpp"
#include "actors/state_scope.hpp"
#include "runtime/platform/authority.hpp"
#include "runtime/platform/clock.hpp"

namespace hillstar::actors {
namespace {

/// Who lets workers in by a token has the authority at hand, and lets them stay.
RenewCertificate renewal_by(const WorkersAt& at) {
  if (!at.enroll) return {};
  const Authority authority(std::filesystem::path(at.authority).parent_path().string(),
                            [] { return SystemClock().utc_now(); });
  return [authority](const std::string& request, const std::string& fingerprint) {
    return authority.renew(request, fingerprint);
  };
}

}  // namespace

Result<void> EngineImpl::check(const RunId& run, bool alive) const {
  const auto row = store_.summary(run);
  if (!row) return row.error();
  if (alive && run::is_terminal(*row))
    return Error{Errc::run_state, "the run is " + row->status, run.str(),
                 "Nothing can be told to a run that has ended."};
  return {};
}

Result<RunId> EngineImpl::start(StartRun request) {
  return ask<RunId>([&](Tree& tree, Reply<RunId> reply) {
    caf::anon_send(tree.supervisor, StartRequest{std::make_shared<StartRun>(std::move(request)), std::move(reply)});
  });
}

void EngineImpl::start_async(StartRun request, std::function<void(Result<RunId>)> done) {
  const auto reply = Reply<RunId>::call(std::move(done));
  send([&](Tree& tree) {
    caf::anon_send(tree.supervisor, StartRequest{std::make_shared<StartRun>(std::move(request)), reply});
  });
}

Result<std::uint64_t> EngineImpl::follow(const RunId& run, std::uint64_t from_seq, FeedCallback callback) {
  HILLSTAR_CHECK(check(run, false));
  return ask<std::uint64_t>([&](Tree& tree, Reply<std::uint64_t> reply) {
    caf::anon_send(tree.services->feed, Follow{++tickets_, run, from_seq, std::move(callback), std::move(reply)});
  });
}

void EngineImpl::unfollow(std::uint64_t ticket) {
  // An engine that stopped calls nobody either.
  (void)ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.services->feed, Unfollow{ticket, std::move(reply)});
  });
}

Result<std::uint64_t> EngineImpl::watch(CommitCallback callback) {
  return ask<std::uint64_t>([&](Tree& tree, Reply<std::uint64_t> reply) {
    caf::anon_send(tree.services->event_log, WatchLog{++tickets_, std::move(callback), std::move(reply)});
  });
}

void EngineImpl::unwatch(std::uint64_t ticket) {
  (void)ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.services->event_log, UnwatchLog{ticket, std::move(reply)});
  });
}

Result<std::vector<Event>> EngineImpl::tell(const RunId& run, Input input) {
  HILLSTAR_CHECK(check(run, true));
  auto facts = ask<std::vector<Event>>([&](Tree& tree, Reply<std::vector<Event>> reply) {
    caf::anon_send(tree.supervisor, TellRun{run, std::move(input), std::move(reply)});
  });
  // The run may have ended while this was on its way.
  if (!facts) HILLSTAR_CHECK(check(run, true));
  return facts;
}

Result<void> EngineImpl::set_environment(const RunId& run, std::vector<std::string> environment) {
  HILLSTAR_CHECK(check(run, true));
  const auto done = ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.supervisor, SetEnvironment{run, std::move(environment), {}, std::move(reply)});
  });
  // As above.
  if (!done) HILLSTAR_CHECK(check(run, true));
  if (!done) return done.error();
  return {};
}

// -- streams ------------------------------------------------------------------------------------------

Result<StreamStatus> EngineImpl::declare(DeclareStream request) {
  return ask<StreamStatus>([&](Tree& tree, Reply<StreamStatus> reply) {
    caf::anon_send(tree.services->streams,
                   DeclareRequest{std::make_shared<DeclareStream>(std::move(request)), std::move(reply)});
  });
}

void EngineImpl::trigger_async(TriggerRun request, std::function<void(Result<Accepted>)> done) {
  const auto reply = Reply<Accepted>::call(std::move(done));
  send([&](Tree& tree) {
    caf::anon_send(tree.services->streams, OfferRun{std::make_shared<TriggerRun>(std::move(request)), reply});
  });
}

Result<void> EngineImpl::tell_stream(const std::string& stream, Event fact) {
  const auto done = ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.services->streams, TellStream{stream, std::move(fact), std::move(reply)});
  });
  if (!done) return done.error();
  return {};
}

Result<void> EngineImpl::hold(const std::string& stream, bool held, std::string who, std::string reason) {
  if (held) return tell_stream(stream, StreamHeld{std::move(who), std::move(reason)});
  return tell_stream(stream, StreamReleased{std::move(who)});
}

Result<void> EngineImpl::remove(const std::string& stream, std::string who) {
  return tell_stream(stream, StreamRemoved{std::move(who)});
}

Result<void> EngineImpl::skip_firing(const std::string& stream, UtcTime due, std::string reason) {
  return tell_stream(stream, TimerFired{due, std::nullopt, std::move(reason)});
}

Result<void> EngineImpl::move_cursor(const std::string& stream, std::uint64_t position) {
  return tell_stream(stream, CursorMoved{position});
}

void EngineImpl::end_chain(const std::string& stream, std::string why) {
  send([&](Tree& tree) { caf::anon_send(tree.services->streams, EndChain{stream, std::move(why)}); });
}

Result<void> EngineImpl::between_commits(std::function<Result<bool>()> step) {
  const auto done = ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.services->event_log, Housework{std::move(step), std::move(reply)});
  });
  if (!done) return done.error();
  send([&](Tree& tree) { caf::anon_send(tree.services->streams, CountAgain{}); });
  return {};
}

std::vector<StreamStatus> EngineImpl::streams() const {
  return ask<std::vector<StreamStatus>>([](Tree& tree, Reply<std::vector<StreamStatus>> reply) {
           caf::anon_send(tree.services->streams, ListStreams{std::move(reply)});
         })
      .value_or({});
}

Result<Json> EngineImpl::ask_state(AskState request) {
  auto asked = asked_by_person(std::move(request));
  HILLSTAR_TRY(auto outcome, ask<StateOutcome>([&](Tree& tree, Reply<StateOutcome> reply) {
                 asked.reply = std::move(reply);
                 caf::anon_send(tree.services->states, std::move(asked));
               }));
  return for_person(std::move(outcome));
}

std::vector<RunId> EngineImpl::live_runs() const {
  auto runs = ask<std::vector<RunId>>([](Tree& tree, Reply<std::vector<RunId>> reply) {
                caf::anon_send(tree.supervisor, ListLive{std::move(reply)});
              }).value_or({});
  // The last breath of a run's actor comes after its end is durable, and the store knows the end.
  runs.erase(std::remove_if(runs.begin(), runs.end(), [&](const RunId& run) { return !check(run, true); }), runs.end());
  return runs;
}

// -- workers ------------------------------------------------------------------------------------------

Result<std::uint16_t> EngineImpl::take_workers(WorkersAt at) {
  wire::ListenOptions options;
  options.address = at.address;
  options.port = at.port;
  options.credentials = {at.certificate, at.key, at.authority, at.revocation};
  caf::anon_send(tree_->services->workers, UseAuthority{renewal_by(at)});
  options.enroll = std::move(at.enroll);
  options.log = tree_->services->log;
  options.claim_key = [workers = tree_->services->workers](Secret key) {
    caf::anon_send(workers, UseClaimKey{std::move(key)});
  };
  HILLSTAR_TRY(tree_->listener,
               wire::Listener::open(tree_->system, std::move(options), wire::Owner(tree_->services->workers)));
  return tree_->listener->port();
}

std::vector<WorkerStatus> EngineImpl::workers() const {
  return ask<std::vector<WorkerStatus>>([](Tree& tree, Reply<std::vector<WorkerStatus>> reply) {
           caf::anon_send(tree.services->workers, ListWorkers{std::move(reply)});
         })
      .value_or({});
}

Result<void> EngineImpl::change_worker(const std::string& name, WorkerChange change) {
  const auto done = ask<bool>([&](Tree& tree, Reply<bool> reply) {
    caf::anon_send(tree.services->workers, TellWorker{name, change, std::move(reply)});
  });
  if (!done) return done.error();
  return {};
}

}  // namespace hillstar::actors
