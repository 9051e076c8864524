// SPDX-License-Identifier: Apache-2.0
// Programs as backends: how they are named, and where they may not be asked.
#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "runtime/policy/model_choice.hpp"
#include "runtime/policy/program_address.hpp"

using namespace hillstar;
using policy::Backend;

namespace {

Json json_of(std::string_view text) {
  auto value = json::parse(text);
  REQUIRE(value.has_value());
  return Json::of(*value);
}

Result<Backend> ask(const std::string& provider, std::string_view entry, std::string_view more = "",
                    std::optional<std::string> key = {}) {
  workflow::PlanNode node;
  node.id = NodeId("n");
  node.tool = "model_call";
  node.provider = provider;
  const auto config = json_of("{\"custom_providers\":{\"mine\":" + std::string(entry) + "}" + std::string(more) + "}");
  return policy::choose_backend(node, config,
                                [key](const std::string& name) { return name == "LAB_KEY" ? key : std::nullopt; });
}

}  // namespace

TEST_CASE("program choice: a provider of type script is its command") {
  const auto backend =
      ask("mine", R"({"type":"script","command":["python3","a b.py"],"model_name":"m","singleClient":true})");
  REQUIRE(backend);
  CHECK(backend->adapter == "script");
  CHECK(backend->base_url == R"(program:["python3","a b.py"])");
  CHECK(backend->model == "m");
  CHECK(backend->provider_label == "mine");
  CHECK(backend->limits.concurrency == policy::kProgramCallsDefault);
  CHECK(backend->lane == backend->base_url);
  CHECK_FALSE(backend->is_near);
  CHECK(ask("mine", R"({"type":"script","command":["a"],"local":true})")->is_near);
}

TEST_CASE("program choice: a command that is none is refused") {
  for (const char* entry : {R"({"type":"script"})", R"({"type":"script","command":[]})",
                            R"({"type":"script","command":"a"})", R"({"type":"script","command":[1]})",
                            R"({"type":"script","command":[""]})", R"({"type":"script","endpoint":"http://h"})"}) {
    const auto backend = ask("mine", entry);
    REQUIRE_FALSE(backend);
    CHECK(backend.error().code == Errc::provider_config);
    CHECK(backend.error().where == "n");
  }
}

TEST_CASE("program choice: its key is named, and must be there") {
  const char* entry = R"({"type":"script","command":["a"],"auth_token":"${LAB_KEY}"})";
  CHECK(ask("mine", entry).error().code == Errc::provider_config);
  CHECK(ask("mine", entry, "", "canary")->key_variable == "LAB_KEY");
}

TEST_CASE("program choice: local_only wants a promise, and codex cannot give it") {
  const char* entry = R"({"type":"script","command":["a"]})";
  CHECK(ask("mine", entry, R"(,"preset":"local_only")").error().code == Errc::permission_denied);
  CHECK(ask("mine", R"({"type":"script","command":["a"],"local":true})", R"(,"preset":"local_only")"));
  CHECK(ask("codex", entry, R"(,"preset":"local_only")").error().code == Errc::permission_denied);
  CHECK(ask("codex", entry, R"(,"provider_preferences":{"blocklist":["codex"]})").error().code ==
        Errc::permission_denied);
}

TEST_CASE("program choice: codex goes by three names and needs no model") {
  for (const char* name : {"codex", "codex_mcp", "codex_messages"}) {
    const auto backend = ask(name, "{}");
    REQUIRE(backend);
    CHECK(backend->adapter == "codex");
    CHECK(backend->base_url == R"(program:["codex"])");
    CHECK(backend->model.empty());
  }
}

TEST_CASE("program choice: a registry names programs, and says what is wrong with them") {
  const auto read = [](std::string_view provider) {
    return policy::read_registry({{"mine.json", "{\"providers\":{\"lab\":" + std::string(provider) + "}}"}});
  };
  const auto registry = read(R"({"type":"script","command":["ask","x"],"local":true,"limits":{"concurrency":9}})");
  REQUIRE(registry);
  const auto* entry = registry->find("lab");
  REQUIRE(entry != nullptr);
  CHECK(entry->kind == policy::ProviderKind::process);
  CHECK(entry->adapter == "script");
  CHECK(entry->program_stays);
  CHECK(entry->limits.concurrency == 9U);
  CHECK(registry->warnings.empty());
  for (const char* bad :
       {R"({"type":"script"})", R"({"type":"script","command":[]})", R"({"type":"script","command":"x"})",
        R"({"type":"local","adapter":"ollama","endpoint":"http://h","command":["x"]})"}) {
    const auto refused = read(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().where.find("mine.json /providers/lab/command") == 0);
  }
}
