// SPDX-License-Identifier: Apache-2.0
// GET /v1/events: what becomes durable in the whole store, live.
#include "apps/http/api_context.hpp"

namespace hillstar::http {
namespace {

constexpr std::size_t kTypesMax = 64;

Result<FeedFilter> filter_of(const Request& request) {
  FeedFilter filter;
  std::string_view rest = request.asked("type").value_or("");
  while (!rest.empty()) {
    const auto word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    const bool plain = !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
    if (!plain || filter.types.size() >= kTypesMax)
      return Error{Errc::usage, "Expected names of events with commas between.", "?type",
                   "For example ?type=run_completed,run_failed."};
    filter.types.emplace(word);
  }
  if (const auto workflow = request.asked("workflow")) filter.workflow = std::string(*workflow);
  if (const auto stream = request.asked("stream")) filter.stream = std::string(*stream);
  if (const auto run = request.asked("run")) {
    if (!is_run_id(*run)) return Error{Errc::usage, "Expected the id of a run.", "?run", {}};
    filter.run = RunId(std::string(*run));
  }
  return filter;
}

/// Nothing else is here to be had: who says nothing about it gets events.
bool takes_events(const Request& request) {
  const auto accept = request.header("accept");
  return !accept || accept->find("*/*") != std::string_view::npos || accept->find("text/*") != std::string_view::npos ||
         accepts_events(request);
}

void follow(const ApiPtr& api, const RequestPtr& request, const AnswerPtr& answer) {
  const auto done = [&]() -> Result<void> {
    HILLSTAR_CHECK(check_query(*request, {"type", "workflow", "stream", "run"}));
    HILLSTAR_TRY(auto filter, filter_of(*request));
    if (!takes_events(*request))
      return Error{Errc::usage, "This is a live feed: ask for text/event-stream, or open a WebSocket.", "Accept",
                   "What happened before is at /v1/runs/{run}/events."};
    HILLSTAR_CHECK(api->feed->has_room());
    if (auto outlet = answer->stream()) return api->feed->follow_store(std::move(filter), std::move(outlet));
    return {};
  }();
  if (!done) answer->send(problem_with(done.error(), {}, done.error().where == "Accept" ? 406 : 0));
}

}  // namespace

std::vector<Route> feed_routes(const ApiPtr& api) {
  return {{"GET", "/v1/events", Scope::read, 0,
           [api](const RequestPtr& request, const AnswerPtr& answer) { follow(api, request, answer); }}};
}

}  // namespace hillstar::http
