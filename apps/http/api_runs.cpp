// SPDX-License-Identifier: Apache-2.0
// GET /v1/runs and what is below one run: what the store says, in the shapes of `ls`, `show`, `result`, `why`.
#include <unistd.h>

#include "apps/cli/protocol.hpp"
#include "apps/cli/run_documents.hpp"
#include "apps/cli/run_parts.hpp"
#include "apps/cli/why_command.hpp"
#include "apps/http/api_context.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;

constexpr std::uint64_t kRowsAbsent = 100;
constexpr std::uint64_t kEventsMax = 1'000;

std::optional<std::string> text_in(const Request& request, std::string_view name) {
  const auto text = request.asked(name);
  if (!text) return std::nullopt;
  return std::string(*text);
}

/// `status` may name several, with commas between.
Result<std::vector<std::string>> statuses_in(const Request& request) {
  static const std::set<std::string, std::less<>> kKnown{"queued",     "running", "waiting",   "paused",
                                                         "cancelling", "failing", "completed", "timing_out",
                                                         "failed",     "created", "cancelled", "timed_out"};
  std::vector<std::string> found;
  std::string_view rest = request.asked("status").value_or("");
  while (!rest.empty()) {
    const auto word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (!kKnown.contains(word))
      return Error{Errc::usage, "There is no status '" + json::to_utf8(word) + "'.", "?status",
                   "For example running, waiting, completed or failed."};
    found.emplace_back(word);
  }
  return found;
}

Result<persistence::RunQuery> query_of(const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"status", "workflow", "stream", "label", "part_of", "correlation", "since",
                                       "until", "limit", "before"}));
  persistence::RunQuery query;
  HILLSTAR_TRY(query.statuses, statuses_in(request));
  if (auto workflow = text_in(request, "workflow")) query.workflow = WorkflowId(*workflow);
  query.stream = text_in(request, "stream");
  query.correlation = text_in(request, "correlation");
  if (const auto above = request.asked("part_of")) {
    if (!is_run_id(*above)) return Error{Errc::usage, "Expected the id of a run.", "?part_of", {}};
    query.above = RunId(std::string(*above));
  }
  if (const auto label = request.asked("label")) {
    const auto equals = label->find('=');
    if (equals == std::string_view::npos || equals == 0)
      return Error{Errc::usage, "A label is asked for as name=value.", "?label", "For example ?label=team%3Dgrowth."};
    query.label = {std::string(label->substr(0, equals)), std::string(label->substr(equals + 1))};
  }
  HILLSTAR_TRY(query.since, time_in(request, "since"));
  HILLSTAR_TRY(query.until, time_in(request, "until"));
  if (const auto before = request.asked("before")) {
    if (!is_run_id(*before)) return Error{Errc::usage, "Expected the id of a run.", "?before", {}};
    query.before = RunId(std::string(*before));
  }
  HILLSTAR_TRY(query.limit, number_in(request, "limit", {1, persistence::kPageRowsMax, kRowsAbsent}));
  return query;
}

/// The query as it was, with one value changed.
std::string link_to(const std::string& path, const Request& request, std::string_view name, const std::string& value) {
  std::string url = path + "?";
  for (const auto& [key, said] : request.query)
    if (key != name) url += encoded(key) + "=" + encoded(said) + "&";
  return "<" + url + std::string(name) + "=" + encoded(value) + ">; rel=\"next\"";
}

Result<Response> list(Api& api, const Request& request) {
  HILLSTAR_TRY(const auto query, query_of(request));
  HILLSTAR_TRY(const auto page, api.parts.store.query(query));
  bj::array rows;
  for (const auto& row : page.rows) rows.push_back(cli::row_object(row).value());
  auto response = json_response(Json::of(rows));
  if (page.more && !page.rows.empty())
    response.headers.emplace_back("link", link_to("/v1/runs", request, "before", page.rows.back().run.str()));
  return response;
}

Result<Response> show(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_TRY(const auto stored, cli::load_run(api.parts.store, row.run));
  auto document = cli::show_document(stored, row).value();
  document.as_object()["parts"] = cli::to_json(cli::parts_of(api.parts.store, stored)).value();
  return json_response(Json::of(document));
}

Result<Response> result(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"node"}));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_TRY(const auto stored, cli::load_run(api.parts.store, row.run));
  const auto read = [&store = api.parts.store](const std::string& sha256) { return store.read_blob(sha256); };
  HILLSTAR_TRY(const auto document, cli::result_document(stored, text_in(request, "node").value_or(""), read));
  return json_response(document);
}

Result<Response> why(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"node"}));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_TRY(const auto stored, cli::load_run(api.parts.store, row.run));
  HILLSTAR_TRY(const auto document, cli::why_document(api.parts.store, stored, text_in(request, "node").value_or(""),
                                                      {::getpid(), who_of(request)}));
  return json_response(document);
}

Result<Response> event_page(Api& api, const Request& request, const RunId& run) {
  HILLSTAR_TRY(const auto from, number_in(request, "from", {1, INT64_MAX, 1}));
  HILLSTAR_TRY(const auto limit, number_in(request, "limit", {1, kEventsMax, kEventsMax}));
  HILLSTAR_TRY(const auto records, api.parts.store.read_records(run, from, limit));
  bj::array events;
  for (const auto& record : records) {
    HILLSTAR_TRY(auto event, json::parse(record.line));
    events.push_back(std::move(event));
  }
  auto response = json_response(Json::of(events));
  if (records.size() == limit)
    response.headers.emplace_back(
        "link", link_to(run_path(run) + "/events", request, "from", std::to_string(records.back().seq + 1)));
  return response;
}

/// The event after the last one that the client saw, or the one that it asks for.
Result<std::uint64_t> first_wanted(const Request& request) {
  const auto last = request.header("last-event-id");
  if (!last || last->empty()) return number_in(request, "from", {1, INT64_MAX, 1});
  Request said;
  said.query.emplace_back("from", std::string(*last));
  auto seq = number_in(said, "from", {0, INT64_MAX, 0});
  if (!seq) return Error{Errc::usage, "Last-Event-ID must be the number of an event.", "Last-Event-ID", {}};
  return *seq + 1;
}

void events(const ApiPtr& api, const RequestPtr& request, const AnswerPtr& answer) {
  const auto stream_or_page = [&]() -> Result<std::optional<Response>> {
    HILLSTAR_CHECK(check_query(*request, {"from", "limit", "pieces"}));
    HILLSTAR_TRY(const auto pieces, number_in(*request, "pieces", {0, 1, 0}));
    HILLSTAR_TRY(const auto row, run_row(*api, *request));
    if (!accepts_events(*request)) {
      HILLSTAR_TRY(auto page, event_page(*api, *request, row.run));
      return std::optional(std::move(page));
    }
    HILLSTAR_TRY(const auto from, first_wanted(*request));
    if (run::is_terminal(row) && from > row.version) {
      // Nothing will ever come; to 204 no client comes back.
      Response nothing;
      nothing.status = 204;
      return std::optional(std::move(nothing));
    }
    HILLSTAR_CHECK(api->feed->has_room());
    auto outlet = answer->stream();
    if (outlet && !(pieces == 1 && api->pieces->follow_run(row.run, from, outlet)))
      (void)api->feed->follow_run(row.run, from, std::move(outlet));
    return std::optional<Response>();
  }();
  if (!stream_or_page) return answer->send(problem(stream_or_page.error()));
  if (*stream_or_page) answer->send(**stream_or_page);
}

}  // namespace

std::vector<Route> run_routes(const ApiPtr& api) {
  return {
      {"GET", "/v1/runs", Scope::read, 0, plain(api, list)},
      {"GET", "/v1/runs/{run}", Scope::read, 0, plain(api, show)},
      {"GET", "/v1/runs/{run}/result", Scope::read, 0, plain(api, result)},
      {"GET", "/v1/runs/{run}/why", Scope::read, 0, plain(api, why)},
      {"GET", "/v1/runs/{run}/events", Scope::read, 0,
       [api](const RequestPtr& request, const AnswerPtr& answer) { events(api, request, answer); }},
  };
}

}  // namespace hillstar::http
