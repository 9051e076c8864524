// SPDX-License-Identifier: Apache-2.0
// Signatures of webhooks with the real HMAC. Here, and not beside runtime/stream, because that has no OpenSSL.
#include "runtime/stream/webhook.hpp"

#include <doctest/doctest.h>

#include <random>

#include "runtime/platform/hmac.hpp"

namespace hillstar::stream {
namespace {

const Mac kMac = [](std::string_view secret, std::string_view prefix, std::string_view body) {
  return hmac_sha256(secret, prefix, body);
};

UtcTime at_second(std::int64_t seconds) { return {seconds * 1'000'000}; }

WebhookTrigger of(WebhookScheme scheme) {
  WebhookTrigger trigger;
  trigger.scheme = scheme;
  return trigger;
}

Result<Delivery> verify(const WebhookTrigger& trigger, const WebhookRequest& request, const std::string& secret,
                        std::int64_t now = 0) {
  return verify_webhook(trigger, request, {secret}, at_second(now), kMac);
}

bool is_refused(const Result<Delivery>& result) {
  return !result && result.error().code == Errc::signature_invalid && !result.error().message.empty();
}

// The example of GitHub's documentation.
constexpr std::string_view kGitHubSecret = "It's a Secret to Everybody";
constexpr std::string_view kGitHubBody = "Hello, World!";
constexpr std::string_view kGitHubSignature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

// The example of Slack's documentation.
constexpr std::string_view kSlackSecret = "8f742231b10e8888abcd99yyyzzz85a5";
constexpr std::string_view kSlackBody =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack."
    "com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
    "803a0bc887a14d10d2c447fce8b6703c";
constexpr std::string_view kSlackSignature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

constexpr std::string_view kStripeBody = R"({"id": "evt_1", "object": "event"})";
constexpr std::string_view kStripeSignature = "v1=09357d4fb8d9eba6f07fdea6b2428fa819063ec7bb7f9eca18b88cf0ff729476";

std::string upper(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

}  // namespace

TEST_CASE("hmac: agrees with the test cases of RFC 4231") {
  CHECK(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(to_hex(hmac_sha256("Jefe", "what do ya want ", "for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(to_hex(hmac_sha256({}, {})) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("webhook: GitHub's own example is genuine, and names its delivery") {
  const auto github = of(WebhookScheme::github);
  const WebhookRequest request{{{"x-hub-signature-256", kGitHubSignature}, {"X-GITHUB-DELIVERY", "72d3162e"}},
                               kGitHubBody};
  const auto delivery = verify(github, request, std::string(kGitHubSecret));
  REQUIRE(delivery);
  CHECK(delivery->id == "72d3162e");
  CHECK_FALSE(delivery->timestamp);
  SUBCASE("in upper case too") {
    const auto loud = "sha256=" + upper(kGitHubSignature.substr(7));
    CHECK(verify(github, {{{"X-Hub-Signature-256", loud}}, kGitHubBody}, std::string(kGitHubSecret)));
  }
  SUBCASE("with any of several secrets, and with none that is empty") {
    CHECK(verify_webhook(github, request, {"old", std::string(kGitHubSecret)}, {}, kMac));
    CHECK(verify_webhook(github, request, {std::string(kGitHubSecret), "new"}, {}, kMac));
    CHECK(is_refused(verify_webhook(github, request, {"old", "new"}, {}, kMac)));
    const auto none = verify_webhook(github, request, {"", ""}, {}, kMac);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::stream_invalid);
    const auto by_nothing = "sha256=" + to_hex(hmac_sha256("", kGitHubBody));
    CHECK(
        is_refused(verify_webhook(github, {{{"X-Hub-Signature-256", by_nothing}}, kGitHubBody}, {"", "a"}, {}, kMac)));
  }
  SUBCASE("not with another body, secret or signature") {
    CHECK(is_refused(verify(github, {request.headers, "Hello, World"}, std::string(kGitHubSecret))));
    CHECK(is_refused(verify(github, request, "It's a secret to everybody")));
    CHECK(is_refused(verify(github, {{}, kGitHubBody}, std::string(kGitHubSecret))));
    for (const std::string bad : {"", "sha256=", "sha1=757107ea", "757107ea", "sha256=\xff\xfe", "sha256=\0x"})
      CHECK(is_refused(verify(github, {{{"X-Hub-Signature-256", bad}}, kGitHubBody}, std::string(kGitHubSecret))));
    const std::string long_one = std::string(kGitHubSignature) + "0";
    CHECK(is_refused(verify(github, {{{"X-Hub-Signature-256", long_one}}, kGitHubBody}, std::string(kGitHubSecret))));
  }
  SUBCASE("not if a header comes twice") {
    auto twice = request;
    twice.headers.push_back({"X-Hub-Signature-256", "sha256=00"});
    CHECK(is_refused(verify(github, twice, std::string(kGitHubSecret))));
    auto two_ids = request;
    two_ids.headers.push_back({"X-GitHub-Delivery", "other"});
    CHECK(is_refused(verify(github, two_ids, std::string(kGitHubSecret))));
  }
  SUBCASE("not with a name that no history could show") {
    const std::string long_name(kDeliveryIdBytesMax + 1, 'x');
    for (const std::string& bad : {long_name, std::string("a\nb"), std::string("\xff")}) {
      const WebhookRequest odd{{{"X-Hub-Signature-256", kGitHubSignature}, {"X-GitHub-Delivery", bad}}, kGitHubBody};
      CHECK(is_refused(verify(github, odd, std::string(kGitHubSecret))));
    }
  }
}

TEST_CASE("webhook: Slack's own example is genuine while it is fresh") {
  const auto slack = of(WebhookScheme::slack);
  const WebhookRequest request{{{"X-Slack-Signature", kSlackSignature}, {"X-Slack-Request-Timestamp", "1531420618"}},
                               kSlackBody};
  const std::string secret(kSlackSecret);
  const auto delivery = verify(slack, request, secret, 1531420618 + 300);
  REQUIRE(delivery);
  CHECK(delivery->timestamp == at_second(1531420618));
  CHECK_FALSE(delivery->id);
  CHECK(verify(slack, request, secret, 1531420618 - 300));
  CHECK(is_refused(verify(slack, request, secret, 1531420618 + 301)));
  CHECK(is_refused(verify(slack, request, secret, 1531420618 - 301)));
  for (const std::string bad : {"", "-1", "1531420619", "99999999999999999999", "1531420618.0", "\xff"}) {
    const WebhookRequest odd{{{"X-Slack-Signature", kSlackSignature}, {"X-Slack-Request-Timestamp", bad}}, kSlackBody};
    CHECK(is_refused(verify(slack, odd, secret, 1531420618)));
  }
}

TEST_CASE("webhook: Stripe's timestamp is part of what is signed, and one of several signatures is enough") {
  const auto stripe = of(WebhookScheme::stripe);
  const std::string secret = "whsec_test_secret";
  const auto with = [&](const std::string& signature, std::int64_t now = 1492774600) {
    return verify(stripe, {{{"Stripe-Signature", signature}}, kStripeBody}, secret, now);
  };
  const std::string good(kStripeSignature);
  const std::string other = "v1=" + std::string(64, '0');
  const auto delivery = with("t=1492774577," + good);
  REQUIRE(delivery);
  CHECK(delivery->id == "evt_1");
  CHECK(
      with("t=1492774577," + other + "," + good + ",v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989"));
  CHECK(with(good + ", t=1492774577"));
  CHECK(is_refused(with("t=1492774577," + other)));
  CHECK(is_refused(with("t=1492774578," + good)));
  CHECK(is_refused(with("t=1492774577,t=1492774577," + good)));
  CHECK(is_refused(with("t=1492774577,v0=" + good.substr(3))));
  CHECK(is_refused(with(good)));
  CHECK(is_refused(with("t=1492774577")));
  CHECK(is_refused(with(",,,=,t=,")));
  CHECK(is_refused(with("t=1492774577," + good, 1492774577 + 301)));
  std::string many = "t=1492774577";
  for (std::size_t i = 0; i < kSignaturesMax - 1; ++i) many += "," + other;
  CHECK(with(many + "," + good));
  CHECK(is_refused(with(many + "," + other + "," + good)));
}

TEST_CASE("webhook: the plain scheme signs the body, or a timestamp and the body") {
  auto plain = of(WebhookScheme::generic);
  const std::string body = R"({"a":1})";
  const auto alone = to_hex(hmac_sha256("key", body));
  const auto timed = "t=1000,v1=" + to_hex(hmac_sha256("key", "1000.", body));
  const auto with = [&](const std::string& signature, std::int64_t now = 1000) {
    return verify(plain, {{{"X-Hillstar-Signature", signature}, {"Idempotency-Key", "k"}}, body}, "key", now);
  };
  REQUIRE(with(alone));
  CHECK(with(alone)->id == "k");
  CHECK(with("sha256=" + alone));
  CHECK(with(timed)->timestamp == at_second(1000));
  CHECK(is_refused(with(timed, 2000)));
  plain.tolerance = Millis(2'000'000);
  CHECK(with(timed, 2000));
  CHECK_MESSAGE(is_refused(with(alone)), "who says how old a request may be wants to know how old it is");
  SUBCASE("neither can be passed off as the other") {
    plain.tolerance.reset();
    const auto signature = timed.substr(10);
    const std::string all = "1000." + body;
    CHECK(is_refused(verify(plain, {{{"X-Hillstar-Signature", signature}}, all}, "key", 1000)));
  }
  SUBCASE("the names of headers can be chosen") {
    plain.tolerance.reset();
    plain.signature_header = "X-Mine";
    plain.idempotency_header = "X-Id";
    const auto delivery = verify(plain, {{{"x-mine", alone}, {"x-id", "7"}, {"Idempotency-Key", "8"}}, body}, "key");
    REQUIRE(delivery);
    CHECK(delivery->id == "7");
  }
}

TEST_CASE("webhook: without a scheme everybody is believed") {
  const auto delivery = verify_webhook(of(WebhookScheme::none), {{{"idempotency-key", " 7 "}}, "x"}, {}, {}, kMac);
  REQUIRE(delivery);
  CHECK(delivery->id == "7");
}

TEST_CASE("webhook: no bytes get past a signature, and none break its check") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::string words[] = {"t=", "v1=", "v0=", ",", "sha256=", "1492774577", "=", ".", "\xff", " ", "-"};
  const char* const names[] = {"Stripe-Signature", "X-Hub-Signature-256", "X-Slack-Signature",
                               "X-Slack-Request-Timestamp", "X-Hillstar-Signature"};
  for (int round = 0; round < 4000; ++round) {
    std::vector<std::string> values(5);
    for (auto& value : values) {
      for (auto parts = random() % 8; parts > 0; --parts) {
        if (random() % 2 == 0) value += words[random() % std::size(words)];
        if (random() % 3 == 0) value += std::string(64, "0aF"[random() % 3]);
        if (random() % 4 == 0) value += static_cast<char>(random() % 256);
      }
    }
    WebhookRequest request;
    for (std::size_t i = 0; i < values.size(); ++i) request.headers.push_back({names[i], values[i]});
    std::string body;
    for (auto bytes = random() % 20; bytes > 0; --bytes) body += static_cast<char>(random() % 256);
    request.body = body;
    for (const auto scheme :
         {WebhookScheme::github, WebhookScheme::stripe, WebhookScheme::slack, WebhookScheme::generic})
      REQUIRE(is_refused(verify(of(scheme), request, "key", 1492774577)));
  }
}

}  // namespace hillstar::stream
