// SPDX-License-Identifier: Apache-2.0
// What Hillstar's redactor made of 43 texts, and what becomes of them here with the optional rules switched on: the
// same, or something better for a reason. Markers without brackets here, so that no text looks like one.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "runtime/policy/redaction.hpp"

namespace hillstar::policy {
namespace {

/// `<name>` as the marker of that rule.
std::string marked(std::string text) {
  for (auto at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1))
    text.replace(at, 1, "[REDACTED:");
  for (auto at = text.find('>'); at != std::string::npos; at = text.find('>', at + 1)) text.replace(at, 1, "]");
  return text;
}

Redactor with_everything() {
  RuleChoice choice;
  for (const auto& rule : secret_rules())
    if (rule.optional) choice.on.emplace_back(rule.name);
  return Redactor({}, std::make_shared<const SecretRules>(choice));
}

struct Case {
  std::string in;
  std::string hillstar;
  std::string ours = {};  ///< Empty: the same.
};

std::string a(std::size_t count) { return std::string(count, 'a'); }

/// Texts are put together from pieces, so that this file holds nothing that looks like a key.
std::vector<Case> same() {
  return {
      {"My key is sk-"
       "ant-abc123def456",
       "My key is <anthropic_key>"},
      {"key=sk-"
       "proj-abcdef1234567890",
       "key=<openai_key>"},
      {"sk-abc", "sk-abc"},
      {"host 192.168.1.10 up", "host <ipv4_address> up"},
      {"v1.2.3.4", "v1.2.3.4"},
      {"10.0.0.256", "10.0.0.256"},
      {"fe80:0:0:0:0:0:0:1 x", "<ipv6_address> x"},
      {"2001:db8::1", "<ipv6_address>"},
      {"00:1A:2B:3C:4D:5E", "<mac_address>"},
      {"AKIA"
       "IOSFODNN7EXAMPLE",
       "<aws_access_id>"},
      {"fw_"
       "1234567890ab",
       "<fireworks_key>"},
      {"AIza"
       "SyA1234567890",
       "<google_key>"},
      {"123-abcdefghijklmnopqrstuvwxyz012345.apps."
       "googleusercontent.com",
       "<google_oauth_id>"},
      {"ghp_" + a(36), "<github_pat_classic>"},
      {"github_pat_" + a(82), "<github_pat_fine_grained>"},
      {"gho_" + a(36), "<github_oauth_token>"},
      {"ghu_" + a(36), "<github_user_to_server>"},
      {"ghs_" + a(36), "<github_server_to_server>"},
      {"sk_"
       "live_" +
           a(24),
       "<stripe_key>"},
      {"rk_"
       "test_" +
           a(24),
       "<stripe_key>"},
      {"my-app.firebase"
       "app.com",
       "<firebase_domain>"},
      {"eyJhbGciOiJIUzI1NiJ9."
       "eyJzdWIiOiIxMjM0NTY3ODkwIn0."
       "abcDEF123-_xyz",
       "<json_web_token>"},
      {"xapp-"
       "1-A012-123-abcdef0123",
       "<slack_app_token>"},
      {"nothing here 12345", "nothing here 12345"},
      {"2026-11-22T00:20:02.289737", "2026-11-22T00:20:02.289737"},
      {"127.0.0.1:18101", "<ipv4_address>:18101"},
      {"token=abc", "token=abc"},
      {"password=hunter2", "password=hunter2"},
      {"", ""},
      {"", ""},  // null, which is an empty text
  };
}

/// What says whose secret it is stays to be read.
std::vector<Case> value_only() {
  return {
      {"Authorization: Bearer "
       "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
       "Authorization: <bearer_token>", "Authorization: Bearer <authorization>"},
      {"api_key = \"secret-"
       "value-123\"",
       "<api_key_generic>", "api_key = \"<secret_assignment>\""},
      {"ANTHROPIC_API_KEY=sk-"
       "ant-secret",
       "ANTHROPIC_API_KEY=<anthropic_key>", "ANTHROPIC_API_KEY=<secret_assignment>"},
      {"OPENAI_API_KEY="
       "plainvalue",
       "OPENAI_<api_key_generic>", "OPENAI_API_KEY=<secret_assignment>"},
      {"call (555) 123-4567 now", "call (<phone_number> now", "call <phone_number> now"},
      {"+1 555-123-4567", "+1 <phone_number>", "<phone_number>"},
      {"Bearer "
       "abc123",
       "<bearer_token>", "Bearer <bearer_token>"},
      {"https://user:"
       "pass@host/",
       "<url_password>host/", "https://user:<url_password>@host/"},
  };
}

/// Words too short for a secret: masking them destroys ordinary text, and source code.
std::vector<Case> too_short() {
  return {
      {"X-API-Key: abcdef", "X-<api_key_generic>", "X-API-Key: abcdef"},
      {R"({"api_key": "v1", "password": "p w"})", "{<credentials_json>, <credentials_json>}",
       R"({"api_key": "v1", "password": "p w"})"},
      {"GOOGLE_API_KEY = abc", "GOOGLE_<api_key_generic>", "GOOGLE_API_KEY = abc"},
      {"apikey: zzz", "<api_key_generic>", "apikey: zzz"},
      {"api-token=zzz", "<api_key_generic>", "api-token=zzz"},
  };
}

}  // namespace

TEST_CASE("redactor corpus: 30 of Hillstar's 43 texts become the same") {
  const auto redactor = with_everything();
  const auto cases = same();
  CHECK(cases.size() == 30);
  for (const auto& one : cases) CHECK(redactor.redact(one.in) == marked(one.hillstar));
}

TEST_CASE("redactor corpus: names and what stands around a secret stay, the secret goes") {
  const auto redactor = with_everything();
  const auto cases = value_only();
  CHECK(cases.size() == 8);
  for (const auto& one : cases) {
    CHECK(redactor.redact(one.in) == marked(one.ours));
    CHECK(marked(one.ours) != marked(one.hillstar));
  }
}

TEST_CASE("redactor corpus: words that are too short for a secret stay, unless they are one that is held") {
  const auto redactor = with_everything();
  const auto cases = too_short();
  CHECK(cases.size() == 5);
  for (const auto& one : cases) CHECK(redactor.redact(one.in) == marked(one.ours));
  CHECK(redactor.redact("X-API-Key: Zx81kQpL0d2mVw9y") != "X-API-Key: Zx81kQpL0d2mVw9y");
}

TEST_CASE("redactor corpus: personal data and names that are no secrets stay by default") {
  const Redactor redactor({}, std::make_shared<const SecretRules>());
  for (const std::string text : {"host 192.168.1.10 up", "2001:db8::1", "00:1A:2B:3C:4D:5E", "+1 555-123-4567"})
    CHECK(redactor.redact(text) == text);
}

}  // namespace hillstar::policy
