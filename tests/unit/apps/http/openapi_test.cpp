// SPDX-License-Identifier: Apache-2.0
// The description of the API says what the API is: the same operations, and what is really answered fits its schemas.
#include <algorithm>
#include <set>

#include "runtime/policy/json_schema.hpp"
#include "tests/unit/apps/http/service.hpp"

namespace hillstar::testing {
namespace {

namespace bj = boost::json;

bj::object document(Service& service) { return Service::json_of(service.get("/v1/openapi.json")).as_object(); }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// Every object with named properties has no others: what is answered must be described.
void close_objects(bj::value& schema) {
  if (auto* array = schema.if_array())
    for (auto& element : *array) close_objects(element);
  auto* object = schema.if_object();
  if (object == nullptr) return;
  for (auto& [key, member] : *object) close_objects(member);
  const auto* properties = object->if_contains("properties");
  if (properties != nullptr && properties->is_object() && !object->contains("additionalProperties"))
    (*object)["additionalProperties"] = false;
}

/// What is wrong with a response, by the schema of its operation; empty: nothing.
std::string misfit(const bj::object& api, std::string_view path, std::string_view method,
                   const http::Response& response) {
  const auto& responses = api.at("paths").at(path).at(method).at("responses").as_object();
  const auto* described = responses.if_contains(std::to_string(response.status));
  if (described == nullptr && response.status >= 400) described = &responses.at("default");
  if (described == nullptr) return "status " + std::to_string(response.status) + " is not described";
  const auto* content = described->as_object().if_contains("content");
  if (content == nullptr) return response.body.empty() ? "" : "a body is not described";
  const auto* media = content->as_object().if_contains(response.content_type);
  if (media == nullptr) return response.content_type + " is not described";
  if (response.content_type.find("json") == std::string::npos || response.content_type.ends_with("jsonl")) return {};
  bj::object root{{"allOf", bj::array{media->at("schema")}}, {"components", api.at("components")}};
  bj::value closed = std::move(root);
  close_objects(closed);
  closed.as_object().erase("additionalProperties");
  for (const auto& found : policy::mismatches(Json::of(closed), Service::json_of(response)))
    return found.pointer + ": " + found.message + " in " + response.body.substr(0, 2'000);
  return {};
}

}  // namespace

TEST_CASE("openapi: the document and the routes name the same operations, scopes and parts of paths") {
  Service service;
  const auto api = document(service);
  CHECK(api.at("openapi").as_string() == "3.1.0");
  std::set<std::string> described;
  for (const auto& [path, methods] : api.at("paths").as_object())
    for (const auto& [method, operation] : methods.as_object()) {
      described.insert(std::string(method) + " " + std::string(path) + " " +
                       std::string(operation.at("x-scope").as_string()));
      std::set<std::string> parts;
      if (const auto* parameters = operation.as_object().if_contains("parameters"))
        for (const auto& parameter : parameters->as_array())
          if (parameter.at("in").as_string() == "path")
            parts.insert("{" + std::string(parameter.at("name").as_string()) + "}");
      for (const auto& part : parts_of(path))
        if (part.starts_with('{')) CHECK_MESSAGE(parts.erase(part) == 1, (std::string(path) + " " + part));
      CHECK(parts.empty());
    }
  const std::map<http::Scope, std::string> scopes{{http::Scope::none, "none"},
                                                  {http::Scope::read, "read"},
                                                  {http::Scope::operate, "operate"},
                                                  {http::Scope::admin, "admin"}};
  std::set<std::string> routed;
  for (const auto& route : service.routes) {
    routed.insert(lower(route.method) + " " + route.path + " " + scopes.at(route.scope));
    const auto& operation = api.at("paths").at(route.path).at(lower(route.method)).as_object();
    CHECK_MESSAGE((route.body_max > 0) == operation.contains("requestBody"), route.path);
  }
  CHECK(described == routed);
}

TEST_CASE("openapi: its schemas are sound") {
  Service service;
  const auto api = document(service);
  for (const auto& [name, schema] : api.at("components").at("schemas").as_object()) {
    bj::object root = schema.as_object();
    root["components"] = api.at("components");
    for (const auto& remark : policy::check_schema(Json::of(root)))
      if (remark.is_error) FAIL_CHECK(std::string(name) << remark.pointer << ": " << remark.message);
  }
}

TEST_CASE("openapi: what is really answered fits") {
  Seen seen;
  Service service;
  const auto api = document(service);
  const auto done = service.host.start(PlanBuilder("ab").edge('a', 'b').plan());
  REQUIRE(service.host.end_of(done) == "completed");
  auto asking = PlanBuilder("a");
  asking['a'].permission = workflow::Permission::ask;
  const auto waiting = service.host.start(asking.plan());
  REQUIRE(service.host.engine->follow(waiting, 1, seen.callback()));
  REQUIRE(seen.wait_for("approval_requested a"));

  const auto fits = [&](const std::string& path, const std::string& method, const http::Response& response,
                        unsigned status) {
    CAPTURE(path);
    CHECK(response.status == status);
    CHECK(misfit(api, path, method, response) == "");
  };
  fits("/v1/runs", "get", service.get("/v1/runs"), 200);
  fits("/v1/runs", "get", service.get("/v1/runs", {{"limit", "x"}}), 400);
  for (const auto& run : {done, waiting}) {
    const auto base = "/v1/runs/" + run.str();
    fits("/v1/runs/{run}", "get", service.get(base), 200);
    fits("/v1/runs/{run}/why", "get", service.get(base + "/why"), 200);
    fits("/v1/runs/{run}/why", "get", service.get(base + "/why", {{"node", "a"}}), 200);
    fits("/v1/runs/{run}/events", "get", service.get(base + "/events"), 200);
    fits("/v1/runs/{run}/calls", "get", service.get(base + "/calls"), 200);
    fits("/v1/runs/{run}/records", "get", service.get(base + "/records"), 200);
  }
  fits("/v1/runs/{run}/result", "get", service.get("/v1/runs/" + done.str() + "/result"), 200);
  fits("/v1/runs/{run}/result", "get", service.get("/v1/runs/" + waiting.str() + "/result"), 409);
  const auto told = "/v1/runs/" + waiting.str();
  fits("/v1/runs/{run}/approve", "post", service.post(told + "/approve", R"({"node": "a", "reason": "ok"})"), 200);
  REQUIRE(service.host.end_of(waiting) == "completed");
  fits("/v1/runs/{run}/cancel", "post", service.post(told + "/cancel", "{}"), 409);
  fits("/v1/runs", "post", service.post("/v1/runs", R"({"workflow": {"id": "x"}})", http::Scope::admin), 422);
  DeclareStream declare;
  declare.entry.id = "e";
  declare.entry.trigger = TriggerKind::timer;
  declare.entry.timer.emplace();
  declare.entry.timer->every = Millis(60'000);
  declare.entry.quota = Quota{1, 2, MicroUsd{5'000'000}, 1'000'000};
  declare.entry.retention = Retention{1, {}, {}};
  declare.plan = PlanBuilder("a").plan();
  declare.workflow_text = "{}";
  declare.workspace = "/";
  REQUIRE(service.host.engine->declare(std::move(declare)).has_value());
  const auto trigger = [&] { return service.post("/v1/streams/test/e/trigger", R"({"inputs": {}})"); };
  fits("/v1/streams/{workflow}/{entry}/trigger", "post", trigger(), 202);
  const auto beyond = trigger();
  fits("/v1/streams/{workflow}/{entry}/trigger", "post", beyond, 429);
  const auto retry = std::find_if(beyond.headers.begin(), beyond.headers.end(),
                                  [](const auto& header) { return header.first == "retry-after"; });
  REQUIRE(retry != beyond.headers.end());
  CHECK(std::stoi(retry->second) > 3'500);
  CHECK(std::stoi(retry->second) <= 3'600);
  const auto shown = service.get("/v1/streams/test/e");
  fits("/v1/streams/{workflow}/{entry}", "get", shown, 200);
  const auto stream = Service::json_of(shown).as_object();
  CHECK(stream.at("next").as_array().size() == 3);
  CHECK(stream.at("refusals").as_array().size() == 1);
  CHECK(stream.at("quota_used").at("runs_per_hour").as_int64() == 1);
  fits("/v1/top", "get", service.get("/v1/top"), 200);
  fits("/v1/streams", "get", service.get("/v1/streams"), 200);
  fits("/v1/streams/{workflow}/{entry}", "get", service.get("/v1/streams/no/such"), 404);
  fits("/v1/streams/{workflow}/{entry}/trigger", "post", service.post("/v1/streams/no/such/trigger", ""), 404);
  fits("/hooks/{workflow}/{entry}", "post", service.post("/hooks/no/such", "{}"), 404);
}

TEST_CASE("openapi: what is answered about the store as it is kept, and about workers, fits") {
  Service service;
  const auto api = document(service);
  const auto run = service.host.start(PlanBuilder("a").plan());
  REQUIRE(service.host.end_of(run) == "completed");
  DeclareStream declare;
  declare.entry.id = "e";
  declare.plan = PlanBuilder("a").plan();
  declare.workflow_text = "{}";
  declare.workspace = "/";
  REQUIRE(service.host.engine->declare(std::move(declare)).has_value());
  const auto fits = [&](const std::string& path, const std::string& method, const http::Response& response,
                        unsigned status) {
    CAPTURE(path);
    CHECK(response.status == status);
    CHECK(misfit(api, path, method, response) == "");
  };
  const auto fork = [&](const char* body) { return service.post("/v1/runs/" + run.str() + "/fork", body); };
  fits("/v1/runs/{run}/fork", "post", fork(R"({"from": "a"})"), 202);
  fits("/v1/runs/{run}/fork", "post", fork(R"({"at": 0})"), 400);
  fits("/v1/runs/{run}/fork", "post", fork(R"({"from": "nobody"})"), 404);
  fits("/v1/runs/{run}/fork", "post", fork(R"({"set": ["a"]})"), 400);
  fits("/v1/runs/{run}/fork", "post", fork(R"({"node": "a"})"), 400);
  fits("/v1/backups", "post", service.post("/v1/backups", R"({"name": "a"})"), 403);
  fits("/v1/workers", "get", service.get("/v1/workers"), 200);
  fits("/v1/workers/{worker}", "get", service.get("/v1/workers/w"), 404);
  fits("/v1/workers/{worker}/drain", "post", service.post("/v1/workers/w/drain", ""), 404);
  const auto histories = service.get("/v1/histories");
  fits("/v1/histories", "get", histories, 200);
  REQUIRE(Service::json_of(histories).as_array().size() == 1);
  const auto history = "/v1/histories/" + std::string(Service::json_of(histories).at(0).at("run").as_string());
  fits("/v1/histories/{history}", "get", service.get(history), 200);
  fits("/v1/histories/{history}/records", "get", service.get(history + "/records"), 200);
  fits("/v1/histories/{history}/records", "get", service.get("/v1/histories/" + run.str() + "/records"), 404);
  fits("/v1/log", "get", service.get("/v1/log"), 400);
  fits("/v1/removed", "get", service.get("/v1/removed", {{"after", "x"}, {"limit", "0"}}), 400);
}

}  // namespace hillstar::testing
