// SPDX-License-Identifier: Apache-2.0
#include "messages/json.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstring>
#include <random>
#include <string>

#include "messages/events.hpp"
#include "messages/json_codec.hpp"
#include "runtime/workflow/plan.hpp"

namespace hillstar {
namespace {

std::string canonical(const char* text) { return json::canonical(boost::json::parse(text)); }

TEST_CASE("json: a document's value has every bit of the numbers that were written") {
  CHECK(Json::of(0.1 + 0.2).value().get_double() == 0.1 + 0.2);
  std::mt19937_64 dice(20'261'122);
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = dice();
    double number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (!std::isfinite(number)) continue;
    const auto document = Json::of(boost::json::array{number, "text", nullptr});
    CHECK_MESSAGE(Json::of(document.value()) == document, document.text());
  }
}

TEST_CASE("json: canonical form sorts keys by UTF-16 code units and drops white space") {
  CHECK(canonical(R"({ "b" : 1, "a" : [ true , null ] })") == R"({"a":[true,null],"b":1})");
  // RFC 8785, section 3.2.3: U+1F600 (a surrogate pair) sorts before U+FB33.
  CHECK(canonical("{\"\xEF\xAC\xB3\":1,\"\xF0\x9F\x98\x80\":2,\"\xE2\x82\xAC\":3}") ==
        "{\"\xE2\x82\xAC\":3,\"\xF0\x9F\x98\x80\":2,\"\xEF\xAC\xB3\":1}");
}

TEST_CASE("json: canonical strings escape what must be, and nothing else") {
  CHECK(canonical(R"("\u0000\u001f\b\t\n\f\r\"\\\/\u20ac")") ==
        "\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\/\xE2\x82\xAC\"");
}

TEST_CASE("json: numbers are written as ECMAScript writes them") {
  const auto number = [](double value) {
    std::string out;
    json::append_number(out, value);
    return out;
  };
  CHECK(number(0.0) == "0");
  CHECK(number(-0.0) == "0");
  CHECK(number(7.3e-07) == "7.3e-7");
  CHECK(number(1e21) == "1e+21");
  CHECK(number(123456789012345680000.0) == "123456789012345680000");
  CHECK(number(0.000001) == "0.000001");
  CHECK(number(-0.5) == "-0.5");
  CHECK(number(5e-324) == "5e-324");
  CHECK(number(1.7976931348623157e308) == "1.7976931348623157e+308");
  CHECK(number(100) == "100");
  CHECK(number(4.50) == "4.5");
}

TEST_CASE("json: malformed UTF-8 is found and replaced") {
  CHECK(json::is_utf8("caf\xC3\xA9"));
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xE2\x82", "\xFF"}) {
    CHECK_FALSE(json::is_utf8(bad));
    CHECK(json::is_utf8(json::to_utf8(std::string("a") + bad + "b")));
  }
  CHECK(json::to_utf8("a\xFFz") == "a\xEF\xBF\xBDz");
}

TEST_CASE("json: pointer tokens are escaped") { CHECK(json::pointer_token("a/b~c") == "a~1b~0c"); }

TEST_CASE("codec: what is written is read back, and is canonical") {
  NodeAttemptFailed event;
  event.node = NodeId("n\"1");
  event.item = 3;
  event.attempt = 2;
  event.failure = {FailureClass::rate_limited, "slow down", Millis(1500)};
  event.retry_at = UtcTime{1'700'000'000'123'456};
  event.usage = Usage{10, 20, 5, std::nullopt, MicroUsd{7}};
  const auto text = json::to_text(event);
  CHECK(text == json::canonical(boost::json::parse(text)));
  const auto back = json::read<NodeAttemptFailed>(boost::json::parse(text));
  REQUIRE(back.has_value());
  CHECK(json::to_text(*back) == text);
  CHECK(back->failure == event.failure);
}

TEST_CASE("codec: a bool that is true unless something else is said keeps its false") {
  workflow::RetryPolicy policy;
  CHECK(json::to_text(policy).find("jitter") != std::string::npos);
  policy.jitter = false;
  const auto text = json::to_text(policy);
  CHECK(text.find(R"("jitter":false)") != std::string::npos);
  const auto back = json::read<workflow::RetryPolicy>(json::parse(text).value());
  REQUIRE(back.has_value());
  CHECK(*back == policy);
}

TEST_CASE("codec: reading is strict and names the path") {
  const auto error = [](const char* text) {
    const auto result = json::read<NodeScheduled>(boost::json::parse(text), "history/3");
    return result ? std::string("read") : result.error().where + ": " + result.error().message;
  };
  CHECK(error(R"({"node":"a","attempt":1})") == "read");
  CHECK(error(R"({"attempt":1})") == "history/3: field 'node' is missing");
  CHECK(error(R"({"node":"a","attempt":1,"x":1})") == "history/3: unknown field 'x'");
  CHECK(error(R"({"node":7,"attempt":1})") == "history/3/node: expected a string, found int64");
  CHECK(error(R"({"node":"a","attempt":1.5})") == "history/3/attempt: expected an integer in range, found double");
  CHECK(error(R"({"node":"a","attempt":-1})") == "history/3/attempt: expected an integer in range, found int64");
  CHECK(error(R"({"node":"a","attempt":4294967296})") ==
        "history/3/attempt: expected an integer in range, found int64");
}

TEST_CASE("units: times are written in RFC 3339 and read back exactly") {
  for (const std::int64_t micros : {0LL, 1LL, 1'795'307'642'988'055LL, -1LL, 253'402'300'799'999'999LL}) {
    const UtcTime time{micros};
    CHECK(from_rfc3339(to_rfc3339(time)) == time);
  }
  CHECK(to_rfc3339({0}) == "1970-01-01T00:00:00.000000Z");
  for (const char* bad : {"", "1970-01-01T00:00:00Z", "1970-13-01T00:00:00.000000Z", "1970-02-30T00:00:00.000000Z",
                          "1970-01-01T24:00:00.000000Z", "1970-01-01 00:00:00.000000Z", "197a-01-01T00:00:00.000000Z"})
    CHECK_FALSE(from_rfc3339(bad).has_value());
}

TEST_CASE("error: a person reads number, place, sentence and mend") {
  CHECK(to_string(Error(Errc::reference, "no node 'x'.", "a.json:4:7", "Did you mean 'y'?")) ==
        "HS112 at a.json:4:7: no node 'x'. Did you mean 'y'?");
}

}  // namespace
}  // namespace hillstar
