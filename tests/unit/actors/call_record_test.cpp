// SPDX-License-Identifier: Apache-2.0
#include "actors/call_record.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "messages/json_codec.hpp"
#include "tests/support/engine_host.hpp"
#include "tests/support/scripted_transport.hpp"

using namespace hillstar;
using namespace hillstar::actors;
using namespace hillstar::testing;

namespace {

const AttemptRef kRef{0, std::nullopt, 1};
const std::string kSecret = "a-key-that-nobody-may-see-1234";

ModelReply full_reply() {
  ModelReply reply;
  reply.text = "two lines\n\"quoted\" \xF0\x9F\x8C\x8A";
  reply.model = "m-2026";
  reply.finish = FinishKind::tool_calls;
  reply.finish_reason = "tool_use";
  reply.request_id = "req_1";
  reply.fingerprint = "fp";
  reply.reasoning = "because";
  reply.tool_calls = {{"c1", "look", Json::from_canonical(R"({"at":[1,2.5]})")},
                      {"c2", "say", Json::string("no JSON")}};
  reply.verbatim = Json::from_canonical(R"({"adapter":"x","content":[null,true]})");
  reply.usage = {7, 5, 3, 2, MicroUsd{11}, 1};
  return reply;
}

std::shared_ptr<const workflow::Plan> asking(const std::string& address) {
  PlanBuilder plan("a");
  plan['a'].tool = "model_call";
  plan['a'].provider = "lab";
  plan['a'].model = "tiny";
  plan['a'].input = Json::string("a question");
  auto whole = *plan.plan();
  whole.model_config = Json::from_canonical(R"({"custom_providers":{"lab":{"endpoint":")" + address +
                                            R"(","key_env":"LAB_KEY","type":"custom"}}})");
  return std::make_shared<const workflow::Plan>(std::move(whole));
}

}  // namespace

TEST_CASE("call record: a whole reply comes back as it was") {
  const ModelDone done{kRef, full_reply(), {}};
  const auto text = reply_record(done, 200, {}).text();
  const auto tree = json::parse(text);
  REQUIRE(tree);
  CHECK(json::canonical(*tree) == text);
  const auto read = read_reply_record(text, kRef);
  REQUIRE(read);
  CHECK(std::get<ModelReply>(read->answer) == full_reply());
  CHECK(reply_record(*read, 200, {}).text() == text);
}

TEST_CASE("call record: an empty reply comes back as it was, bytes that are no text do not break the record") {
  CHECK(std::get<ModelReply>(read_reply_record(reply_record({kRef, ModelReply{}, {}}, 0, {}).text(), kRef)->answer) ==
        ModelReply{});
  ModelReply reply;
  reply.text = "a\xFFz";
  const auto read = read_reply_record(reply_record({kRef, reply, {}}, 0, {}).text(), kRef);
  REQUIRE(read);
  CHECK(std::get<ModelReply>(read->answer).text == "a\xEF\xBF\xBDz");
}

TEST_CASE("call record: failures, cut streams, cancelled and lost calls are kept") {
  const Failure failure{FailureClass::network, "the stream was cut", Millis{30'000}};
  const auto failed = reply_record({kRef, failure, "half an ans"}, 503, {}).text();
  CHECK(failed.find(R"("status":503)") != std::string::npos);
  const auto read = read_reply_record(failed, kRef);
  REQUIRE(read);
  CHECK(std::get<Failure>(read->answer) == failure);
  CHECK(read->partial == "half an ans");
  const auto cancelled = read_reply_record(reply_record({kRef, AttemptCancelled{kRef}, "ha"}, 0, {}).text(), kRef);
  REQUIRE(cancelled);
  CHECK(std::holds_alternative<AttemptCancelled>(cancelled->answer));
  CHECK(cancelled->partial == "ha");
  const auto lost = read_reply_record(reply_record({kRef, AttemptLost{kRef}, {}}, 0, {}).text(), kRef);
  REQUIRE(lost);
  CHECK(std::holds_alternative<AttemptLost>(lost->answer));
}

TEST_CASE("call record: what is no record is refused") {
  for (const char* text : {"", "{", "[]", "{}", R"({"reply":{}})", R"({"reply":7})", R"({"failure":{"kind":"odd"}})",
                           R"({"lost":true,"partial":3})"})
    CHECK_FALSE(read_reply_record(text, kRef));
}

TEST_CASE("call record: of a request neither keys nor unknown headers nor secrets are kept") {
  providers::HttpRequest request;
  request.url = "https://lab.example/v1/chat";
  request.headers = {{"Content-Type", "application/json"},
                     {"anthropic-version", "2023-06-01"},
                     {"x-api-key", kSecret},
                     {"cookie", "who=me"}};
  request.key_header = "x-api-key";
  request.bearer = Secret(kSecret);
  request.body = R"({"z":1,"prompt":"say )" + kSecret + R"("})";
  const policy::Redactor redactor({kSecret});
  const auto text = request_record(sent_request(request), redactor).text();
  CHECK(text ==
        R"({"body":{"prompt":"say [REDACTED:known_secret]","z":1},"headers":{"anthropic-version":)"
        R"("2023-06-01","content-type":"application/json"},"method":"POST","url":"https://lab.example/v1/chat"})");
  request.body = "no JSON";
  CHECK(request_record(sent_request(request), redactor).text().starts_with(R"({"body":"no JSON")"));
}

TEST_CASE("call record: names go into the detail that is there, and into none") {
  const CallNames names{"11", "22"};
  CHECK(with_names(Json::from_canonical(R"({"model":"m"})"), names).text() ==
        R"({"model":"m","reply_sha256":"22","request_sha256":"11"})");
  CHECK(names_in(with_names(std::nullopt, names)).reply == "22");
  CHECK(names_in(Json::from_canonical(R"({"model":"m"})")).request.empty());
  CHECK(names_in(Json::from_canonical(R"({"reply_sha256":7,"x_sha256":"a"})")).reply.empty());
  NodeOutcome outcome = AttemptCancelled{kRef};
  name_records(outcome, names);
  CHECK(names_in(std::get<AttemptCancelled>(outcome).detail).request == "11");
}

TEST_CASE("call record: an attempt's last event names both blobs, and no secret is in them") {
  persistence::MemoryStore store;
  Host host(store);
  host.options.transport = std::make_shared<ScriptedTransport>([](const providers::HttpRequest&) {
    return R"(data: {"model":"tiny-1","choices":[{"index":0,"delta":{"content":"your key is )" + kSecret +
           "\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
  });
  host.up();
  StartRun request;
  request.plan = asking("http://127.0.0.1:9");
  request.workflow_text = "{}";
  request.inputs = Json::from_canonical("{}");
  request.workspace = "/";
  request.environment = {"LAB_KEY=" + kSecret};
  const auto run = host.engine->start(std::move(request));
  REQUIRE(run);
  REQUIRE(host.end_of(*run) == "completed");
  const auto history = store.read(*run);
  REQUIRE(history);
  CallNames names;
  for (const auto& recorded : *history)
    if (const auto* completed = std::get_if<NodeCompleted>(&recorded.event)) names = names_in(completed->detail);
  const auto sent = store.read_blob(names.request);
  const auto got = store.read_blob(names.reply);
  REQUIRE(sent);
  REQUIRE(got);
  CHECK(sent->find("a question") != std::string::npos);
  CHECK(got->find("your key is [REDACTED:known_secret]") != std::string::npos);
  for (const auto* text : {&*sent, &*got}) CHECK(text->find(kSecret) == std::string::npos);
}

TEST_CASE("call record: a call that is cancelled keeps what was sent") {
  persistence::MemoryStore store;
  Host host(store);
  Gate sent;
  host.options.transport = std::make_shared<ScriptedTransport>([&sent](const providers::HttpRequest&) {
    sent.open();
    return std::string();
  });
  host.up();
  const auto run = host.start(asking("http://127.0.0.1:9"));
  REQUIRE(sent.wait());
  REQUIRE(host.tell(run, CancelAsked{"tester", "enough"}));
  REQUIRE(host.end_of(run) == "cancelled");
  const auto history = store.read(run);
  REQUIRE(history);
  bool found = false;
  for (const auto& recorded : *history)
    if (const auto* cancelled = std::get_if<NodeCancelled>(&recorded.event)) {
      const auto names = names_in(cancelled->detail);
      REQUIRE(store.has_blob(names.reply));
      CHECK(*store.read_blob(names.reply) == R"({"cancelled":true})");
      found = store.has_blob(names.request);
    }
  CHECK(found);
}
