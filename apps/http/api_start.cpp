// SPDX-License-Identifier: Apache-2.0
// POST /v1/runs: from a workflow, or the name of one that a stream declares, to a run.
#include <boost/describe.hpp>
#include <filesystem>

#include "apps/cli/workflow_file.hpp"
#include "apps/http/api_context.hpp"
#include "apps/http/api_workflow.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/workflow/compile.hpp"

namespace hillstar::http {
namespace {

namespace bj = boost::json;

struct NewRun {
  std::optional<Json> workflow;              ///< An object: the workflow; a string: the name of a declared one.
  std::optional<std::string> workflow_text;  ///< The workflow as its author wrote it.
  std::optional<std::string> workflow_file;  ///< What it is called in the history.
  std::optional<Json> inputs;
  std::map<std::string, std::string> labels;
  std::optional<std::string> correlation;
  std::optional<std::string> deadline;
  std::optional<std::uint32_t> priority;
  std::optional<MicroUsd> budget;
  bool air_gapped = false;
  std::optional<Isolation> isolation;
  std::optional<std::string> state_stream;  ///< Whose state it shares.
};
BOOST_DESCRIBE_STRUCT(NewRun, (),
                      (workflow, workflow_text, workflow_file, inputs, labels, correlation, deadline, priority, budget,
                       air_gapped, isolation, state_stream))

Result<void> check(const NewRun& asked) {
  HILLSTAR_CHECK(check_labels(asked.labels, asked.correlation));
  if (asked.priority && (*asked.priority < 1 || *asked.priority > tools::kPriorityMax))
    return Error{Errc::json_type, "Expected a priority from 1 to 100.", "/priority", {}};
  if (asked.budget && asked.budget->count <= 0)
    return Error{Errc::json_type, "Expected a positive number of millionths of a dollar.", "/budget", {}};
  if (asked.deadline && !read_time(*asked.deadline))
    return Error{Errc::json_type, "Expected a time in UTC.", "/deadline", "Write it like 2026-11-22T03:04:05Z."};
  return {};
}

/// The workflow that a stream of this store declares under this name.
Result<void> take_declared(Api& api, const std::string& name, StartRun& start) {
  for (const auto& stream : api.parts.engine.streams()) {
    const auto& declared = stream.declared;
    if (declared.workflow.str() != name) continue;
    HILLSTAR_TRY(start.plan, cli::load_plan(api.parts.store, declared.plan_sha256));
    HILLSTAR_TRY(start.workflow_text, api.parts.store.read_blob(declared.workflow_sha256));
    start.workflow_file = declared.workflow_file;
    start.workspace = declared.workspace;
    start.output_dir = declared.output_dir;
    start.allow_paths = declared.allow_paths;
    return {};
  }
  return Error{Errc::not_found, "No stream declares a workflow '" + name + "'.", "/workflow",
               "GET /v1/streams lists them."};
}

Result<void> take_workflow(Api& api, const Request& request, const NewRun& asked, StartRun& start,
                           bj::object& remarks) {
  if (asked.workflow.has_value() == asked.workflow_text.has_value())
    return Error{Errc::json_type, "Exactly one of `workflow` and `workflow_text` is needed.", "/workflow", {}};
  if (asked.workflow) {
    const auto value = asked.workflow->value();
    if (const auto* name = value.if_string()) return take_declared(api, std::string(*name), start);
    if (!value.is_object())
      return Error{Errc::json_type, "Expected a workflow, or the name of a declared one.", "/workflow", {}};
  }
  if (request.who.scope < Scope::admin)
    return Error{Errc::forbidden, "Only an admin may run a workflow that no stream declares.", "/workflow",
                 "Name a declared workflow, or use a token of scope admin: a workflow runs programs on this machine."};
  HILLSTAR_TRY(auto given, compile_given(api,
                                         {asked.workflow ? asked.workflow->text() : *asked.workflow_text,
                                          asked.workflow_file.value_or(""), api.parts.workspace, asked.air_gapped},
                                         remarks));
  start.plan = std::move(given.plan);
  start.workflow_text = std::move(given.text);
  start.workflow_file = asked.workflow_file.value_or("");
  start.workspace = api.parts.workspace;
  start.output_dir = api.parts.output_dir;
  start.allow_paths = std::move(given.allow_paths);
  return {};
}

Result<StartRun> start_of(Api& api, const Request& request, bj::object& remarks) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_CHECK(api.open_for_work());
  HILLSTAR_TRY(const auto asked, body<NewRun>(request));
  HILLSTAR_CHECK(check(asked));
  StartRun start;
  HILLSTAR_CHECK(take_workflow(api, request, asked, start, remarks));
  HILLSTAR_TRY(start.inputs, resolve_given(*start.plan, asked.inputs, remarks));
  start.environment = api.parts.environment;
  start.started_by = who_of(request);
  start.priority = asked.priority;
  start.air_gapped = asked.air_gapped;
  start.labels = asked.labels;
  start.correlation = asked.correlation;
  if (asked.deadline) start.deadline = read_time(*asked.deadline);
  start.budget = asked.budget;
  start.isolation = asked.isolation;
  start.state_stream = asked.state_stream;
  start.run = api.parts.ids->new_run(api.parts.clock->utc_now());
  Trigger trigger;
  trigger.kind = TriggerKind::api;
  trigger.trace = trace_of(request);
  start.trigger = std::move(trigger);
  return start;
}

/// The key of a request, as it stands in histories: two people may choose the same one.
Result<std::optional<std::string>> key_of(const Request& request) {
  HILLSTAR_TRY(const auto key, idempotency_key(request));
  if (!key) return key;
  return std::optional(who_of(request) + "/" + *key);
}

void start_run(const ApiPtr& api, const RequestPtr& request, const AnswerPtr& answer) {
  bj::object remarks;
  auto start = start_of(*api, *request, remarks);
  if (!start) return answer->send(problem_with(start.error(), remarks));
  const auto key = key_of(*request);
  if (!key) return answer->send(problem(key.error()));
  if (*key) {
    start->trigger->key = **key;
    const auto claim =
        api->keys.claim(api->parts.store, **key, sha256_hex(request->body), *start->run, api->parts.clock->utc_now());
    if (!claim) return answer->send(problem_with(claim.error(), {}, claim.error().code == Errc::usage ? 422 : 0));
    if (claim->repeated && !api->parts.store.summary(claim->run)) {
      auto wait = problem_with({Errc::run_state, "The first request with this Idempotency-Key is not answered yet.",
                                claim->run.str(), "Ask again."},
                               {}, 409);
      wait.headers.emplace_back("retry-after", "1");
      return answer->send(std::move(wait));
    }
    if (claim->repeated) return answer->send(accepted_response({claim->run, true, false}));
  }
  const auto run = *start->run;
  api->parts.engine.start_async(std::move(start).value(), [api, key = *key, run, answer](Result<RunId> started) {
    if (started) return answer->send(accepted_response({*started, false, false}));
    if (key) api->keys.release(*key, run);
    answer->send(problem(started.error()));
  });
}

}  // namespace

std::vector<Route> start_routes(const ApiPtr& api) {
  return {{"POST", "/v1/runs", Scope::operate, kLargeBodyMax,
           [api](const RequestPtr& request, const AnswerPtr& answer) { start_run(api, request, answer); }}};
}

}  // namespace hillstar::http
