// SPDX-License-Identifier: Apache-2.0
// POST /v1/runs: from a workflow, or the name of one that a stream declares, to a run. POST /v1/runs/{run}/fork: from a
// point of an old one.
#include <boost/describe.hpp>
#include <filesystem>

#include "apps/cli/embedded_client.hpp"
#include "apps/cli/resume_point.hpp"
#include "apps/cli/taking_over.hpp"
#include "apps/cli/workflow_file.hpp"
#include "apps/http/api_context.hpp"
#include "apps/http/api_workflow.hpp"
#include "runtime/platform/hash.hpp"
#include "runtime/workflow/compile.hpp"
#include "runtime/workflow/part.hpp"

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
  std::optional<Json> resume_from;          ///< A checkpoint: its node, or its file as an object.
  std::optional<std::string> node;          ///< This node alone; what lies before it is taken over:
  std::optional<std::string> from_run;      ///< from this run,
  std::vector<std::string> set;             ///< and by hand, NODE.PATH=VALUE.
};
BOOST_DESCRIBE_STRUCT(NewRun, (),
                      (workflow, workflow_text, workflow_file, inputs, labels, correlation, deadline, priority, budget,
                       air_gapped, isolation, state_stream, resume_from, node, from_run, set))

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

Result<void> check_taken(const NewRun& asked) {
  if (asked.node && asked.resume_from)
    return Error{Errc::json_type, "Only one of `node` and `resume_from` can be asked for.", "/resume_from", {}};
  if (!asked.node && (asked.from_run || !asked.set.empty()))
    return Error{Errc::json_type, "This goes with `node` alone.", asked.from_run ? "/from_run" : "/set", {}};
  if (asked.from_run && !is_run_id(*asked.from_run))
    return Error{Errc::json_type, "Expected the id of a run.", "/from_run", {}};
  if (!asked.resume_from) return {};
  const auto from = asked.resume_from->value();
  if (!from.is_string() && !from.is_object())
    return Error{Errc::json_type, "Expected the node of a checkpoint, or a checkpoint.", "/resume_from", {}};
  return {};
}

Result<cli::ResumePoint> point_of(const Api& api, const Json& from, const workflow::Plan& plan) {
  const auto value = from.value();
  const auto* node = value.if_string();
  if (node == nullptr) return cli::resume_point_of(from.text(), "/resume_from", plan);
  HILLSTAR_TRY(auto point, cli::find_stored_point(api.parts.store, std::string(*node), plan));
  if (point) return *std::move(point);
  return Error{Errc::not_found, "Checkpoint not found: " + std::string(*node) + ".", "/resume_from",
               "Name a node listed in `state.checkpoints` that a run of this workflow has reached."};
}

/// Results of older runs that the run begins with.
Result<void> take_results(Api& api, const NewRun& asked, StartRun& start) {
  HILLSTAR_CHECK(check_taken(asked));
  auto& store = api.parts.store;
  if (asked.node) {
    HILLSTAR_TRY(const auto node, cli::find_node(*start.plan, *asked.node));
    auto part = workflow::part_before(*start.plan, node);
    HILLSTAR_TRY(auto before,
                 cli::results_before(&store, {asked.from_run.value_or(""), asked.set, start.workflow_file}, part));
    start.plan = std::make_shared<const workflow::Plan>(std::move(part));
    start.inherited = std::move(before.results);
    start.parent = before.origin;
    start.output_dir.clear();  // as execute-node: its files would look like those of the whole
  } else if (asked.resume_from) {
    HILLSTAR_TRY(auto point, point_of(api, *asked.resume_from, *start.plan));
    start.inherited = std::move(point.inherited);
    start.cells = std::move(point.cells);
    start.parent = point.origin;
  }
  for (auto& node : start.inherited) {
    HILLSTAR_TRY(node.result, cli::with_blobs(std::move(node.result), store));
  }
  return {};
}

/// Who starts it, and by which request.
void sign(Api& api, const Request& request, StartRun& start) {
  start.environment = api.parts.environment;
  start.started_by = who_of(request);
  start.run = api.parts.ids->new_run(api.parts.clock->utc_now());
  Trigger trigger;
  trigger.kind = TriggerKind::api;
  trigger.trace = trace_of(request);
  start.trigger = std::move(trigger);
}

Result<StartRun> start_of(Api& api, const Request& request, bj::object& remarks) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_CHECK(api.open_for_work());
  HILLSTAR_TRY(const auto asked, body<NewRun>(request));
  HILLSTAR_CHECK(check(asked));
  StartRun start;
  HILLSTAR_CHECK(take_workflow(api, request, asked, start, remarks));
  HILLSTAR_CHECK(take_results(api, asked, start));
  HILLSTAR_TRY(start.inputs, resolve_given(*start.plan, asked.inputs, remarks));
  sign(api, request, start);
  start.priority = asked.priority;
  start.air_gapped = asked.air_gapped;
  start.labels = asked.labels;
  start.correlation = asked.correlation;
  if (asked.deadline) start.deadline = read_time(*asked.deadline);
  start.budget = asked.budget;
  start.isolation = asked.isolation;
  start.state_stream = asked.state_stream;
  return start;
}

/// A run of the same plan, in the same place, with what was right up to there.
Result<StartRun> fork_of(Api& api, const Request& request) {
  HILLSTAR_CHECK(check_query(request, {}));
  HILLSTAR_CHECK(api.open_for_work());
  HILLSTAR_TRY(const auto asked, body<cli::ForkPoint>(request));
  HILLSTAR_TRY(const auto row, run_row(api, request));
  auto& store = api.parts.store;
  HILLSTAR_TRY(auto parent, cli::load_run(store, row.run));
  const auto read = [&store](const std::string& sha256) { return store.read_blob(sha256); };
  HILLSTAR_TRY(auto inherited, cli::fork_at(parent, asked, read));
  HILLSTAR_TRY(const auto job, cli::fork_job(store, parent, std::move(inherited)));
  HILLSTAR_TRY(auto start, cli::start_run_of(job, store));
  sign(api, request, start);
  return start;
}

/// The key of a request, as it stands in histories: two people may choose the same one.
Result<std::optional<std::string>> key_of(const Request& request) {
  HILLSTAR_TRY(const auto key, idempotency_key(request));
  if (!key) return key;
  return std::optional(who_of(request) + "/" + *key);
}

/// Once for each Idempotency-Key.
void launch(const ApiPtr& api, const RequestPtr& request, const AnswerPtr& answer, StartRun start) {
  const auto key = key_of(*request);
  if (!key) return answer->send(problem(key.error()));
  if (*key) {
    start.trigger->key = **key;
    const auto claim =
        api->keys.claim(api->parts.store, **key, sha256_hex(request->body), *start.run, api->parts.clock->utc_now());
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
  const auto run = *start.run;
  api->parts.engine.start_async(std::move(start), [api, key = *key, run, answer](Result<RunId> started) {
    if (started) return answer->send(accepted_response({*started, false, false}));
    if (key) api->keys.release(*key, run);
    answer->send(problem(started.error()));
  });
}

void start_run(const ApiPtr& api, const RequestPtr& request, const AnswerPtr& answer) {
  bj::object remarks;
  auto start = start_of(*api, *request, remarks);
  if (!start) return answer->send(problem_with(start.error(), remarks));
  launch(api, request, answer, std::move(start).value());
}

void fork_run(const ApiPtr& api, const RequestPtr& request, const AnswerPtr& answer) {
  auto start = fork_of(*api, *request);
  if (!start) return answer->send(problem(start.error()));
  launch(api, request, answer, std::move(start).value());
}

}  // namespace

std::vector<Route> start_routes(const ApiPtr& api) {
  return {{"POST", "/v1/runs", Scope::operate, kLargeBodyMax,
           [api](const RequestPtr& request, const AnswerPtr& answer) { start_run(api, request, answer); }},
          {"POST", "/v1/runs/{run}/fork", Scope::operate, kLargeBodyMax,
           [api](const RequestPtr& request, const AnswerPtr& answer) { fork_run(api, request, answer); }}};
}

}  // namespace hillstar::http
