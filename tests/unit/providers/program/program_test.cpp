// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <future>

#include "providers/program/context.hpp"
#include "providers/program/transport.hpp"
#include "runtime/policy/program_address.hpp"
#include "tests/unit/providers/adapter_probe.hpp"

using namespace hillstar;
using namespace hillstar::providers;
using namespace hillstar::providers::probe;

namespace {

Endpoint program_endpoint(const std::string& address = R"(program:["ask"])") {
  auto context = std::make_shared<ProgramContext>();
  context->folder = "/";
  context->environment = {"PATH=/bin:/usr/bin", "TOKEN=canary-canary"};
  context->redactor = policy::Redactor({"canary-canary"});
  context->run = "R";
  context->node = "n[3]";
  context->attempt = 2;
  context->idempotency_key = "R/n[3]";
  Endpoint made;
  made.base_url = address;
  made.program = std::move(context);
  return made;
}

class Servers final : public Transport {
 public:
  std::shared_ptr<Cancellation> send(HttpRequest request, HttpCallbacks callbacks) override {
    callbacks.done(Failure{FailureClass::server, request.url, {}});
    return nullptr;
  }
};

struct Sent {
  std::future<HttpOutcome> outcome;
  std::shared_ptr<Cancellation> handle;
};

HttpRequest shell(const std::string& line) {
  HttpRequest request;
  request.url = policy::program_address({"sh", "-c", line});
  request.program = program_endpoint().program;
  return request;
}

Sent send(Transport& transport, HttpRequest request, std::function<void(std::string_view)> on_body = {}) {
  auto promise = std::make_shared<std::promise<HttpOutcome>>();
  Sent sent{promise->get_future(), {}};
  sent.handle =
      transport.send(std::move(request),
                     {std::move(on_body), [promise](HttpOutcome outcome) { promise->set_value(std::move(outcome)); }});
  return sent;
}

Failure failure_of(Transport& transport, HttpRequest request) {
  auto outcome = send(transport, std::move(request)).outcome.get();
  REQUIRE(std::holds_alternative<Failure>(outcome));
  return std::get<Failure>(outcome);
}

std::variant<ModelReply, Failure> read(const char* adapter, std::string_view bytes, HttpOutcome end = HttpReply{}) {
  if (auto* reply = std::get_if<HttpReply>(&end)) reply->status = 200;
  const auto reader = find_adapter(adapter)->reader({});
  for (const char c : bytes) reader->feed({&c, 1});
  auto pieces = reader->finish(end);
  const auto other = find_adapter(adapter)->reader({});
  other->feed(bytes);
  const auto whole = other->finish(end);
  CHECK(whole.index() == pieces.index());
  return pieces;
}

}  // namespace

TEST_CASE("program: an address is its command, and nothing else is one") {
  const std::vector<std::string> command{"python3", "a b", "\"", "ä\n"};
  const auto address = policy::program_address(command);
  CHECK(policy::is_program(address));
  const auto back = policy::program_of(address);
  REQUIRE(back);
  CHECK(*back == command);
  for (const char* bad : {"http://h", "program:", "program:[]", "program:[7]", "program:{}", "program:[\"\"]",
                          "program:[\"a\\u0000\"]", "program:\"a\""})
    CHECK_FALSE(policy::program_of(bad));
  CHECK_FALSE(policy::check_command(std::vector<std::string>(policy::kProgramArgumentsMax + 1, "x")));
  CHECK(policy::check_command(std::vector<std::string>(policy::kProgramArgumentsMax, "x")));
  CHECK_FALSE(policy::check_command({std::string(policy::kProgramAddressBytesMax, 'x')}));
}

TEST_CASE("program transport: a program gains no rights, leaves no core dump and inherits no descriptors") {
  const auto transport = with_programs(std::make_unique<Servers>());
  auto outcome =
      send(*transport,
           shell("grep NoNewPrivs /proc/self/status; ulimit -Hc; for fd in /proc/self/fd/*; do echo $fd; done"))
          .outcome.get();
  REQUIRE(std::holds_alternative<HttpReply>(outcome));
  const auto& body = std::get<HttpReply>(outcome).body;
  CHECK(body.starts_with("NoNewPrivs:\t1\n0\n"));
  CHECK(std::count(body.begin(), body.end(), '\n') <= 2 + 4);  // 0, 1, 2, and the listing's own
}

TEST_CASE("program transport: stdin, stdout and the exit code are request, body and status") {
  const auto transport = with_programs(std::make_unique<Servers>());
  auto request = shell("tr a-z A-Z");
  request.body = "hello";
  auto outcome = send(*transport, std::move(request)).outcome.get();
  REQUIRE(std::holds_alternative<HttpReply>(outcome));
  CHECK(std::get<HttpReply>(outcome).status == 200);
  CHECK(std::get<HttpReply>(outcome).body == "HELLO");
  std::string seen;
  (void)send(*transport, shell("echo streamed"), [&](std::string_view piece) { seen += piece; }).outcome.get();
  CHECK(seen == "streamed\n");
  HttpRequest other;
  other.url = "http://h/";
  CHECK(failure_of(*transport, other).message == "http://h/");
}

TEST_CASE("program transport: every bad end has its class, and stderr is told without secrets") {
  const auto transport = with_programs(std::make_unique<Servers>());
  const auto code = failure_of(*transport, shell("echo why $TOKEN >&2; exit 3"));
  CHECK(code.kind == FailureClass::exit_code);
  CHECK(code.message.find("exit code 3: why [REDACTED") != std::string::npos);
  CHECK(failure_of(*transport, shell("kill -SEGV $$")).kind == FailureClass::signal);
  auto slow = shell("sleep 300");
  slow.total_timeout = Millis(50);
  CHECK(failure_of(*transport, std::move(slow)).kind == FailureClass::timeout);
  auto loud = shell("yes");
  loud.body_bytes_max = 100'000;
  CHECK(failure_of(*transport, std::move(loud)).kind == FailureClass::output_limit);
  auto absent = shell("");
  absent.url = R"(program:["/not/there"])";
  CHECK(failure_of(*transport, std::move(absent)).kind == FailureClass::spawn);
  auto broken = shell("");
  broken.url = "program:7";
  CHECK(failure_of(*transport, std::move(broken)).kind == FailureClass::invalid_request);
  HttpRequest bare;
  bare.url = R"(program:["true"])";
  CHECK(failure_of(*transport, std::move(bare)).kind == FailureClass::internal);
}

TEST_CASE("program transport: calls are cancelled while they run, while they wait, and when it goes") {
  auto transport = with_programs(std::make_unique<Servers>());
  std::promise<void> runs;
  auto first = send(*transport, shell("echo x; sleep 300"), [&](std::string_view) { runs.set_value(); });
  runs.get_future().wait();
  first.handle->cancel();
  CHECK(std::get<Failure>(first.outcome.get()).kind == FailureClass::network);
  std::vector<Sent> many;
  for (std::size_t i = 0; i < kProgramsMax + 3; ++i) many.push_back(send(*transport, shell("sleep 300")));
  many.back().handle->cancel();
  CHECK(std::get<Failure>(many.back().outcome.get()).kind == FailureClass::network);
  many.pop_back();
  transport.reset();
  for (auto& one : many) CHECK(std::get<Failure>(one.outcome.get()).kind == FailureClass::network);
}

TEST_CASE("script: the request says who asks what, by the names of workflow files") {
  auto request = asked("two and two");
  request.system = "be brief";
  request.max_tokens = 7;
  request.temperature = json_of("0.5");
  request.stop = {"END"};
  request.effort = "low";
  request.messages = {turn(ModelRole::user, "hi"), turn(ModelRole::assistant, "yes?")};
  request.extra = json_of(R"({"mine":1,"run":"forged"})");
  const auto sent = find_adapter("script")->encode(request, program_endpoint());
  REQUIRE(sent);
  CHECK(sent->url == R"(program:["ask"])");
  CHECK(sent->body.find("canary") == std::string::npos);
  CHECK(json_of(sent->body) ==
        json_of(R"({"version":1,"run":"R","node":"n[3]","attempt":2,"idempotency_key":"R/n[3]","model":"m",)"
                R"("system":"be brief","messages":[{"role":"user","text":"hi"},{"role":"assistant","text":"yes?"}],)"
                R"("prompt":"two and two","max_tokens":7,"temperature":0.5,"stop":["END"],"reasoning_effort":"low",)"
                R"("mine":1})"));
}

TEST_CASE("script: replies whole, streamed and with tools") {
  const auto reply = [](std::string_view bytes) {
    auto read_reply = read("script", bytes);
    REQUIRE_MESSAGE(std::holds_alternative<ModelReply>(read_reply), std::string(bytes));
    return std::get<ModelReply>(read_reply);
  };
  CHECK(reply("{\"text\":\"a\"}").text == "a");
  CHECK(reply("{\n \"text\": \"a\"\n}\n").text == "a");
  CHECK(reply("{\"delta\":\"a\"}\n{\"delta\":\"b\"}\r\n\n{\"usage\":{\"output_tokens\":2}}").text == "ab");
  CHECK(reply("{\"delta\":\"a\"}\n{\"text\":\"c\"}").text == "c");
  const auto full = reply(R"({"text":"a","model":"m2","finish_reason":"length","reasoning":"r","usage":)"
                          R"({"input_tokens":3,"output_tokens":4,"cached_tokens":2},)"
                          R"("tool_calls":[{"id":"1","name":"f","arguments":{"x":1}}]})");
  CHECK(full.model == "m2");
  CHECK(full.finish == FinishKind::length);
  CHECK(full.reasoning == "r");
  CHECK(full.usage.input_tokens == 3);
  CHECK(full.usage.cached_tokens == 2U);
  REQUIRE(full.tool_calls.size() == 1);
  CHECK(full.tool_calls[0].arguments == json_of(R"({"x":1})"));
}

TEST_CASE("script: its own word of a failure counts more than the exit code, and less than our stop") {
  const auto kind = [](std::string_view bytes, HttpOutcome end = HttpReply{}) {
    auto outcome = read("script", bytes, std::move(end));
    REQUIRE_MESSAGE(std::holds_alternative<Failure>(outcome), std::string(bytes));
    return std::get<Failure>(outcome);
  };
  const Failure code{FailureClass::exit_code, "exit code 1: why", {}};
  const std::string error = R"({"error":{"class":"rate_limited","message":"slow","retry_after_s":1.5}})";
  CHECK(kind(error).kind == FailureClass::rate_limited);
  CHECK(kind(error).retry_after == Millis(1500));
  CHECK(kind(error, code).kind == FailureClass::rate_limited);
  CHECK(kind(error, Failure{FailureClass::timeout, "late", {}}).kind == FailureClass::timeout);
  CHECK(kind("{\"text\":\"a\"}", code).message == "exit code 1: why");
  CHECK(kind("rubbish", code).kind == FailureClass::exit_code);
  CHECK(kind(R"({"error":"plain"})").kind == FailureClass::server);
  CHECK(kind(R"({"error":{"retry_after_s":1e300}})").retry_after == Millis(600'000));
  CHECK_FALSE(kind(R"({"error":{"retry_after_s":-1}})").retry_after);
  for (const char* bad : {"", "{", "rubbish", "7", "{\"text\":1}", "{}", "{\"text\":\"a\"} x", "{\"a\n", "\xff",
                          "{\"delta\":1}", "{\"delta\":\"a\"}", "{\"text\":\"a\"}\nmore"})
    CHECK_MESSAGE(kind(bad).kind == FailureClass::malformed_reply, bad);
}

TEST_CASE("codex: the prompt is stdin, and what it has no word for is refused") {
  auto request = asked("two and two");
  request.system = "be brief";
  request.extra = json_of(R"({"reasoning_effort":"high"})");
  const auto http = find_adapter("codex")->encode(request, program_endpoint(R"(program:["codex"])"));
  REQUIRE(http);
  CHECK(http->body == "be brief\n\ntwo and two");
  const auto command = policy::program_of(http->url);
  REQUIRE(command);
  CHECK(std::count(command->begin(), command->end(), "--model=m") == 1);
  CHECK(std::count(command->begin(), command->end(), "--config=model_reasoning_effort=\"high\"") == 1);
  CHECK(command->back() == "-");
  const auto refused = [](ModelRequest wrong) {
    return !find_adapter("codex")->encode(wrong, program_endpoint(R"(program:["codex"])")).has_value();
  };
  auto wrong = asked();
  wrong.temperature = json_of("1");
  CHECK(refused(wrong));
  wrong = asked();
  wrong.messages = {turn(ModelRole::user, "x")};
  CHECK(refused(wrong));
  wrong = asked();
  wrong.effort = "high\" x=\"";
  CHECK(refused(wrong));
  wrong = asked();
  wrong.extra = json_of(R"({"seed":1})");
  CHECK(refused(wrong));
}

TEST_CASE("codex: the last message is the answer, noise and new events are passed over") {
  const auto outcome = read("codex",
                            "noise\n{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n{\"type\":\"error\",\"message\":"
                            "\"Reconnecting\"}\n{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\","
                            "\"text\":\"a\"}}\n{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\","
                            "\"text\":\"b\"}}\n{\"type\":\"new\"}\n{\"type\":\"turn.completed\",\"usage\":"
                            "{\"input_tokens\":5,\"cached_input_tokens\":4,\"output_tokens\":1}}\n");
  REQUIRE(std::holds_alternative<ModelReply>(outcome));
  const auto& reply = std::get<ModelReply>(outcome);
  CHECK(reply.text == "b");
  CHECK(reply.request_id == "t");
  CHECK(reply.usage.cached_tokens == 4U);
}

TEST_CASE("codex: what it says of a failure becomes its class") {
  const auto kind = [](std::string_view bytes, HttpOutcome end = HttpReply{}) {
    return std::get<Failure>(read("codex", bytes, std::move(end))).kind;
  };
  const auto turn_failed = [&](const std::string& words) {
    return kind(R"({"type":"turn.failed","error":{"message":")" + words + "\"}}\n");
  };
  CHECK(turn_failed("You've hit your usage limit.") == FailureClass::quota);
  CHECK(turn_failed("unexpected status 401 Unauthorized") == FailureClass::auth);
  CHECK(turn_failed("rate limit reached") == FailureClass::rate_limited);
  CHECK(turn_failed("stream disconnected before completion") == FailureClass::network);
  CHECK(turn_failed("exceeds the context window") == FailureClass::context_too_long);
  CHECK(turn_failed("what is this") == FailureClass::server);
  CHECK(kind("", Failure{FailureClass::spawn, "absent", {}}) == FailureClass::auth);
  CHECK(kind("", Failure{FailureClass::exit_code, "error: unexpected argument", {}}) == FailureClass::invalid_request);
  CHECK(kind("", Failure{FailureClass::exit_code, "odd", {}}) == FailureClass::exit_code);
  CHECK(kind("") == FailureClass::malformed_reply);
}
