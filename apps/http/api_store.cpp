// SPDX-License-Identifier: Apache-2.0
// About the store as a whole: /v1/top, what goes on; /v1/gc, which removes what nobody keeps; /v1/workers, who makes
// attempts for it elsewhere.
#include "apps/http/api_context.hpp"
#include "apps/http/hand.hpp"

namespace hillstar::http {
namespace {

Result<Response> top(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto document, api.client->ask({cli::Topic::top, {}, {}, {}}));
  return json_response(document);
}

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

void collect(const ApiPtr& api, const std::shared_ptr<Hand>& hand, const RequestPtr& request, const AnswerPtr& answer) {
  const auto checked = check_query(*request, {});
  const auto job = checked ? body<cli::CollectJob>(*request) : Result<cli::CollectJob>(checked.error());
  if (!job) return answer->send(problem(job.error()));
  const cli::Question question{cli::Topic::collect, {}, Json::from_canonical(json::to_text(*job)), who_of(*request)};
  const bool taken = hand->take([api, question, answer] {
    const auto removed = api->client->ask(question);
    answer->send(removed ? json_response(*removed) : problem(removed.error()));
  });
  if (!taken)
    answer->send(problem({Errc::run_state, "A gc is under way in this store already.", {}, "Ask again later."}));
}

/// Those who make attempts on other machines, or one of them.
Result<Response> workers(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto document, api.client->ask({cli::Topic::workers, param(request, "worker"), {}, {}}));
  return json_response(document);
}

/// cordon, uncordon, drain: answered by the worker.
Plain change_of(cli::Topic topic) {
  return [topic](Api& api, const Request& request) -> Result<Response> {
    HILLSTAR_CHECK(check_query(request, {}));
    HILLSTAR_CHECK(body<Nothing>(request));
    HILLSTAR_TRY(const auto document, api.client->ask({topic, param(request, "worker"), {}, who_of(request)}));
    return json_response(document);
  };
}

}  // namespace

std::vector<Route> store_routes(const ApiPtr& api) {
  const std::string worker = "/v1/workers/{worker}";
  return {{"GET", "/v1/top", Scope::read, 0, plain(api, top)},
          {"GET", "/v1/workers", Scope::read, 0, plain(api, workers)},
          {"GET", worker, Scope::read, 0, plain(api, workers)},
          {"POST", worker + "/cordon", Scope::operate, kSmallBodyMax, plain(api, change_of(cli::Topic::cordon))},
          {"POST", worker + "/uncordon", Scope::operate, kSmallBodyMax, plain(api, change_of(cli::Topic::uncordon))},
          {"POST", worker + "/drain", Scope::operate, kSmallBodyMax, plain(api, change_of(cli::Topic::drain))},
          {"POST", "/v1/gc", Scope::admin, kSmallBodyMax,
           [api, hand = std::make_shared<Hand>()](const RequestPtr& request, const AnswerPtr& answer) {
             collect(api, hand, request, answer);
           }}};
}

}  // namespace hillstar::http
