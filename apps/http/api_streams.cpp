// SPDX-License-Identifier: Apache-2.0
// /v1/streams: ways to start runs that the service serves; a trigger is answered once its run is durable.
#include <algorithm>
#include <boost/describe.hpp>
#include <filesystem>

#include "apps/cli/stream_statuses.hpp"
#include "apps/cli/stream_view.hpp"
#include "apps/http/api_context.hpp"
#include "apps/http/api_workflow.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;

struct Declaration {
  std::optional<Json> workflow;              ///< The workflow itself, or
  std::optional<std::string> workflow_text;  ///< as its author wrote it.
  std::optional<std::string> workflow_file;
  std::optional<std::string> workspace;  ///< Absolute; absent: the service's.
  std::optional<std::string> output_dir;
};
BOOST_DESCRIBE_STRUCT(Declaration, (), (workflow, workflow_text, workflow_file, workspace, output_dir))

struct Triggered {
  std::optional<Json> inputs;
  std::optional<Json> event;
  std::optional<std::string> key;
  std::map<std::string, std::string> labels;
  std::optional<std::string> correlation;
};
BOOST_DESCRIBE_STRUCT(Triggered, (), (inputs, event, key, labels, correlation))

struct Held {
  std::optional<std::string> reason;
};
BOOST_DESCRIBE_STRUCT(Held, (), (reason))

std::string name_of(const Request& request) { return param(request, "workflow") + "/" + param(request, "entry"); }

Result<StreamStatus> find_stream(const Api& api, const std::string& name) {
  HILLSTAR_TRY(auto found, cli::find_status(api.parts.engine, name));
  if (found) return *std::move(found);
  return Error{Errc::not_found, "There is no stream of this name.", name, "GET /v1/streams lists them."};
}

Result<Response> list(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  bj::array all;
  const auto now = api.parts.clock->utc_now();
  for (const auto& status : api.parts.engine.streams()) all.push_back(cli::stream_object(status, now).value());
  return json_response(Json::of(all));
}

Result<Response> show(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto status, find_stream(api, name_of(request)));
  return json_response(cli::stream_object(status, api.parts.clock->utc_now()));
}

bool is_absolute(const std::optional<std::string>& folder) { return !folder || folder->starts_with('/'); }

Result<DeclareStream> declaration_of(Api& api, const Request& request, bj::object& remarks) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_CHECK(api.open_for_work());
  HILLSTAR_TRY(const auto asked, body<Declaration>(request));
  if (asked.workflow.has_value() == asked.workflow_text.has_value())
    return Error{Errc::json_type, "Exactly one of `workflow` and `workflow_text` is needed.", "/workflow", {}};
  if (!is_absolute(asked.workspace) || !is_absolute(asked.output_dir))
    return Error{Errc::json_type, "Expected an absolute path.", asked.workspace ? "/workspace" : "/output_dir", {}};
  DeclareStream declare;
  declare.workspace = asked.workspace.value_or(api.parts.workspace);
  declare.output_dir = asked.output_dir.value_or(api.parts.output_dir);
  declare.workflow_file = asked.workflow_file.value_or("");
  declare.declared_by = who_of(request);
  HILLSTAR_TRY(auto given, compile_given(api,
                                         {asked.workflow ? asked.workflow->text() : *asked.workflow_text,
                                          declare.workflow_file, declare.workspace, false},
                                         remarks));
  declare.plan = std::move(given.plan);
  declare.workflow_text = std::move(given.text);
  declare.allow_paths = std::move(given.allow_paths);
  const auto& wanted = param(request, "workflow");
  if (declare.plan->workflow.str() != wanted)
    return Error{Errc::stream_invalid, "The workflow is called '" + declare.plan->workflow.str() + "'.", wanted,
                 "A stream is called workflow/entry point."};
  const auto& entry = param(request, "entry");
  auto points = declare.plan->entry_points;
  // A workflow that says nothing about it can be started by hand and over the API.
  if (points.empty()) points.emplace_back().id = "default";
  const auto found = std::find_if(points.begin(), points.end(), [&](const auto& point) { return point.id == entry; });
  if (found == points.end()) {
    std::string hint = "There is";
    for (const auto& point : points) hint += (&point == &points.front() ? " " : ", ") + point.id;
    return Error{Errc::stream_invalid, "The workflow declares no entry point '" + entry + "'.", "/workflow", hint};
  }
  declare.entry = *found;
  return declare;
}

void declare(const ApiPtr& api, const RequestPtr& request, const AnswerPtr& answer) {
  bj::object remarks;
  auto asked = declaration_of(*api, *request, remarks);
  if (!asked) return answer->send(problem_with(asked.error(), remarks));
  const bool is_new = !find_stream(*api, name_of(*request));
  const auto status = api->parts.engine.declare(std::move(asked).value());
  if (!status) return answer->send(problem(status.error()));
  answer->send(json_response(cli::stream_object(*status, api->parts.clock->utc_now()), is_new ? 201 : 200));
}

Result<TriggerRun> trigger_of(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_CHECK(api.open_for_work());
  HILLSTAR_TRY(auto asked, body<Triggered>(request));
  HILLSTAR_CHECK(check_labels(asked.labels, asked.correlation));
  HILLSTAR_TRY(const auto key, idempotency_key(request));
  if (asked.key && key && *asked.key != *key)
    return Error{Errc::json_type, "The key differs from the Idempotency-Key.", "/key", {}};
  if (asked.key && (asked.key->empty() || asked.key->size() > kKeyBytesMax))
    return Error{Errc::json_type, "Expected 1 to 255 bytes.", "/key", {}};
  if (asked.inputs && !asked.inputs->value().is_object())
    return Error{Errc::json_type, "Expected an object of inputs.", "/inputs", {}};
  TriggerRun trigger;
  trigger.stream = name_of(request);
  trigger.kind = TriggerKind::api;
  trigger.inputs = std::move(asked.inputs);
  // As of a webhook: what somebody sent is the body.
  trigger.event = Json::of(asked.event ? bj::object{{"body", asked.event->value()}} : bj::object());
  trigger.key = asked.key ? asked.key : key;
  trigger.labels = std::move(asked.labels);
  trigger.correlation = std::move(asked.correlation);
  trigger.started_by = who_of(request);
  trigger.trace = trace_of(request);
  return trigger;
}

void trigger(const ApiPtr& api, const RequestPtr& request, const AnswerPtr& answer) {
  auto asked = trigger_of(*api, *request);
  if (!asked) return answer->send(problem(asked.error()));
  const auto room = asked->room_at = std::make_shared<std::optional<UtcTime>>();
  api->parts.engine.trigger_async(std::move(asked).value(), [api, answer, room](Result<Accepted> accepted) {
    answer->send(accepted ? accepted_response(*accepted)
                          : refused_response(accepted.error(), *room, api->parts.clock->utc_now()));
  });
}

Result<Response> hold(Api& api, const Request& request, bool held) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_TRY(const auto asked, body<Held>(request));
  HILLSTAR_CHECK(api.parts.engine.hold(name_of(request), held, who_of(request), asked.reason.value_or("")));
  HILLSTAR_TRY(const auto status, find_stream(api, name_of(request)));
  return json_response(cli::stream_object(status, api.parts.clock->utc_now()));
}

Result<Response> remove(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_CHECK(api.parts.engine.remove(name_of(request), who_of(request)));
  Response done;
  done.status = 204;
  return done;
}

}  // namespace

Response refused_response(const Error& error, const std::optional<UtcTime>& room_at, UtcTime now) {
  auto response = problem(error);
  if (!room_at) return response;
  std::erase_if(response.headers, [](const auto& header) { return header.first == "retry-after"; });
  const auto seconds = std::max<std::int64_t>((room_at->micros - now.micros + 999'999) / 1'000'000, 1);
  response.headers.emplace_back("retry-after", std::to_string(seconds));
  return response;
}

Response accepted_response(const Accepted& accepted) {
  auto response = json_response(cli::accepted_object(accepted), 202);
  response.headers.emplace_back("location", run_path(accepted.run));
  return response;
}

std::vector<Route> stream_routes(const ApiPtr& api) {
  const std::string one = "/v1/streams/{workflow}/{entry}";
  return {
      {"GET", "/v1/streams", Scope::read, 0, plain(api, list)},
      {"GET", one, Scope::read, 0, plain(api, show)},
      {"PUT", one, Scope::admin, kLargeBodyMax,
       [api](const RequestPtr& request, const AnswerPtr& answer) { declare(api, request, answer); }},
      {"DELETE", one, Scope::admin, 0, plain(api, remove)},
      {"POST", one + "/trigger", Scope::operate, kLargeBodyMax,
       [api](const RequestPtr& request, const AnswerPtr& answer) { trigger(api, request, answer); }},
      {"POST", one + "/hold", Scope::operate, kSmallBodyMax,
       plain(api, [](Api& parts, const Request& request) { return hold(parts, request, true); })},
      {"POST", one + "/release", Scope::operate, kSmallBodyMax,
       plain(api, [](Api& parts, const Request& request) { return hold(parts, request, false); })},
  };
}

}  // namespace hillstar::http
