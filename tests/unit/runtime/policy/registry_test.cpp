// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/registry.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace hillstar;
using policy::micros_of;
using policy::ProviderKind;
using policy::read_registry;
using policy::Registry;
using policy::Tier;

namespace {

Registry registry_of(const std::vector<policy::RegistryText>& texts) {
  auto registry = read_registry(texts);
  if (!registry) FAIL(to_string(registry.error()));
  return std::move(registry).value();
}

Error refused(const std::string& text, const std::string& above = "{}") {
  auto registry = read_registry({{"below.json", text}, {"above.json", above}});
  REQUIRE_FALSE(registry.has_value());
  return registry.error();
}

const char* const kSmall =
    R"({"providers":{"acme":{"type":"cloud_api","adapter":"openai","endpoint":"https://a.example/v1/",
  "env_vars":["ACME_KEY","ACME_KEY_2"],"compliance":{"requires_tos_acceptance":true,"rate_limit_per_minute":50},
  "models":{"m1":{"pricing":{"input_per_1m_usd":1.5,"output_per_1m_usd":"6"},"context_window":1000}}}}})";

}  // namespace

TEST_CASE("registry: the shipped one is read without a warning and tells no debris") {
  const auto& registry = policy::shipped_registry();
  CHECK(registry.warnings.empty());
  for (const char* debris : {"parameter", "model", "preset", "important", "implementation", "xai", "grok", "palantir"})
    CHECK(registry.find(debris) == nullptr);
  for (const char* name : {"anthropic", "openai", "google", "google_ai_studio", "mistral", "ollama", "anthropic_ollama",
                           "local", "devstral", "devstral_local", "jan_code", "jan_code_local"}) {
    CAPTURE(name);
    const auto* entry = registry.find(name);
    REQUIRE(entry != nullptr);
    CHECK_FALSE(entry->adapter.empty());
  }
  for (const auto& name : registry.selection_order) CHECK(registry.find(name) != nullptr);
}

TEST_CASE("registry: every shipped entry is whole") {
  for (const auto& entry : policy::shipped_registry().providers) {
    CAPTURE(entry.name);
    CHECK((entry.kind == ProviderKind::process && entry.base_url.empty()) == entry.adapter.empty());
    if (entry.kind == ProviderKind::cloud) {
      CHECK_FALSE(entry.key_variables.empty());
      CHECK(entry.compliance.requires_tos_acceptance);
      CHECK(entry.compliance.tos_url.starts_with("https://"));
      CHECK(entry.base_url.starts_with("https://"));
    } else if (entry.kind == ProviderKind::local) {
      CHECK(policy::is_near(entry.base_url));
    }
    if (!entry.default_model.empty()) CHECK(entry.find_model(entry.default_model) != nullptr);
    std::set<std::string> names;
    for (const auto& model : entry.models) {
      CAPTURE(model.id);
      CHECK(names.insert(model.id).second);
      for (const auto& alias : model.aliases) CHECK(names.insert(alias).second);
      REQUIRE(model.prices.has_value());
      REQUIRE(model.tier.has_value());
      CHECK(*model.tier == policy::tier_of_price(model.prices->output));
      if (entry.kind == ProviderKind::cloud) CHECK(model.prices->output > 0);
    }
  }
}

TEST_CASE("registry: aliases name models") {
  const auto* anthropic = policy::shipped_registry().find("anthropic");
  REQUIRE(anthropic != nullptr);
  CHECK(anthropic->find_model("haiku")->id == "claude-haiku-4-5-20251001");
  CHECK(anthropic->find_model("Sonnet")->id == "claude-sonnet-4-6");
  CHECK(anthropic->find_model("opus")->id == "claude-opus-4-6");
  CHECK(anthropic->find_model("") == nullptr);
  CHECK(anthropic->find_model("gpt-5") == nullptr);
  CHECK(anthropic->find_model("opus")->prices->output == 25'000'000);
}

TEST_CASE("registry: prices are exact") {
  CHECK(micros_of("0") == 0);
  CHECK(micros_of("2.50") == 2'500'000);
  CHECK(micros_of("0.005") == 5'000);
  CHECK(micros_of("0.000001") == 1);
  CHECK(micros_of("1000000") == policy::kPriceMax);
  for (const char* bad :
       {"", ".", "1.", ".5", "-1", "+1", "1e3", "0.0000001", "1000000.1", "99999999", "1,5", " 1", "x"}) {
    CAPTURE(bad);
    CHECK_FALSE(micros_of(bad).has_value());
  }
}

TEST_CASE("registry: what is read") {
  const auto registry = registry_of({{"a.json", kSmall}});
  const auto* acme = registry.find("acme");
  REQUIRE(acme != nullptr);
  CHECK(acme->kind == ProviderKind::cloud);
  CHECK(acme->base_url == "https://a.example/v1");
  CHECK(acme->key_variables == std::vector<std::string>{"ACME_KEY", "ACME_KEY_2"});
  CHECK(acme->limits.requests_per_minute == 50);
  CHECK(acme->compliance.requires_tos_acceptance);
  const auto* model = acme->find_model("m1");
  REQUIRE(model != nullptr);
  CHECK(model->prices->input == 1'500'000);
  CHECK(model->prices->output == 6'000'000);
  CHECK(model->tier == Tier::standard);
  CHECK(model->context_tokens == 1000);
}

TEST_CASE("registry: a user's file is laid over it deeply") {
  const auto registry = registry_of({{"a.json", kSmall}, {"b.json", R"({"version":"9","providers":{
    "acme":{"api_key":"canary-secret","models":{"m1":{"pricing":{"output_per_1m_usd":7}},"m2":{"tier":"free"}},
            "limits":{"concurrency":3,"usd_per_day":"2.5"}},
    "mine":{"type":"local","adapter":"openai_compatible","endpoint":"http://localhost:1"}}})"}});
  const auto* acme = registry.find("acme");
  REQUIRE(acme != nullptr);
  CHECK(acme->compliance.requires_tos_acceptance);
  CHECK(acme->find_model("m1")->prices->input == 1'500'000);
  CHECK(acme->find_model("m1")->prices->output == 7'000'000);
  CHECK(acme->find_model("m2")->tier == Tier::free);
  CHECK(acme->limits.concurrency == 3);
  CHECK(acme->limits.usd_per_day == MicroUsd{2'500'000});
  CHECK(registry.find("mine") != nullptr);
  CHECK(registry.warnings.empty());
}

TEST_CASE("registry: null takes away, and Hillstar's wizard is understood") {
  const auto gone = registry_of({{"a.json", kSmall}, {"b.json", R"({"providers":{"acme":{"models":{"m1":null}}}})"}});
  CHECK(gone.find("acme")->models.empty());
  const auto wizard = registry_of(
      {{"a.json", kSmall}, {"b.json", R"({"user_overrides":{"providers":{"acme":{"endpoint":"http://localhost:9",
                                                  "tested":true}}}})"}});
  CHECK(wizard.find("acme")->base_url == "http://localhost:9");
  CHECK(wizard.warnings.empty());
}

TEST_CASE("registry: another name of a provider has all that it has, and may differ") {
  const auto registry = registry_of({{"a.json", kSmall}, {"b.json", R"({"providers":{"acme2":{"same_as":"acme",
      "env_vars":["OTHER"]}}})"}});
  const auto* other = registry.find("acme2");
  REQUIRE(other != nullptr);
  CHECK(other->same_as == "acme");
  CHECK(other->key_variables == std::vector<std::string>{"OTHER"});
  CHECK(other->find_model("m1") != nullptr);
  CHECK(policy::shipped_registry().find("google_ai_studio")->models.size() ==
        policy::shipped_registry().find("google")->models.size());
  CHECK(refused(R"({"providers":{"a":{"same_as":"a"}}})").where.ends_with("/providers/a/same_as"));
  CHECK(refused(R"({"providers":{"a":{"same_as":"none"}}})").code == Errc::provider_config);
}

TEST_CASE("registry: what is wrong is told with the file that said it") {
  const struct {
    const char* above;
    const char* where;
  } rows[] = {
      {R"([])", "above.json"},
      {R"({"providers":[]})", "above.json /providers"},
      {R"({"providers":{"acme":7}})", "above.json /providers/acme"},
      {R"({"providers":{"acme":{"type":"moon"}}})", "above.json /providers/acme/type"},
      {R"({"providers":{"acme":{"endpoint":"ftp://x"}}})", "above.json /providers/acme/endpoint"},
      {R"({"providers":{"acme":{"endpoint":7}}})", "above.json /providers/acme/endpoint"},
      {R"({"providers":{"acme":{"env_vars":"X"}}})", "above.json /providers/acme/env_vars"},
      {R"({"providers":{"acme":{"env_vars":[1]}}})", "above.json /providers/acme/env_vars"},
      {R"({"providers":{"acme":{"models":[]}}})", "above.json /providers/acme/models"},
      {R"({"providers":{"acme":{"models":{"m1":3}}}})", "above.json /providers/acme/models/m1"},
      {R"({"providers":{"acme":{"models":{"m1":{"context_window":-1}}}}})",
       "above.json /providers/acme/models/m1/context_window"},
      {R"({"providers":{"acme":{"models":{"m1":{"context_window":1.5}}}}})",
       "above.json /providers/acme/models/m1/context_window"},
      {R"({"providers":{"acme":{"models":{"m1":{"tier":"luxury"}}}}})", "above.json /providers/acme/models/m1/tier"},
      {R"({"providers":{"acme":{"models":{"m1":{"pricing":{"input_per_1m_usd":-1}}}}}})",
       "above.json /providers/acme/models/m1/pricing/input_per_1m_usd"},
      {R"({"providers":{"acme":{"models":{"m1":{"pricing":{"input_per_1m_usd":"cheap"}}}}}})",
       "above.json /providers/acme/models/m1/pricing/input_per_1m_usd"},
      {R"({"providers":{"acme":{"limits":{"concurrency":0}}}})", "above.json /providers/acme/limits/concurrency"},
      {R"({"providers":{"acme":{"compliance":{"requires_tos_acceptance":"yes"}}}})",
       "above.json /providers/acme/compliance/requires_tos_acceptance"},
      {R"({"selection_order":"acme"})", "above.json /selection_order"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.above);
    const auto error = refused(kSmall, row.above);
    CHECK(error.code == Errc::provider_config);
    CHECK(error.where == row.where);
  }
  CHECK(refused("{", "{}").where.starts_with("below.json:1:"));
  CHECK(refused(R"({"a":1,"a":2})").code == Errc::provider_config);
  const auto below = refused(R"({"providers":{"b":{"env_vars":5}}})");
  CHECK(below.where == "below.json /providers/b/env_vars");
}

TEST_CASE("registry: unknown fields are warnings") {
  const auto registry =
      registry_of({{"a.json", R"({"colour":1,"providers":{"p":{"type":"local","speed":2,"_mine":3}}})"}});
  REQUIRE(registry.warnings.size() == 2);
  CHECK(registry.warnings[0].starts_with("a.json /colour:"));
  CHECK(registry.warnings[1].starts_with("a.json /providers/p/speed:"));
}

TEST_CASE("registry: which addresses are near") {
  for (const char* near :
       {"http://127.0.0.1:8080", "http://localhost", "http://LOCALHOST:1/v1", "http://10.1.2.3",
        "https://192.168.0.9:1", "http://172.16.0.1", "http://172.31.255.1", "http://[::1]:80", "http://[fd00::1]",
        "http://[fe80::1]", "http://gpu", "http://gpu.local", "http://a.internal", "http://169.254.1.1"}) {
    CAPTURE(near);
    CHECK(policy::is_near(near));
  }
  for (const char* far :
       {"https://api.openai.com/v1", "http://8.8.8.8", "http://172.32.0.1", "http://127.0.0.1.evil.example",
        "http://localhost.example.com", "http://user@evil.example", "http://127.0.0.1@evil.example/",
        "http://[2001:db8::1]", "http://2130706433", "http://0x7f.1", "http://127.1", "", "http://",
        "http://evil.example#localhost", "http://192.169.1.1", "http://011.0.0.1"}) {
    CAPTURE(far);
    CHECK_FALSE(policy::is_near(far));
  }
  CHECK(policy::is_cloud_model_name("minimax-m2.5:cloud"));
  CHECK(policy::is_cloud_model_name("gpt-oss:120b-cloud"));
  CHECK_FALSE(policy::is_cloud_model_name("mistral"));
  CHECK_FALSE(policy::is_cloud_model_name("cloud"));
  CHECK_FALSE(policy::is_cloud_model_name("x:7b"));
}
