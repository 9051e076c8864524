// SPDX-License-Identifier: Apache-2.0
// What the engine refuses by itself, whoever starts a run and whatever was checked before.
#include <doctest/doctest.h>

#include <filesystem>

#include "runtime/workflow/compile.hpp"
#include "tests/support/accepted_terms.hpp"
#include "tests/support/engine_host.hpp"
#include "tests/support/scripted_transport.hpp"
#include "tests/unit/runtime/platform/temp_folder.hpp"

using namespace hillstar;
using namespace hillstar::testing;

namespace {

const std::string kAsk = R"({"tool":"model_call","provider":"anthropic","model":"opus","input":"x","retry":1})";

std::shared_ptr<const workflow::Plan> plan_of(const std::string& node, const std::string& more = "") {
  auto compiled = workflow::compile(R"({"id":"w","graph":{"nodes":{"a":)" + node + R"(},"edges":[]})" +
                                    (more.empty() ? "" : "," + more) + "}");
  REQUIRE(compiled.plan.has_value());
  return std::make_shared<const workflow::Plan>(*std::move(compiled.plan));
}

struct Bench {
  Bench()
      : transport(std::make_shared<ScriptedTransport>([](const providers::HttpRequest&) {
          return std::string(
              "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"o\","
              "\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"
              "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
              "\"content_block\":{\"type\":\"text\",\"text\":\"hello\"}}\n\n"
              "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
              "\"usage\":{\"output_tokens\":1}}\n\n"
              "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        })) {
    host.options.transport = transport;
    host.up();
  }

  Result<RunId> start(std::shared_ptr<const workflow::Plan> plan, bool air_gapped = false,
                      const std::string& text = "{}") {
    StartRun request;
    request.plan = std::move(plan);
    request.workflow_text = text;
    request.inputs = Json::from_canonical("{}");
    request.workspace = "/";
    request.environment = {"ANTHROPIC_API_KEY=a-key-of-nobody", "XDG_CONFIG_HOME=" + folder.path()};
    request.started_by = "tester";
    request.air_gapped = air_gapped;
    return host.engine->start(std::move(request));
  }

  TempFolder folder;  ///< The user's settings, with their policy.
  persistence::MemoryStore store;
  Host host{store};
  std::shared_ptr<ScriptedTransport> transport;
};

}  // namespace

TEST_CASE("engine: a provider whose terms nobody accepted gets no request") {
  Bench bench;
  const auto run = bench.start(plan_of(kAsk));
  REQUIRE(run.has_value());
  CHECK(bench.host.end_of(*run) == "failed");
  CHECK(bench.transport->requests().empty());
  const auto history = bench.store.read(*run);
  REQUIRE(history.has_value());
  bool told = false;
  for (const auto& recorded : *history)
    if (const auto* failed = std::get_if<NodeAttemptFailed>(&recorded.event))
      told = failed->failure.kind == FailureClass::permission && failed->failure.message.find("HS304") == 0;
  CHECK(told);
}

TEST_CASE("engine: once they are accepted, it does") {
  Bench bench;
  const auto run = bench.start(plan_of(kAsk, kAcceptedTerms));
  REQUIRE(run.has_value());
  CHECK(bench.host.end_of(*run) == "completed");
  CHECK(bench.transport->requests().size() == 1);
}

TEST_CASE("engine: a run whose data would leave its clearance does not start, and nothing of it is stored") {
  Bench bench;
  const auto plan = plan_of(R"({"tool":"model_call","provider":"anthropic","model":"opus","input":"{{ inputs.p }}"})",
                            std::string(kAcceptedTerms) + R"(,"inputs":{"p":{"data":"internal","default":"x"}})");
  const auto run = bench.start(plan);
  REQUIRE(!run.has_value());
  CHECK(run.error().code == Errc::data_refused);
  CHECK(run.error().message.find("inputs.p -> a") != std::string::npos);
  std::size_t rows = 0;
  REQUIRE(bench.store.list([&](const run::Summary&) { return ++rows > 0; }));
  CHECK(rows == 0);
}

TEST_CASE("engine: an air-gapped run that would need a cloud does not start") {
  Bench bench;
  const auto run = bench.start(plan_of(kAsk, kAcceptedTerms), true);
  REQUIRE(!run.has_value());
  CHECK(run.error().code == Errc::air_gapped);
  CHECK(bench.transport->requests().empty());
}

TEST_CASE("engine: what looks like a credential is not stored, not even as a blob") {
  Bench bench;
  const std::string key = "gh" + std::string("p_") + std::string(36, 'x');
  const auto run = bench.start(plan_of(kAsk), false, R"({"id":"w","note":")" + key + "\"}");
  REQUIRE(!run.has_value());
  CHECK(run.error().code == Errc::credential_found);
  CHECK(run.error().where == "/note");
}

TEST_CASE("engine: a policy that a plan does not fit refuses it each time, also a plan that ran before") {
  Bench bench;
  const auto plan = plan_of(R"({"tool":"script_run","parameters":{"script":"true"},"data":"internal"})");
  const auto run = bench.start(plan);
  REQUIRE(run.has_value());
  CHECK(bench.host.end_of(*run) == "completed");
  std::filesystem::create_directory(bench.folder / "hillstar");
  put(bench.folder / "hillstar/policy.json", R"({"data":{"classes":["open","closed"]}})");
  for (int i = 0; i < 2; ++i) {
    const auto refused = bench.start(plan);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == Errc::data_refused);
    CHECK(refused.error().message.find("no data class 'internal'") != std::string::npos);
  }
}
