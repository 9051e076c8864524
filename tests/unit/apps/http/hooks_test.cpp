// SPDX-License-Identifier: Apache-2.0
// Streams and webhooks over an engine that remembers what it is asked: what streams do with it is the engine's to test.
#include "runtime/platform/hmac.hpp"
#include "tests/unit/apps/http/service.hpp"

namespace hillstar::testing {
namespace {

namespace bj = boost::json;

const std::string kSecret = "a secret of forty characters or thereabout";

/// Serves one stream, `flow/hook`; everything else is the real engine's.
class StreamEngine final : public Engine {
 public:
  explicit StreamEngine(Engine& real) : real_(real) {
    status_.declared.stream = "flow/hook";
    status_.declared.workflow = WorkflowId("flow");
    status_.declared.entry.id = "hook";
    status_.declared.entry.trigger = TriggerKind::webhook;
    status_.declared.entry.webhook = WebhookTrigger{WebhookScheme::github, {"HOOK_SECRET"}, {}, {}, {}};
  }

  Result<RunId> start(StartRun request) override { return real_.start(std::move(request)); }
  void start_async(StartRun request, std::function<void(Result<RunId>)> done) override {
    real_.start_async(std::move(request), std::move(done));
  }
  Result<std::uint64_t> follow(const RunId& run, std::uint64_t from, FeedCallback callback) override {
    return real_.follow(run, from, std::move(callback));
  }
  void unfollow(std::uint64_t ticket) override { real_.unfollow(ticket); }
  Result<std::uint64_t> watch(CommitCallback callback) override { return real_.watch(std::move(callback)); }
  void unwatch(std::uint64_t ticket) override { real_.unwatch(ticket); }
  Result<std::vector<Event>> tell(const RunId& run, Input input) override { return real_.tell(run, std::move(input)); }
  Result<void> set_environment(const RunId& run, std::vector<std::string> environment) override {
    return real_.set_environment(run, std::move(environment));
  }
  [[nodiscard]] std::vector<RunId> live_runs() const override { return real_.live_runs(); }
  [[nodiscard]] const persistence::EventStore& store() const override { return real_.store(); }
  void stop() override { real_.stop(); }

  void trigger_async(TriggerRun request, std::function<void(Result<Accepted>)> done) override {
    triggers.push_back(request);
    if (refuses) return done(*refuses);
    if (request.stream != "flow/hook") return done(Error{Errc::not_found, "no such stream"});
    done(Accepted{RunId("01BX5ZZKBKACTAV9WEVGEMMVRZ"), triggers.size() > 1, true});
  }
  Result<void> hold(const std::string&, bool held, std::string who, std::string reason) override {
    status_.held = held;
    said = who + ": " + reason;
    return {};
  }
  Result<void> remove(const std::string& stream, std::string) override {
    if (stream != "flow/hook") return Error{Errc::not_found, "no such stream"};
    return {};
  }
  [[nodiscard]] std::vector<StreamStatus> streams() const override { return {status_}; }
  Result<Json> ask_state(AskState request) override { return real_.ask_state(std::move(request)); }
  void end_chain(const std::string& stream, std::string why) override { real_.end_chain(stream, std::move(why)); }
  [[nodiscard]] std::vector<PoolStatus> pools() const override { return real_.pools(); }
  Result<std::uint16_t> take_workers(WorkersAt at) override { return real_.take_workers(std::move(at)); }
  [[nodiscard]] std::vector<WorkerStatus> workers() const override { return real_.workers(); }
  Result<void> change_worker(const std::string& name, WorkerChange change) override {
    return real_.change_worker(name, change);
  }
  Result<void> between_commits(std::function<Result<bool>()> step) override {
    return real_.between_commits(std::move(step));
  }
  Result<StreamStatus> declare(DeclareStream request) override { return real_.declare(std::move(request)); }
  Result<void> skip_firing(const std::string& stream, UtcTime due, std::string reason) override {
    return real_.skip_firing(stream, due, std::move(reason));
  }
  Result<void> move_cursor(const std::string& stream, std::uint64_t position) override {
    return real_.move_cursor(stream, position);
  }

  std::vector<TriggerRun> triggers;
  std::optional<Error> refuses;
  std::string said;
  StreamStatus status_;

 private:
  Engine& real_;
};

struct StreamService : Service {
  StreamService() : streams(*host.engine) {
    http::ApiParts parts{streams, store};
    parts.refuses = [this] { return refuses; };
    parts.environment = {"HOOK_SECRET=" + kSecret};
    parts.workspace = "/";
    routes = http::api_routes(std::move(parts));
  }
  ~StreamService() { routes.clear(); }

  http::Response hook(const std::string& body, std::vector<std::pair<std::string, std::string>> headers = {},
                      const std::string& secret = kSecret) {
    headers.emplace_back("x-hub-signature-256", "sha256=" + to_hex(hmac_sha256(secret, body)));
    headers.emplace_back("x-github-delivery", "d-1");
    return post("/hooks/flow/hook", body, http::Scope::none, std::move(headers));
  }

  StreamEngine streams;
};

const std::pair<std::string, std::string> kJson{"content-type", "application/json"};

}  // namespace

TEST_CASE("hooks: a signed delivery becomes a trigger, with its body and the headers that are shown") {
  StreamService service;
  const auto answer = service.hook(R"({"issue": 7})", {kJson, {"cookie", "secret"}, {"x-github-event", "issues"}});
  CAPTURE(answer.body);
  CHECK(answer.status == 202);
  CHECK(answer.body == R"({"queued":true,"repeated":false,"run":"01BX5ZZKBKACTAV9WEVGEMMVRZ"})");
  REQUIRE(service.streams.triggers.size() == 1);
  const auto& trigger = service.streams.triggers.front();
  CHECK(trigger.kind == TriggerKind::webhook);
  CHECK(trigger.stream == "flow/hook");
  REQUIRE(trigger.key);
  CHECK(*trigger.key == "d-1");
  CHECK(trigger.event.text() == R"({"body":{"issue":7},"delivery":"d-1","headers":{"content-type":"application/json",)"
                                R"("x-github-delivery":"d-1","x-github-event":"issues"}})");
}

TEST_CASE("hooks: what is no JSON is text, and what the author chose as key wins") {
  StreamService service;
  service.streams.status_.declared.entry.dedupe = "{{ trigger.raw_body }}";
  CHECK(service.hook("plain \xff", {{"content-type", "text/plain"}}).status == 202);
  const auto& trigger = service.streams.triggers.front();
  CHECK(!trigger.key);
  CHECK(trigger.event.text().find("\"raw_body\":\"plain \xef\xbf\xbd\"") != std::string::npos);
}

TEST_CASE("hooks: who cannot prove who they are learns nothing, and starts nothing") {
  StreamService service;
  const auto forged = service.hook("{}", {kJson}, "another secret");
  CHECK(forged.status == 401);
  CHECK(forged.content_type == "application/problem+json");
  CHECK(service.post("/hooks/flow/hook", "{}").status == 401);
  CHECK(service.post("/hooks/flow/other", "{}").status == 404);
  CHECK(service.streams.triggers.empty());
  StreamService other;
  other.streams.status_.declared.entry.trigger = TriggerKind::api;
  CHECK(other.hook("{}", {kJson}).status == 404);
  CHECK(other.streams.triggers.empty());
}

TEST_CASE("hooks: bodies that are not taken, and streams that do not take any") {
  StreamService service;
  CHECK(service.hook("{", {kJson}).status == 400);
  CHECK(service.hook("{}", {kJson, {"content-encoding", "gzip"}}).status == 415);
  CHECK(service.hook("x", {{"content-type", "multipart/form-data; boundary=x"}}).status == 415);
  CHECK(service.streams.triggers.empty());
  for (const auto& [code, status] :
       {std::pair{Errc::stream_full, 429U}, {Errc::stream_held, 409U}, {Errc::draining, 503U}}) {
    service.streams.refuses = Error{code, "not now"};
    CHECK(service.hook("{}", {kJson}).status == status);
  }
  service.refuses = Error{Errc::draining, "The service is about to stop."};
  CHECK(service.hook("{}", {kJson}).status == 503);
}

TEST_CASE("hooks: without a secret nobody is let in") {
  StreamService service;
  service.streams.status_.declared.entry.webhook->secrets = {"NOT_SET"};
  const auto answer = service.hook("{}", {kJson}, "");
  CHECK(answer.status == 503);
  CHECK(answer.body.find("NOT_SET") == std::string::npos);
}

TEST_CASE("streams: a caller triggers one with inputs or an event, a key and labels") {
  StreamService service;
  const auto one = std::string("/v1/streams/flow/hook");
  const auto answer = service.post(
      one + "/trigger", R"({"event": [1], "labels": {"a": "b"}, "correlation": "c"})", http::Scope::operate,
      {{"idempotency-key", "k"}, {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
  CAPTURE(answer.body);
  REQUIRE(answer.status == 202);
  const auto& trigger = service.streams.triggers.front();
  CHECK(trigger.kind == TriggerKind::api);
  CHECK(trigger.event.text() == R"({"body":[1]})");
  CHECK(*trigger.key == "k");
  CHECK(trigger.trace);
  CHECK(trigger.started_by == "ada");
  CHECK(
      service.post(one + "/trigger", R"({"key": "other"})", http::Scope::operate, {{"idempotency-key", "k"}}).status ==
      400);
  CHECK(service.post(one + "/trigger", R"({"inputs": []})").status == 400);
  CHECK(service.post(one + "/trigger", R"({"input": {}})").status == 400);
  CHECK(service.post("/v1/streams/flow/none/trigger", "").status == 404);
}

TEST_CASE("streams: shown, held, released and removed") {
  StreamService service;
  const auto one = std::string("/v1/streams/flow/hook");
  CHECK(Service::json_of(service.get("/v1/streams")).as_array().size() == 1);
  CHECK(Service::json_of(service.get(one)).at("entry").at("trigger").as_string() == "webhook");
  CHECK(service.get("/v1/streams/flow/none").status == 404);
  const auto held = service.post(one + "/hold", R"({"reason": "maintenance"})");
  CHECK(Service::json_of(held).at("held").as_bool());
  CHECK(service.streams.said == "ada: maintenance");
  CHECK(!Service::json_of(service.post(one + "/release", "")).at("held").as_bool());
  http::Request request;
  request.method = "DELETE";
  request.path = one;
  CHECK(service.call(request)->wait().status == 204);
  request.method = "PUT";
  for (const auto& [body, status] : {std::pair<std::string, unsigned>{"{}", 400},
                                     {R"({"workflow": {"id": "x"}})", 422},
                                     {R"({"workflow": {}, "workspace": "here"})", 400},
                                     {R"({"workflow": {}, "entry": {}})", 400}}) {
    request.body = body;
    CAPTURE(body);
    CHECK(service.call(request)->wait().status == status);
  }
}

}  // namespace hillstar::testing
