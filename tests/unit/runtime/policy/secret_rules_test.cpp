// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/secret_rules.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "messages/json.hpp"
#include "runtime/policy/redaction.hpp"

namespace hillstar::policy {
namespace {

const Redactor& by_rules() {
  static const Redactor kRedactor({}, std::make_shared<const SecretRules>());
  return kRedactor;
}

const Redactor& by_all_rules() {
  static const Redactor kRedactor = [] {
    RuleChoice choice;
    for (const auto& rule : secret_rules())
      if (rule.optional) choice.on.emplace_back(rule.name);
    return Redactor({}, std::make_shared<const SecretRules>(choice));
  }();
  return kRedactor;
}

constexpr std::string_view kAlnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `count` bytes of `alphabet` that no scanner of this file finds; a digit among the first.
std::string made(std::size_t count, std::string_view alphabet = kAlnum) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out += i == 1 && alphabet.find('7') != std::string_view::npos ? '7' : alphabet[(i * 17 + 5) % alphabet.size()];
  return out;
}
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

struct Sample {
  std::string rule;
  std::string secret;
  std::string before = {};  // what has to stand around it
  std::string after = {};
};

std::vector<Sample> samples() {
  const std::string dashes = "-----";
  const auto pem = [&](const std::string& kind) {
    return dashes + "BEGIN " + kind + dashes + "\n" + made(64) + "\n" + made(64) + "\n" + made(20) + "==\n" + dashes +
           "END " + kind + dashes;
  };
  return {
      {"private_key", pem("PRIVATE KEY")},
      {"private_key", dashes + "BEGIN PRIVATE KEY" + dashes + "\nBearer " + made(30) + dashes + "\n" + made(40) + "\n" +
                          dashes + "END PRIVATE KEY" + dashes},
      {"private_key", pem("RSA PRIVATE KEY")},
      {"private_key", pem("OPENSSH PRIVATE KEY")},
      {"private_key", pem("PGP PRIVATE KEY BLOCK")},
      {"age_key", "AGE-SECRET-" + ("KEY-1" + made(58, kBase32))},
      {"aws_access_id", "AK" + ("IA" + made(16, kBase32))},
      {"aws_access_id", "AS" + ("IA" + made(16, kBase32))},
      {"secret_assignment", made(38) + "/+", "aws_secret_access_key = "},
      {"secret_assignment", made(40), "AWS_SECRET_ACCESS_KEY="},
      {"google_key", "AI" + ("za" + made(35))},
      {"google_oauth_secret", "GOC" + ("SPX-" + made(28))},
      {"google_oauth_token", "ya" + ("29." + made(60))},
      {"azure_client_secret", made(3) + "8" + "Q~" + made(34)},
      {"azure_sas", made(43) + "%3D", "https://lab.blob.core.windows.net/c?sv=2026-01-01&sr=c&sig="},
      {"secret_assignment", made(86) + "==", "DefaultEndpointsProtocol=https;AccountName=lab;AccountKey="},
      {"digitalocean_token", "dop" + ("_v1_" + made(64, kHex))},
      {"github_pat_classic", "gh" + ("p_" + made(36))},
      {"github_oauth_token", "gh" + ("o_" + made(36))},
      {"github_user_to_server", "gh" + ("u_" + made(36))},
      {"github_server_to_server", "gh" + ("s_" + made(36))},
      {"github_refresh_token", "gh" + ("r_" + made(36))},
      {"github_pat_fine_grained", "github" + ("_pat_" + made(82))},
      {"gitlab_token", "gl" + ("pat-" + made(20))},
      {"bitbucket_token", "AT" + ("BB" + made(32))},
      {"anthropic_key", "sk-" + ("ant-api03-" + made(93) + "AA")},
      {"openai_key", "sk-" + ("proj-" + made(74))},
      {"openai_key", "sk-" + made(48)},
      {"openrouter_key", "sk-" + ("or-v1-" + made(64, kHex))},
      {"fireworks_key", "fw" + ("_" + made(24))},
      {"huggingface_token", "hf" + ("_" + made(34))},
      {"groq_key", "gs" + ("k_" + made(52))},
      {"replicate_token", "r8" + ("_" + made(37))},
      {"perplexity_key", "pp" + ("lx-" + made(48))},
      {"xai_key", "xa" + ("i-" + made(80))},
      {"nvidia_key", "nv" + ("api-" + made(64))},
      {"cerebras_key", "cs" + ("k-" + made(48, "abcdefghijklmnopqrstuvwxyz0123456789"))},
      {"tavily_key", "tv" + ("ly-dev-" + made(32))},
      {"secret_assignment", made(32), "MISTRAL_API_KEY="},
  };
}

std::vector<Sample> more_samples() {
  return {
      {"slack_token", "xo" + ("xb-" + made(12, "0123456789") + "-" + made(24))},
      {"slack_app_token", "xa" + ("pp-1-A012-" + made(12, kHex))},
      {"slack_webhook", "T" + made(9, kBase32) + "/B" + made(9, kBase32) + "/" + made(24),
       "https://hooks.slack.com/services/"},
      {"discord_webhook", made(18, "0123456789") + "/" + made(68), "https://discord.com/api/webhooks/"},
      {"discord_token", "MT" + ("A" + made(23) + "." + made(6) + "." + made(38))},
      {"telegram_token", made(10, "1234567890") + ":A" + ("A" + made(33))},
      {"twilio_key", "S" + ("K" + made(32, kHex))},
      {"sendgrid_key", "S" + ("G." + made(22) + "." + made(43))},
      {"stripe_key", "sk" + ("_live_" + made(24))},
      {"stripe_key", "rk" + ("_live_" + made(24))},
      {"stripe_webhook", "wh" + ("sec_" + made(32))},
      {"npm_token", "np" + ("m_" + made(36))},
      {"pypi_token", "py" + ("pi-AgEI" + made(90))},
      {"rubygems_key", "ruby" + ("gems_" + made(48, kHex))},
      {"docker_token", "dc" + ("kr_pat_" + made(27))},
      {"vault_token", "hv" + ("s." + made(24))},
      {"json_web_token", "ey" + ("JhbGciOiJIUzI1NiJ9.ey" + ("JzdWIiOiIxMjM0In0." + made(43)))},
      {"authorization", made(20), "Authorization: Token "},
      {"authorization", "Zm9vOmJhcg==", "\"authorization\": \"Basic "},
      {"authorization", made(9), "X-API-Key: "},
      {"bearer_token", made(12), "curl -H 'Bearer "},
      {"basic_credentials", "bWU6cGE1NS13MHJk", "sent Basic "},
      {"url_password", "pa55w0rd", "postgres://me:", "@db.lab/x"},
      {"url_password", "pa55w0rd", "mongodb+srv://me:", "@db.lab/x"},
      {"url_password", "pa55w0rd", "redis://:", "@db.lab:6379/0"},
      {"url_password", "pa55w0rd", "amqp://me:", "@mq.lab"},
      {"secret_assignment", "pa55-w0rd", "jdbc:sqlserver://db.lab;user=me;password=", ";encrypt=true"},
      {"secret_assignment", "pa55-w0rd", "jdbc:postgresql://db.lab/x?user=me&password=", "&ssl=true"},
      {"secret_assignment", "c0rrect!", "password = \"", "\""},
      {"secret_assignment", "c0rrect!", "password: '", "'"},
      {"secret_assignment", "c0rrect!x", "db_password: "},
      {"secret_assignment", "c0rrect!x", "{\"clientSecret\": \"", "\"}"},
      {"secret_assignment", "c0rrect!x", R"({\"clientSecret\": \")", R"(\"})"},
      {"secret_assignment", "plainvalue", "OPENAI_API_KEY="},
      {"secret_assignment", "c0rrect!x", "export DB_PASS="},
  };
}

std::vector<Sample> all_samples() {
  auto all = samples();
  for (auto& sample : more_samples()) all.push_back(std::move(sample));
  return all;
}

std::vector<Sample> optional_samples() {
  return {
      {"email_address", "ada.lovelace+lab@example.org"},
      {"iban", "DE89 3704 0044 0532 0130 00"},
      {"iban", "GB82WEST12345698765432"},
      {"credit_card", "4111 1111 1111 1111"},
      {"credit_card", "5500-0000-0000-0004"},
      {"credit_card", "378282246310005", "", " 10 20"},
      {"us_ssn", "078-05-1120"},
      {"ipv4_address", "192.168.1.10"},
      {"ipv6_address", "2001:db8::1"},
      {"ipv6_address", "fe80:0:0:0:0:0:0:1"},
      {"mac_address", "00:1A:2B:3C:4D:5E"},
      {"phone_number", "(555) 123-4567"},
      {"phone_number", "+1 555-123-4567"},
      {"phone_number", "+49 30 1234 5678"},
      {"firebase_domain", "my-app.firebaseapp.com"},
      {"google_oauth_id", "123-abcdefghijklmnopqrstuvwxyz012345.apps.googleusercontent.com"},
  };
}

std::string in_pieces(const Redactor& redactor, std::string_view text, std::mt19937& dice, std::size_t most) {
  StreamRedactor stream(redactor);
  std::string out;
  while (!text.empty()) {
    const auto count = std::min<std::size_t>(text.size(), 1 + dice() % most);
    out += stream.feed(text.substr(0, count));
    text.remove_prefix(count);
  }
  return out += stream.finish();
}

}  // namespace

TEST_CASE("secret rules: every rule masks what it is for, and only that") {
  std::set<std::string> tested;
  for (const auto& sample : all_samples()) {
    const auto clean = sample.before + "[REDACTED:" + sample.rule + "]" + sample.after;
    for (const std::string around : {"", " ", "\n", "\\n"}) {
      INFO(sample.rule, ": ", sample.before, sample.secret, sample.after);
      CHECK(by_rules().redact(around + sample.before + sample.secret + sample.after + " and on") ==
            around + clean + " and on");
      CHECK(by_rules().redact(around + sample.before + sample.secret + sample.after) == around + clean);
      CHECK(by_rules().redact(clean) == clean);
    }
    tested.insert(sample.rule);
  }
  for (const auto& sample : optional_samples()) {
    const auto text = "x: " + sample.secret + sample.after + ", y";
    INFO(sample.rule, ": ", sample.secret);
    CHECK(by_all_rules().redact(text) == "x: [REDACTED:" + sample.rule + "]" + sample.after + ", y");
    CHECK(by_rules().redact(text) == text);
    tested.insert(sample.rule);
  }
  for (const auto& rule : secret_rules()) CHECK_MESSAGE(tested.contains(std::string(rule.name)), rule.name);
}

TEST_CASE("secret rules: placeholders, templates and what only has the name of a secret stay") {
  for (const std::string text : {"sk-abc",
                                 "token=abc",
                                 "password=hunter2",
                                 "password: ${DB_PASSWORD}",
                                 "password = \"<your password>\"",
                                 "API_KEY: null",
                                 "api_key: None",
                                 "\"token\": true",
                                 "password: required",
                                 "token = next_token()",
                                 "const auto token = parse(text);",
                                 "auto secret = settings.secret2;",
                                 "max_tokens: 4096",
                                 "\"tokens_used\":1234567890",
                                 "password: xxxxxxxxxxxx",
                                 "api_key = \"YOUR_API_KEY_HERE1\"",
                                 "token: example-token-1",
                                 "secret: /run/secrets/db1",
                                 "Authorization: Bearer <token>",
                                 "bearer authentication",
                                 "Bearer tokens",
                                 "basic understanding of algebra",
                                 "https://host:8080/path@2",
                                 "postgres://me:${PASSWORD}@db",
                                 "http://[::1]:80/",
                                 "risk-assessment-of-2026-11-22",
                                 "a task-sk-learn",
                                 "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
                                 "-----BEGIN PRIVATE KEY-----",
                                 "eyJ",
                                 "password",
                                 "The password is long: it has 12 characters",
                                 "PASSWORD=$(cat file1)",
                                 "PASSWORD=\"$SECRET_1\"",
                                 "token: v1",
                                 "passwordless: yes12345",
                                 "\"secret\": \"the secret of 7 hills\"",
                                 "password = '{{ inputs.pass1 }}'"})
    CHECK(by_rules().redact(text) == text);
  for (const std::string text : {"v1.2.3.4", "10.0.0.256", "2026-11-22T00:20:02.289737", "4111 1111 1111 1112",
                                 "GB82WEST12345698765433", "000-12-3456", "12:30:45", "1234567890123456"})
    CHECK(by_all_rules().redact(text) == text);
}

TEST_CASE("secret rules: an exact value comes first, and a marker is left alone") {
  const auto key = "sk-" + made(30);
  const Redactor redactor({key}, std::make_shared<const SecretRules>());
  CHECK(redactor.redact("API_KEY=" + key) == "API_KEY=[REDACTED:known_secret]");
  CHECK(redactor.redact("Authorization: Bearer " + key) == "Authorization: Bearer [REDACTED:known_secret]");
  CHECK(redactor.redact("API_KEY=sk-" + made(31, kHex)) == "API_KEY=[REDACTED:openai_key]");
}

TEST_CASE("secret rules: JSON loses strings only, and what a name says is secret") {
  const auto clean = by_rules().redact(Json::of(boost::json::object{{"password", "c0rrect!x"},
                                                                    {"max_tokens", 12},
                                                                    {"token", nullptr},
                                                                    {"api_key", "short"},
                                                                    {"text", "say \"password\": \"c0rrect!x\" twice"},
                                                                    {"gh" + ("p_" + made(36)), 1}}));
  CHECK(clean.text() == R"({"[REDACTED:github_pat_classic]":1,"api_key":"short","max_tokens":12,)"
                        R"("password":"[REDACTED:secret_assignment]",)"
                        R"("text":"say \"password\": \"[REDACTED:secret_assignment]\" twice","token":null})");
  CHECK(by_rules().redact(clean).text() == clean.text());
}

TEST_CASE("secret rules: a rule can be switched off, another on, and names are checked") {
  const auto key = "gh" + ("p_" + made(36));
  const std::vector<std::string> environment{"HILLSTAR_REDACT_OFF=github_pat_classic, openai_key",
                                             "HILLSTAR_REDACT_ON=email_address"};
  REQUIRE(check_rule_choice(environment));
  const Redactor redactor({}, std::make_shared<const SecretRules>(rule_choice(environment)));
  CHECK(redactor.redact(key + " a@b.org") == key + " [REDACTED:email_address]");
  CHECK_FALSE(check_rule_choice({"HILLSTAR_REDACT_OFF=nonsense"}));
  const auto refused = check_rule_choice({"HILLSTAR_REDACT_OFF=known_secret"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("always") != std::string::npos);
}

TEST_CASE("secret rules: secrets longer than any limit leave nothing behind") {
  std::mt19937 dice(3);
  const std::string dashes = "-----";
  for (const auto& text : {"sk-" + made(100'000), "password = \"" + made(100'000) + "\"",
                           dashes + "BEGIN PRIVATE KEY" + dashes + "\n" + made(200'000) + "\n"}) {
    const auto clean = by_rules().redact(text + " end");
    CHECK(clean.size() < 60);
    CHECK(in_pieces(by_rules(), text + " end", dice, 3'000) == clean);
  }
}

TEST_CASE("secret rules: however a text is cut, the same is left, and twice changes nothing") {
  const auto seed = std::random_device()();
  INFO("seed ", seed);
  std::mt19937 dice(seed);
  auto all = all_samples();
  for (auto& sample : optional_samples()) all.push_back(std::move(sample));
  const std::vector<std::string> fillers{
      " ",   "\n",          "password",         " = ", "\"", "token: ", "://", "sk-",          "é", "\\n",
      "eyJ", "-----BEGIN ", "\xF0\x9F\x94\x91", "a.b", "12", ":",       "@",   "[REDACTED:x]", "="};
  for (int round = 0; round < 1'500; ++round) {
    std::string text;
    for (auto count = 1 + dice() % 6; count > 0; --count) {
      const auto& sample = all[dice() % all.size()];
      switch (dice() % 4) {
        case 0:
          text += sample.before + sample.secret + sample.after;
          break;
        case 1:
          text += sample.secret.substr(0, dice() % sample.secret.size());
          break;
        default:
          for (auto more = dice() % 4; more > 0; --more) text += fillers[dice() % fillers.size()];
      }
    }
    text = json::to_utf8(text);
    for (const auto* redactor : {&by_rules(), &by_all_rules()}) {
      const auto clean = redactor->redact(text);
      INFO("text ", text);
      CHECK(in_pieces(*redactor, text, dice, 7) == clean);
      // Numbers of personal data may look like others when a neighbour is gone.
      if (redactor == &by_rules()) CHECK(redactor->redact(clean) == clean);
      CHECK(json::is_utf8(clean));
    }
  }
}

TEST_CASE("secret rules: data that only looks random is never touched") {
  const auto seed = std::random_device()();
  INFO("seed ", seed);
  std::mt19937_64 dice(seed);
  const auto word = [&dice](std::size_t count, std::string_view alphabet) {
    std::string out;
    while (out.size() < count) out += alphabet[dice() % alphabet.size()];
    return out;
  };
  std::string text;
  for (int line = 0; line < 2'000; ++line) {
    text += "commit " + word(40, kHex) + "\nAuthor: Ada <ada@lab>\n    Token ring, password rules and secret gardens\n";
    text += "md5 " + word(32, kHex) + " sha256:" + word(64, kHex) + " \"integrity\": \"sha512-" +
            word(86, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") + "==\"\n";
    text += ">chr" + std::to_string(line) + "\n" + word(70, "ACGTN") + "\n" + word(60, "ACDEFGHIKLMNPQRSTVWY") + "\n";
    text +=
        word(8, kHex) + "-" + word(4, kHex) + "-4" + word(3, kHex) + "-a" + word(3, kHex) + "-" + word(12, kHex) + "\n";
    text += word(76, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") + "\n";
    text +=
        "function(e,t){var n=e.token||t[0];return n.secret=r(n),t.password?!0:o(1e3)}" + word(18, "0123456789") + "\n";
  }
  CHECK(by_rules().redact(text) == text);
}

TEST_CASE("secret rules: source code and documents of this project stay as they are") {
  namespace fs = std::filesystem;
  std::size_t files = 0;
  for (const char* folder : {"runtime", "actors", "apps", "docs", "messages", "persistence", "providers", "examples"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(HILLSTAR_SOURCE_DIR) / folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      const auto clean = by_rules().redact(text.str());
      std::size_t at = 0;
      while (at < clean.size() && clean[at] == text.str()[at]) ++at;
      INFO(entry.path().string(), ": ", clean.substr(at < 60 ? 0 : at - 60, 140));
      CHECK((clean == text.str()));
      ++files;
    }
  }
  CHECK(files > 100);
}

}  // namespace hillstar::policy
