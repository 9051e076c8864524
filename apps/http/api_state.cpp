// SPDX-License-Identifier: Apache-2.0
// /v1/state: values that runs share. The version of a value is its ETag, so that If-Match is a compare-and-set.
#include <charconv>

#include "apps/cli/state_view.hpp"
#include "apps/http/api_context.hpp"
#include "runtime/state/request.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;

/// Longest body: a value, or a batch, with what surrounds it.
constexpr std::size_t kStateBodyMax = 2U << 20U;

/// Empty: the store's state.
std::string stream_of(const Request& request) {
  const auto& workflow = param(request, "workflow");
  return workflow.empty() ? std::string() : workflow + "/" + param(request, "entry");
}

StateRequest one(const Request& request, StateOp op, std::string key) {
  StateRequest asked;
  asked.scope = stream_of(request).empty() ? StateScope::store : StateScope::stream;
  asked.op = op;
  asked.operations.push_back({op, std::move(key), {}, {}, {}});
  return asked;
}

Result<Json> ask(Api& api, const Request& request, StateRequest asked) {
  return api.parts.engine.ask_state({stream_of(request), std::move(asked), who_of(request)});
}

/// `"7"` -> 7.
std::optional<std::uint64_t> version_in(std::string_view tag) {
  if (tag.size() < 3 || tag.front() != '"' || tag.back() != '"') return std::nullopt;
  tag = tag.substr(1, tag.size() - 2);
  std::uint64_t version = 0;
  const auto [end, failed] = std::from_chars(tag.data(), tag.data() + tag.size(), version);
  return failed == std::errc() && end == tag.data() + tag.size() ? std::optional(version) : std::nullopt;
}

Result<std::optional<std::uint64_t>> expected_in(const Request& request) {
  using Version = std::optional<std::uint64_t>;
  const auto match = request.header("if-match");
  const auto none = request.header("if-none-match");
  if (match && none) return Error{Errc::usage, "If-Match and If-None-Match exclude each other.", {}, {}};
  if (none) {
    if (*none != "*")
      return Error{Errc::usage, "If-None-Match may be *: there must be no value.", std::string(*none), {}};
    return Version(0);
  }
  if (!match) return Version();
  if (const auto version = version_in(*match)) return Version(version);
  return Error{Errc::usage, "If-Match is one version in quotes.", std::string(*match), "Take the ETag as it came."};
}

Response cell_response(const std::string& key, const Json& answer) {
  const auto said = answer.value();
  const auto& version = said.at("version");
  auto response = json_response(Json::of(bj::object{{"key", key}, {"value", said.at("value")}, {"version", version}}));
  response.headers.emplace_back("etag", "\"" + json::canonical(version) + "\"");
  return response;
}

Result<Response> scopes(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto rows, cli::state_scopes(api.parts.store));
  return json_response(rows);
}

/// [{"key", "value", "version"}] of an answer to `list`.
Json rows_of(const Json& answer) {
  const auto listed = answer.value();
  const auto& versions = listed.at("versions").get_object();
  bj::array rows;
  for (const auto& [key, value] : listed.at("output").get_object())
    rows.push_back(bj::object{{"key", key}, {"value", value}, {"version", versions.at(key)}});
  return Json::of(rows);
}

Result<Response> list(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"prefix"}));
  HILLSTAR_TRY(const auto answer,
               ask(api, request, one(request, StateOp::list, std::string(request.asked("prefix").value_or("")))));
  return json_response(rows_of(answer));
}

Error no_value(const std::string& key) { return {Errc::not_found, "There is no value of this name.", key, {}}; }

Result<Response> get(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  const auto& key = param(request, "key");
  HILLSTAR_TRY(const auto answer, ask(api, request, one(request, StateOp::get, key)));
  if (!answer.value().at("found").get_bool()) return no_value(key);
  return cell_response(key, answer);
}

Result<Response> put(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  if (request.body.empty()) return Error{Errc::json_syntax, "The body is the value, as JSON; it is empty.", {}, {}};
  const auto& key = param(request, "key");
  auto asked = one(request, StateOp::put, key);
  HILLSTAR_TRY(const auto value, body_json(request));
  asked.operations.front().value = Json::of(value);
  HILLSTAR_TRY(asked.operations.front().expected_version, expected_in(request));
  HILLSTAR_TRY(const auto answer, ask(api, request, std::move(asked)));
  return cell_response(key, answer);
}

Result<Response> remove(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  auto asked = one(request, StateOp::remove, param(request, "key"));
  HILLSTAR_TRY(asked.operations.front().expected_version, expected_in(request));
  HILLSTAR_TRY([[maybe_unused]] const auto answer, ask(api, request, std::move(asked)));
  Response done;
  done.status = 204;
  return done;
}

/// What a node with tool `state` could ask.
Result<Response> request_of(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto given, body_json(request));
  HILLSTAR_CHECK(check_members(given, {"op", "key", "value", "expected_version", "by", "operations"}));
  std::optional<state::Complaint> wrong;
  const std::vector<std::string> nothing;
  state::check_parameters(given.get_object(), &nothing, [&wrong](const state::Complaint& complaint) {
    if (!wrong) wrong = complaint;
  });
  if (wrong) return Error{Errc::inputs_invalid, wrong->message + ".", wrong->pointer, {}};
  HILLSTAR_TRY(auto asked, state::request_of(Json::of(given), Json()));
  asked.scope = stream_of(request).empty() ? StateScope::store : StateScope::stream;
  HILLSTAR_TRY(const auto answer, ask(api, request, std::move(asked)));
  return json_response(answer);
}

Result<Response> changes(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"key"}));
  HILLSTAR_TRY(const auto rows,
               cli::state_changes(api.parts.store, stream_of(request), std::string(request.asked("key").value_or(""))));
  return json_response(rows);
}

Result<Response> of_run(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {"prefix"}));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  HILLSTAR_TRY(const auto stored, cli::load_run(api.parts.store, row.run));
  return json_response(cli::cells_array(stored.state.cells, std::string(request.asked("prefix").value_or(""))));
}

}  // namespace

std::vector<Route> state_routes(const ApiPtr& api) {
  std::vector<Route> routes = {{"GET", "/v1/state", Scope::read, 0, plain(api, scopes)},
                               {"GET", "/v1/runs/{run}/state", Scope::read, 0, plain(api, of_run)}};
  for (const std::string place : {"store", "streams/{workflow}/{entry}"}) {
    const auto all = "/v1/state/" + place;
    const auto value = all + "/{key}";
    routes.push_back({"GET", all, Scope::read, 0, plain(api, list)});
    routes.push_back({"POST", all, Scope::operate, kStateBodyMax, plain(api, request_of)});
    routes.push_back({"GET", value, Scope::read, 0, plain(api, get)});
    routes.push_back({"PUT", value, Scope::operate, kStateBodyMax, plain(api, put)});
    routes.push_back({"DELETE", value, Scope::operate, 0, plain(api, remove)});
    routes.push_back({"GET", "/v1/state-history/" + place, Scope::read, 0, plain(api, changes)});
  }
  return routes;
}

}  // namespace hillstar::http
