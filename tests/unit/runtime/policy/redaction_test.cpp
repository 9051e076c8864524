// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/redaction.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <random>

#include "runtime/policy/known_secrets.hpp"

namespace hillstar::policy {
namespace {

const std::string kKey = "sk-live-0aB/+9\"x~Z%k";
const std::string kMark(kRedacted);

std::string in_pieces(const Redactor& redactor, std::string_view text, std::mt19937& dice) {
  StreamRedactor stream(redactor);
  std::string out;
  while (!text.empty()) {
    const auto count = std::min<std::size_t>(text.size(), 1 + dice() % 5);
    out += stream.feed(text.substr(0, count));
    text.remove_prefix(count);
  }
  return out += stream.finish();
}

/// Slow and obvious: masks every byte that some pattern covers.
std::string by_hand(const std::vector<std::string>& patterns, const std::string& text) {
  std::vector<bool> secret(text.size());
  for (const auto& pattern : patterns)
    for (auto at = text.find(pattern); at != std::string::npos; at = text.find(pattern, at + 1))
      for (std::size_t i = 0; i < pattern.size(); ++i) secret[at + i] = true;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!secret[i])
      out += text[i];
    else if (i == 0 || !secret[i - 1])
      out += kMark;
  }
  return out;
}

}  // namespace

TEST_CASE("redaction: a secret is found as it is and in every encoding it travels in") {
  const Redactor redactor({kKey});
  CHECK(redactor.redact("key=" + kKey + "!") == "key=" + kMark + "!");
  CHECK(redactor.redact("curl -H 'Bearer " + kKey + kKey + "'") == "curl -H 'Bearer " + kMark + "'");
  // printf 'sk-live-0aB/+9"x~Z%%k' | base64, od -tx1, and jq -sRr @uri
  for (const char* form :
       {"c2stbGl2ZS0wYUIvKzkieH5aJWs", "736b2d6c6976652d3061422f2b3922787e5a256b",
        "736B2D6C6976652D3061422F2B3922787E5A256B", "sk-live-0aB%2F%2B9%22x~Z%25k", R"(sk-live-0aB/+9\"x~Z%k)"})
    CHECK_MESSAGE(redactor.redact(std::string("<") + form + ">").find(kMark) != std::string::npos, form);
  // "user:" and the key, as HTTP's basic authentication encodes them: the key starts within a group.
  const auto basic = redactor.redact("dXNlcjpzay1saXZlLTBhQi8rOSJ4flolaw==");
  // What follows the key may share the last character.
  CHECK(basic == "dXNlcjp" + kMark + "w==");
  CHECK_FALSE(Redactor().finds(kKey));
  CHECK(Redactor({"short"}).empty());
}

TEST_CASE("redaction: JSON keeps its shape, and numbers are left alone") {
  const Redactor redactor({"12345678", kKey});
  CHECK(redactor.redact(Json::from_canonical(R"({"a":12345678,"b":"x 12345678 y"})")).text() ==
        R"({"a":12345678,"b":"x [REDACTED:known_secret] y"})");
  const auto quoted = Json::of(boost::json::object{{"output", "a\n" + kKey + "\nb"}, {kKey, 1}});
  CHECK(redactor.redact(quoted).text() == R"({"[REDACTED:known_secret]":1,"output":"a\n[REDACTED:known_secret]\nb"})");
  const auto plain = Json::from_canonical(R"({"a":"b"})");
  CHECK(redactor.redact(plain).text() == plain.text());
}

TEST_CASE("redaction: overlapping secrets leave nothing of either, in whatever pieces the text comes") {
  std::mt19937 dice(7);
  for (int round = 0; round < 3'000; ++round) {
    // Few letters, so that patterns overlap, contain and follow each other all the time.
    const auto word = [&dice](std::size_t from, std::size_t to) {
      std::string text;
      for (std::size_t i = from + dice() % (to - from + 1); i > 0; --i) text += static_cast<char>('a' + dice() % 2);
      return text;
    };
    const std::vector<std::string> secrets{word(8, 12), word(8, 12), word(8, 10)};
    const Redactor redactor(secrets);
    const auto text = word(0, 80);
    INFO("secrets ", secrets[0], " ", secrets[1], " ", secrets[2], " text ", text);
    const auto expected = by_hand(secrets, text);
    CHECK(redactor.redact(text) == expected);
    CHECK(in_pieces(redactor, text, dice) == expected);
  }
}

TEST_CASE("redaction: of a key with several lines each line is a secret, too") {
  const std::string pem =
      "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQC7VJTU\n-----END PRIVATE "
      "KEY-----";
  const Redactor redactor({pem});
  CHECK(redactor.redact("  AASCBKcwggSjAgEAAoIBAQC7VJTU\n") == "  " + kMark + "\n");
  CHECK(redactor.redact("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----");
}

TEST_CASE("redaction: secrets of an environment are told by name, and ordinary values are none") {
  const auto secrets = secrets_of({"OPENAI_API_KEY=sk-abcdefgh1", "GITHUB_TOKEN=ghp_123456789", "HOME=/home/me",
                                   "PWD=/very/long/path/1", "SSH_KEY=/home/me/.ssh/id_1", "X_PUBLIC_KEY=abcd-efgh-1234",
                                   "DB_PASSWORD=password", "API_KEY=short", "DATABASE_URL=pg://me:pa55-w0rd!@h/db",
                                   "KEYBOARD=us-intl-alt-gr1", "BROKEN", "lower_secret=s3cr3t-value"});
  std::vector<std::string> found;
  for (const auto& secret : secrets) found.push_back(secret.variable + " " + secret.value);
  CHECK(found == std::vector<std::string>{"OPENAI_API_KEY sk-abcdefgh1", "GITHUB_TOKEN ghp_123456789",
                                          "DATABASE_URL pa55-w0rd!", "lower_secret s3cr3t-value"});
  REQUIRE(find_secret("x=ghp_123456789", secrets) != nullptr);
  CHECK(find_secret("x=ghp_123456789", secrets)->variable == "GITHUB_TOKEN");
  CHECK(find_secret("nothing", secrets) == nullptr);
  CHECK(find_secret(R"("q\"12345678")", {{"K", "q\"12345678"}}) != nullptr);
}

}  // namespace hillstar::policy
