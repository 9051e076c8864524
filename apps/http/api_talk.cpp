// SPDX-License-Identifier: Apache-2.0
// What a run waits to be told: signals by name, and answers to what its nodes ask.
#include <boost/describe.hpp>

#include "apps/http/api_context.hpp"
#include "apps/http/api_workflow.hpp"
#include "runtime/run/talk.hpp"

namespace hillstar::http {
namespace {

struct Signal {
  std::optional<Json> payload;
  std::optional<std::string> key;
};
BOOST_DESCRIBE_STRUCT(Signal, (), (payload, key))

struct Given {
  Json value;
};
BOOST_DESCRIBE_STRUCT(Given, (), (value))

/// A run refuses what it cannot hear, rather than to pass over it.
template <class What>
Result<Response> told(Api& api, const RunId& run, What what) {
  HILLSTAR_TRY(const auto stored, cli::load_run(api.parts.store, run));
  Input input{api.parts.clock->utc_now(), 0, std::move(what)};
  if (auto refused = run::refusal_of(stored.state, input)) return *std::move(refused);
  HILLSTAR_TRY(const auto facts, api.parts.engine.tell(run, std::move(input)));
  HILLSTAR_TRY(const auto row, api.parts.store.summary(run));
  return json_response(told_document(row, facts));
}

Result<Response> signal(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto asked, body<Signal>(request));
  HILLSTAR_TRY(const auto key, idempotency_key(request));
  if (asked.key && key && *asked.key != *key)
    return Error{Errc::json_type, "The key differs from the Idempotency-Key.", "/key", {}};
  HILLSTAR_TRY(const auto row, run_row(api, request));
  return told(
      api, row.run,
      SignalGiven{
          param(request, "name"), {{}, asked.payload.value_or(Json())}, asked.key ? asked.key : key, who_of(request)});
}

Result<Response> answer(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto asked, body<Given>(request));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  return told(api, row.run, InputGiven{param(request, "request"), {{}, asked.value}, who_of(request)});
}

}  // namespace

std::vector<Route> talk_routes(const ApiPtr& api) {
  return {{"POST", "/v1/runs/{run}/signals/{name}", Scope::operate, kTalkBodyMax, plain(api, signal)},
          {"POST", "/v1/runs/{run}/inputs/{request}", Scope::operate, kTalkBodyMax, plain(api, answer)}};
}

}  // namespace hillstar::http
