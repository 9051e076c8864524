// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/host_calls.hpp"

#include "apps/cli/environment.hpp"
#include "messages/json_codec.hpp"

namespace hillstar::cli {

std::optional<RunId> run_begun_by(const Call& call) {
  if (call.method != "start" && call.method != "environment") return std::nullopt;
  const auto params = call.params.value();
  const auto* id = json::member(params, "run");
  if (id == nullptr || !id->is_string()) return std::nullopt;
  return RunId(std::string(id->get_string()));
}

Result<Json> perform_call(Client& service, const Call& call, uid_t peer) {
  if (call.method == "start") {
    HILLSTAR_TRY(auto job, json::read<StartJob>(call.params.value(), "start"));
    job.started_by = person_of(peer);
    HILLSTAR_TRY(const auto run, service.start(job));
    return Json::string(run.str());
  }
  if (call.method == "tell") {
    HILLSTAR_TRY(auto tell, json::read<TellCall>(call.params.value(), "tell"));
    // Who somebody is, says the system.
    tell.word.who = person_of(peer);
    HILLSTAR_TRY(const auto events, service.tell(tell.run, tell.word));
    return events_to_json(tell.run, events);
  }
  if (call.method == "environment") {
    HILLSTAR_TRY(const auto given, json::read<EnvironmentCall>(call.params.value(), "environment"));
    HILLSTAR_CHECK(service.set_environment(given.run, given.environment));
    return Json();
  }
  if (call.method == "state") {
    HILLSTAR_TRY(auto ask, json::read<StateAsk>(call.params.value(), "state"));
    ask.who = person_of(peer);
    return service.ask_state(ask);
  }
  if (call.method == "live") {
    HILLSTAR_TRY(const auto runs, service.live_runs());
    return Json::from_canonical(json::to_text(runs));
  }
  if (call.method == "ask") {
    HILLSTAR_TRY(auto question, json::read<Question>(call.params.value(), "ask"));
    question.who = person_of(peer);
    return service.ask(question);
  }
  return Error{Errc::host_protocol, "The host knows no method '" + call.method + "'."};
}

}  // namespace hillstar::cli
