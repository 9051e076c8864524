// SPDX-License-Identifier: Apache-2.0
// About the store as a whole: /v1/top, what goes on; /v1/gc, which removes what nobody keeps.
#include <mutex>
#include <thread>

#include "apps/http/api_context.hpp"

namespace hillstar::http {
namespace {

Result<Response> top(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto document, api.client->ask({cli::Topic::top, {}, {}, {}}));
  return json_response(document);
}

/// A thread for what takes long, one thing at a time. Ends when the last route that knows it does.
class Hand {
 public:
  Hand() = default;
  ~Hand() {
    if (thread_.joinable()) thread_.join();
  }
  Hand(const Hand&) = delete;
  Hand& operator=(const Hand&) = delete;

  /// False: it is busy.
  bool take(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (busy_) return false;
    if (thread_.joinable()) thread_.join();
    busy_ = true;
    thread_ = std::thread([this, work = std::move(work)] {
      work();
      const std::lock_guard done(mutex_);
      busy_ = false;
    });
    return true;
  }

 private:
  std::mutex mutex_;
  bool busy_ = false;
  std::thread thread_;
};

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

}  // namespace

std::vector<Route> store_routes(const ApiPtr& api) {
  return {{"GET", "/v1/top", Scope::read, 0, plain(api, top)},
          {"POST", "/v1/gc", Scope::admin, kSmallBodyMax,
           [api, hand = std::make_shared<Hand>()](const RequestPtr& request, const AnswerPtr& answer) {
             collect(api, hand, request, answer);
           }}};
}

}  // namespace hillstar::http
