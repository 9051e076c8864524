// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/apps/http/service.hpp"

#include "persistence/export.hpp"

namespace hillstar::testing {
namespace {

namespace bj = boost::json;

std::string text(const bj::value& value, std::string_view key) { return std::string(value.at(key).as_string()); }

/// A problem says its status twice, and has a number.
void check_problem(const http::Response& response, unsigned status, std::string_view code) {
  CAPTURE(response.body);
  CHECK(response.status == status);
  CHECK(response.content_type == "application/problem+json");
  const auto problem = Service::json_of(response);
  CHECK(problem.at("status").to_number<unsigned>() == status);
  CHECK(text(problem, "code") == code);
}

std::string header(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

const std::string kWorkflow = R"({"workflow": {"id": "flow", "graph": {
  "nodes": {"hello": {"tool": "script_run", "parameters": {"script": "echo hi"}}}, "edges": []},
  "state": {}}})";

}  // namespace

TEST_CASE("api: runs are listed, filtered and paged") {
  Service service;
  for (int i = 0; i < 5; ++i) service.host.run(PlanBuilder("a").plan());
  const auto page = service.get("/v1/runs", {{"limit", "2"}, {"status", "completed,failed"}, {"workflow", "test"}});
  REQUIRE(page.status == 200);
  const auto rows = Service::json_of(page).as_array();
  REQUIRE(rows.size() == 2);
  CHECK(text(rows[0], "run") > text(rows[1], "run"));
  CHECK(header(page, "link") ==
        "</v1/runs?limit=2&status=completed%2Cfailed&workflow=test&before=" + text(rows[1], "run") + ">; rel=\"next\"");
  const auto next = service.get("/v1/runs", {{"limit", "3"}, {"before", text(rows[1], "run")}});
  CHECK(Service::json_of(next).as_array().size() == 3);
  CHECK(header(next, "link").empty());
  CHECK(Service::json_of(service.get("/v1/runs", {{"workflow", "another"}})).as_array().empty());
  CHECK(Service::json_of(service.get("/v1/runs", {{"since", "2999-01-01T00:00:00Z"}})).as_array().empty());
  CHECK(Service::json_of(service.get("/v1/runs", {{"until", "2999-01-01T00:00:00.5Z"}})).as_array().size() == 5);
}

TEST_CASE("api: a query that is not understood is refused, not passed over") {
  Service service;
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"limit", "0"},
                                                                                    {"limit", "1001"},
                                                                                    {"limit", "many"},
                                                                                    {"limit", ""},
                                                                                    {"status", "done"},
                                                                                    {"label", "x"},
                                                                                    {"label", "=x"},
                                                                                    {"before", "latest"},
                                                                                    {"since", "yesterday"},
                                                                                    {"since", "2026-01-01T00:00:00.Z"},
                                                                                    {"colour", "red"}}) {
    CAPTURE(name);
    CAPTURE(value);
    check_problem(service.get("/v1/runs", {{name, value}}), 400, "HS700");
  }
  check_problem(service.get("/v1/runs", {{"limit", "1"}, {"limit", "2"}}), 400, "HS700");
}

TEST_CASE("api: one run is shown, with its result, its events, its records and its reasons") {
  Service service;
  const auto run = service.host.start(PlanBuilder("ab").edge('a', 'b').plan());
  REQUIRE(service.host.end_of(run) == "completed");
  const auto base = "/v1/runs/" + run.str();

  const auto shown = Service::json_of(service.get(base));
  CHECK(text(shown, "status") == "completed");
  CHECK(shown.at("nodes_detail").as_array().size() == 2);

  CHECK(service.get(base + "/result").status == 200);
  CHECK(service.get(base + "/result", {{"node", "a"}}).status == 200);
  check_problem(service.get(base + "/result", {{"node", "z"}}), 404, "HS701");

  const auto events = service.get(base + "/events", {{"limit", "2"}});
  CHECK(Service::json_of(events).as_array().size() == 2);
  CHECK(header(events, "link") == "<" + base + "/events?limit=2&from=3>; rel=\"next\"");
  CHECK(text(Service::json_of(events).as_array()[0], "type") == "run_started");
  CHECK(Service::json_of(service.get(base + "/events", {{"from", "1000"}})).as_array().empty());

  CHECK(text(Service::json_of(service.get(base + "/why")), "status") == "completed");
  check_problem(service.get(base + "/why", {{"node", "]"}}), 404, "HS701");

  std::string lines;
  for (std::string from = "1"; !from.empty();) {
    const auto page = service.get(base + "/records", {{"from", from}, {"limit", "3"}});
    REQUIRE(page.status == 200);
    lines += page.body;
    const auto link = header(page, "link");
    from = link.empty() ? "" : link.substr(link.find('=') + 1, link.find('&') - link.find('=') - 1);
  }
  const auto checked = persistence::check_export(lines);
  REQUIRE_MESSAGE(checked, (checked ? "" : to_string(checked.error())));
  CHECK(*checked == service.store.summary(run)->version);

  const auto plan = text(Service::json_of(events).as_array()[0].at("data"), "plan_sha256");
  CHECK(service.get("/v1/blobs/" + plan).body == *service.store.read_blob(plan));
  check_problem(service.get("/v1/blobs/" + std::string(64, '0')), 404, "HS701");
  check_problem(service.get("/v1/blobs/passwd"), 404, "HS701");
}

TEST_CASE("api: what is no run is not found") {
  Service service;
  for (const std::string& name : std::initializer_list<std::string>{"latest", "01JXXXXXXXXXXXXXXXXXXXXXXX",
                                                                    "01BX5ZZKBKACTAV9WEVGEMMVRZ", "S1", "%2e"})
    for (const std::string& below : std::initializer_list<std::string>{"", "/result", "/why", "/events", "/records"})
      check_problem(service.get("/v1/runs/" + name + below), 404, "HS220");
}

TEST_CASE("api: an admin starts a workflow, and gets its run") {
  Service service;
  const auto answer = service.post(
      "/v1/runs",
      R"({"labels": {"team": "growth"}, "correlation": "batch-7", )" + kWorkflow.substr(1, kWorkflow.size() - 2) + "}",
      http::Scope::admin);
  CAPTURE(answer.body);
  REQUIRE(answer.status == 202);
  const RunId run(text(Service::json_of(answer), "run"));
  CHECK(header(answer, "location") == "/v1/runs/" + run.str());
  CHECK(service.host.end_of(run) == "completed");
  const auto row = *service.store.summary(run);
  CHECK(row.labels.at("team") == "growth");
  const auto found = service.get("/v1/runs", {{"label", "team=growth"}, {"correlation", "batch-7"}});
  CHECK(Service::json_of(found).as_array().size() == 1);
  const auto history = *service.store.read(run);
  CHECK(std::get<RunStarted>(history.front().event).started_by == "ada");
}

TEST_CASE("api: a workflow that nobody declared is for admins") {
  Service service;
  check_problem(service.post("/v1/runs", kWorkflow, http::Scope::operate), 403, "HS805");
  check_problem(service.post("/v1/runs", R"({"workflow": "unheard-of"})", http::Scope::operate), 404, "HS701");
}

TEST_CASE("api: bodies are strict, and errors say where") {
  Service service;
  const auto refused = [&](const std::string& body, unsigned status, std::string_view where) {
    CAPTURE(body);
    const auto response = service.post("/v1/runs", body, http::Scope::admin);
    CAPTURE(response.body);
    CHECK(response.status == status);
    CHECK(response.content_type == "application/problem+json");
    const auto problem = Service::json_of(response);
    const auto* place = problem.as_object().if_contains("where");
    if (!where.empty()) CHECK_MESSAGE((place != nullptr && place->as_string() == where), response.body);
  };
  refused("{", 400, "");
  refused("[]", 400, "");
  refused(R"({"workflow": {}, "colour": "red"})", 400, "/colour");
  refused(R"({"workflow": 7})", 400, "/workflow");
  refused("{}", 400, "/workflow");
  refused(R"({"workflow": {}, "workflow_text": "{}"})", 400, "/workflow");
  refused(R"({"workflow": "x", "priority": 0})", 400, "/priority");
  refused(R"({"workflow": "x", "priority": -1})", 400, "/priority");
  refused(R"({"workflow": "x", "budget": 0})", 400, "/budget");
  refused(R"({"workflow": "x", "deadline": "soon"})", 400, "/deadline");
  refused(R"({"workflow": "x", "labels": {"": "x"}})", 400, "/labels/");
  refused(R"({"workflow": "x", "labels": {"a": 1}})", 400, "/labels/a");
  refused(R"({"workflow": "x", "correlation": ""})", 400, "/correlation");
  const auto invalid = service.post("/v1/runs", R"({"workflow": {"id": "x"}})", http::Scope::admin);
  check_problem(invalid, 422, "HS110");
  CHECK(!Service::json_of(invalid).at("diagnostics").as_array().empty());
  const auto inputs =
      service.post("/v1/runs", R"({"inputs": {"nobody": 1}, )" + kWorkflow.substr(1), http::Scope::admin);
  check_problem(inputs, 422, "HS113");
}

TEST_CASE("api: nothing starts while the service takes no work") {
  Service service;
  service.refuses = Error{Errc::draining, "The service is about to stop."};
  const auto refused = service.post("/v1/runs", kWorkflow, http::Scope::admin);
  check_problem(refused, 503, "HS803");
  CHECK(!header(refused, "retry-after").empty());
  CHECK(service.get("/v1/runs").status == 200);
}

TEST_CASE("api: a repeated request with a key starts one run") {
  Service service;
  const std::vector<std::pair<std::string, std::string>> key{{"idempotency-key", "k1"}};
  const auto first = service.post("/v1/runs", kWorkflow, http::Scope::admin, key);
  REQUIRE(first.status == 202);
  const auto again = service.post("/v1/runs", kWorkflow, http::Scope::admin, key);
  CHECK(again.status == 202);
  CHECK(text(Service::json_of(again), "run") == text(Service::json_of(first), "run"));
  CHECK(Service::json_of(again).at("repeated").as_bool());
  auto other = kWorkflow;
  other.replace(other.find("echo hi"), 7, "echo ho");
  check_problem(service.post("/v1/runs", other, http::Scope::admin, key), 422, "HS700");
  // The service starts anew over the same store: the key stands in the history.
  service.routes.clear();
  const auto later = service.post("/v1/runs", kWorkflow, http::Scope::admin, key);
  CHECK(text(Service::json_of(later), "run") == text(Service::json_of(first), "run"));
  for (const std::string& bad : {std::string(), std::string(256, 'k'), std::string("a b"), std::string("\x01")})
    check_problem(service.post("/v1/runs", kWorkflow, http::Scope::admin, {{"idempotency-key", bad}}), 400, "HS700");
}

TEST_CASE("api: a run is paused, resumed and cancelled by whoever asks") {
  Service service;
  service.host.engine.reset();
  service.tool = ScriptedTool(until_cancelled);
  service.host.with(service.tool);
  service.host.up();
  const auto run = service.host.start(PlanBuilder("a").plan());
  REQUIRE(service.tool.wait_for_calls(1));
  const auto base = "/v1/runs/" + run.str();
  const auto paused = service.post(base + "/pause", R"({"reason": "lunch", "interrupt": true})");
  REQUIRE(paused.status == 200);
  CHECK(text(Service::json_of(paused).at("facts").as_array()[0], "type") == "run_paused");
  CHECK(Service::json_of(service.post(base + "/pause", "")).at("facts").as_array().empty());
  CHECK(service.post(base + "/resume", "{}").status == 200);
  check_problem(service.post(base + "/resume", R"({"budget": 5})"), 409, "HS222");
  const auto cancelled = service.post(base + "/cancel", R"({"reason": "enough"})");
  CHECK(cancelled.status == 200);
  CHECK(service.host.end_of(run) == "cancelled");
  check_problem(service.post(base + "/cancel", ""), 409, "HS222");
  check_problem(service.post(base + "/cancel", R"({"why": 1})"), 400, "HS105");
  check_problem(service.post(base + "/settle", R"({"node": "a", "outcome": "failed"})"), 409, "HS222");
  check_problem(service.post(base + "/settle", R"({"node": "a", "outcome": "perhaps"})"), 400, "HS105");
  const auto history = *service.store.read(run);
  bool said = false;
  for (const auto& recorded : history)
    if (const auto* asked = std::get_if<CancelRequested>(&recorded.event)) said = asked->who == "ada";
  CHECK(said);
}

TEST_CASE("api: a node is approved by name, once") {
  Seen seen;
  Service service;
  auto builder = PlanBuilder("a");
  builder['a'].permission = workflow::Permission::ask;
  const auto run = service.host.start(builder.plan());
  const auto base = "/v1/runs/" + run.str();
  REQUIRE(service.host.engine->follow(run, 1, seen.callback()));
  REQUIRE(seen.wait_for("approval_requested a"));
  check_problem(service.post(base + "/approve", R"({"node": "z"})"), 404, "HS701");
  check_problem(service.post(base + "/approve", "{}"), 400, "HS105");
  CHECK(service.post(base + "/approve", R"({"node": "a"})").status == 200);
  CHECK(service.host.end_of(run) == "completed");
  check_problem(service.post(base + "/reject", R"({"node": "a"})"), 409, "HS222");
}

}  // namespace hillstar::testing
