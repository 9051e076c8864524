// SPDX-License-Identifier: Apache-2.0
#include "providers/failure.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>

#include "messages/json.hpp"

using namespace hillstar;
using namespace hillstar::providers;

namespace {

Failure failed(unsigned status, std::string body, std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.headers = std::move(headers);
  return failure_of(reply, Secret("canary-key"));
}

std::optional<Millis> asked(std::vector<std::pair<std::string, std::string>> headers) {
  HttpReply reply;
  reply.headers = std::move(headers);
  return retry_after(reply);
}

}  // namespace

TEST_CASE("provider failure: status and words give the class") {
  const struct {
    unsigned status;
    const char* body;
    FailureClass kind;
  } rows[] = {
      {400, R"({"error":{"message":"Unsupported value","type":"invalid_request_error","code":"unsupported_value"}})",
       FailureClass::invalid_request},
      {400, R"({"error":{"message":"too long","code":"context_length_exceeded"}})", FailureClass::context_too_long},
      {400, R"({"error":{"code":400,"message":"request is too large","type":"exceed_context_size_error"}})",
       FailureClass::context_too_long},
      {400, R"({"error":{"message":"no","code":"content_filter"}})", FailureClass::refused},
      {401, R"({"error":{"message":"bad key","type":"authentication_error","code":401}})", FailureClass::auth},
      {402, "", FailureClass::quota},
      {403, "{}", FailureClass::auth},
      {404, R"({"error":{"message":"model not found"}})", FailureClass::invalid_request},
      {408, "", FailureClass::timeout},
      {409, "", FailureClass::server},
      {413, "", FailureClass::context_too_long},
      {418, "", FailureClass::invalid_request},
      {422, R"({"detail":[{"msg":"field required"}]})", FailureClass::invalid_request},
      {429, R"({"error":{"message":"slow down","code":"rate_limit_exceeded"}})", FailureClass::rate_limited},
      {429, R"({"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}})",
       FailureClass::quota},
      {429, "<html>busy</html>", FailureClass::rate_limited},
      {500, R"({"error":{"message":"oops","type":"server_error","code":null}})", FailureClass::server},
      {502, "<html>bad gateway</html>", FailureClass::server},
      {503, R"({"error":{"message":"Loading model","code":503}})", FailureClass::overloaded},
      {504, "", FailureClass::server},
      {529, "", FailureClass::overloaded},
      {599, "", FailureClass::server},
  };
  for (const auto& row : rows) {
    CAPTURE(row.status);
    CAPTURE(row.body);
    CHECK(failed(row.status, row.body).kind == row.kind);
  }
}

TEST_CASE("provider failure: the message is the server's, found in each of the usual places") {
  CHECK(failed(500, R"({"error":{"message":"m1"}})").message == "HTTP 500 Internal Server Error: m1");
  CHECK(failed(500, R"({"error":"m2"})").message == "HTTP 500 Internal Server Error: m2");
  CHECK(failed(500, R"({"detail":"m3"})").message == "HTTP 500 Internal Server Error: m3");
  CHECK(failed(500, R"({"message":"m4"})").message == "HTTP 500 Internal Server Error: m4");
  CHECK(failed(500, "plain\r\n\ttext \x01 here").message == "HTTP 500 Internal Server Error: plain text here");
  CHECK(failed(500, "").message == "HTTP 500 Internal Server Error");
  CHECK(failed(418, "tea").message == "HTTP 418: tea");
  CHECK(failed(500, R"({"detail":[{"msg":"m5"}]})").message.find("m5") != std::string::npos);
}

TEST_CASE("provider failure: a key that the server repeats is blotted out") {
  const auto failure =
      failed(401, R"({"error":{"message":"Incorrect API key provided: canary-key. Not canary-key!"}})");
  CHECK(failure.message == "HTTP 401 Unauthorized: Incorrect API key provided: [key]. Not [key]!");
  CHECK(failed(500, "<b>canary-key</b>").message.find("canary-key") == std::string::npos);
}

TEST_CASE("provider failure: excerpts are short, clean and valid") {
  const auto long_text = excerpt(std::string(5000, 'x'), Secret());
  CHECK(long_text.size() == kExcerptBytesMax);
  CHECK(long_text.ends_with("..."));
  std::string wide;
  for (int i = 0; i < 500; ++i) wide += "\xC3\xA9";
  for (int shift = 0; shift < 3; ++shift) {
    const auto cut = excerpt(std::string(static_cast<std::size_t>(shift), 'a') + wide, Secret());
    CHECK(cut.size() <= kExcerptBytesMax);
    CHECK(json::is_utf8(cut));
  }
  CHECK(excerpt("a\xFF"
                "b",
                Secret()) ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(excerpt("\x1b[31mred\x1b[0m", Secret()) == "[31mred [0m");
  CHECK(excerpt("", Secret()).empty());
}

TEST_CASE("provider failure: redirects name their target and are not transient") {
  const auto away = failed(302, "", {{"location", "http://169.254.169.254/latest?token=1"}});
  CHECK(away.kind == FailureClass::invalid_request);
  CHECK(away.message.find("redirects to 169.254.169.254;") != std::string::npos);
  CHECK(away.message.find("token") == std::string::npos);
  CHECK(failed(307, "", {{"location", "/elsewhere"}}).message.find("another path") != std::string::npos);
  CHECK(failed(304, "").message.find("nowhere") != std::string::npos);
}

TEST_CASE("provider failure: retry-after in seconds, milliseconds and dates, clamped to ten minutes") {
  CHECK(asked({{"retry-after", "2"}}) == Millis(2000));
  CHECK(asked({{"retry-after", " 1.5 "}}) == Millis(1500));
  CHECK(asked({{"retry-after-ms", "120"}, {"retry-after", "1"}}) == Millis(120));
  CHECK(asked({{"retry-after", "0"}}) == Millis(0));
  CHECK(asked({{"retry-after", "99999999999999999999"}}) == Millis(600'000));
  CHECK(asked({{"retry-after", std::string(400, '9')}}) == Millis(600'000));
  CHECK(asked({{"date", "Sun, 22 Nov 2026 03:00:00 GMT"}, {"retry-after", "Sun, 22 Nov 2026 03:00:30 GMT"}}) ==
        Millis(30'000));
  CHECK(asked({{"date", "Sat, 31 Dec 2022 23:59:59 GMT"}, {"retry-after", "Sun, 01 Jan 2023 00:00:01 GMT"}}) ==
        Millis(2000));
  CHECK(asked({{"date", "Sun, 22 Nov 2026 03:00:00 GMT"}, {"retry-after", "Sun, 22 Nov 2026 02:00:00 GMT"}}) ==
        Millis(0));
  CHECK(asked({{"date", "Sun, 22 Nov 2026 03:00:00 GMT"}, {"retry-after", "Sun, 22 Nov 2099 03:00:00 GMT"}}) ==
        Millis(600'000));
  for (const char* text : {"", "-5", "soon", "nan", "inf", "-inf", "1e3x", "0x10", "Sun, 22 Nov 2026 03:00:30 GMT",
                           "Sun, 99 Nov 2026 03:00:30 GMT", "Sun, 22 ovN 2026 03:00:30 GMT"}) {
    CAPTURE(text);
    CHECK_FALSE(asked({{"retry-after", text}}));
  }
  CHECK(failed(429, "", {{"retry-after", "3"}}).retry_after == Millis(3000));
}

TEST_CASE("provider failure: error objects within a reply have classes too") {
  const auto of = [](std::string_view text) { return failure_of(*json::parse(text), Secret("canary-key")); };
  CHECK(of(R"({"message":"oops","type":"server_error","code":null})").kind == FailureClass::server);
  CHECK(of(R"({"message":"m","code":"rate_limit_exceeded"})").kind == FailureClass::rate_limited);
  CHECK(of(R"({"message":"m","type":"overloaded_error"})").kind == FailureClass::overloaded);
  CHECK(of(R"({"message":"m","code":429})").kind == FailureClass::rate_limited);
  CHECK(of(R"({"message":"m","code":400,"type":"exceed_context_size_error"})").kind == FailureClass::context_too_long);
  CHECK(of(R"({"message":"m","type":"invalid_request_error"})").kind == FailureClass::invalid_request);
  CHECK(of(R"({"message":"m","code":"invalid_api_key"})").kind == FailureClass::auth);
  CHECK(of(R"("just text with canary-key")").message ==
        "The server reported an error in its reply: just text with [key]");
}

TEST_CASE("provider failure: Anthropic's and Google's own words") {
  const struct {
    unsigned status;
    const char* body;
    FailureClass kind;
  } rows[] = {
      {400, R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",
                "details":[{"@type":"x/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}})",
       FailureClass::auth},
      {400,
       R"({"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).",
                "status":"INVALID_ARGUMENT"}})",
       FailureClass::context_too_long},
      {400, R"({"error":{"code":400,"message":"Bad field","status":"INVALID_ARGUMENT","details":7}})",
       FailureClass::invalid_request},
      {403, R"({"error":{"code":403,"message":"no","status":"PERMISSION_DENIED","details":[]}})", FailureClass::auth},
      {429, R"({"error":{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED"}})",
       FailureClass::rate_limited},
      {503, R"({"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}})", FailureClass::overloaded},
      {402, R"({"type":"error","error":{"type":"billing_error","message":"low"}})", FailureClass::quota},
      {413, R"({"type":"error","error":{"type":"request_too_large","message":"big"}})", FailureClass::context_too_long},
      {400, R"({"type":"error","error":{"type":"invalid_request_error","message":"m",
                "details":{"error_code":"context_window_exceeded"}}})",
       FailureClass::context_too_long},
      {529, R"({"type":"error","error":{"type":"overloaded_error","message":"m"}})", FailureClass::overloaded},
  };
  for (const auto& row : rows) {
    CAPTURE(row.body);
    CHECK(failed(row.status, row.body).kind == row.kind);
  }
}

TEST_CASE("provider failure: a list of one error is that error") {
  const auto failure = failed(503, R"([{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}])");
  CHECK(failure.kind == FailureClass::overloaded);
  CHECK(failure.message == "HTTP 503 Service Unavailable: m");
  CHECK(failed(500, "[]").message == "HTTP 500 Internal Server Error: []");
  CHECK(failed(500, R"(["a",2])").message == "HTTP 500 Internal Server Error: a");
}

TEST_CASE("provider failure: the wait in Google's RetryInfo counts if no header says otherwise") {
  const auto body = [](const std::string& delay) {
    return R"({"error":{"code":429,"message":"m","details":[7,{"@type":"x/google.rpc.QuotaFailure"},
               {"@type":"x/google.rpc.RetryInfo","retryDelay":)" +
           delay + "}]}}";
  };
  CHECK(failed(429, body(R"("1.2s")")).retry_after == Millis(1200));
  CHECK(failed(429, body(R"("36s")")).retry_after == Millis(36'000));
  CHECK(failed(429, body(R"("99999999s")")).retry_after == Millis(600'000));
  CHECK(failed(429, body(R"("1.2s")"), {{"retry-after", "7"}}).retry_after == Millis(7000));
  for (const char* wrong : {R"("")", R"("s")", R"("1.2")", R"("-1s")", R"("1ms")", "7", "null"}) {
    CAPTURE(wrong);
    CHECK_FALSE(failed(429, body(wrong)).retry_after);
  }
}

TEST_CASE("provider failure: the request is named, by header or by body") {
  CHECK(failed(500, R"({"error":{"message":"m"}})", {{"request-id", "req_1"}}).message ==
        "HTTP 500 Internal Server Error: m (request req_1)");
  CHECK(failed(500, R"({"error":{"message":"m"}})", {{"x-request-id", "req_2"}, {"request-id", "req_1"}}).message ==
        "HTTP 500 Internal Server Error: m (request req_2)");
  CHECK(failed(500, R"({"error":{"message":"m"},"request_id":"req_3"})").message ==
        "HTTP 500 Internal Server Error: m (request req_3)");
  CHECK(failed(401, R"({"message":"m","request_id":"req_4"})").message == "HTTP 401 Unauthorized: m (request req_4)");
  CHECK(failed(500, R"({"error":{"message":"m"},"request_id":7})").message == "HTTP 500 Internal Server Error: m");
  CHECK(failed(500, "", {{"request-id", "a\nb canary-key"}}).message ==
        "HTTP 500 Internal Server Error (request a b [key])");
}

TEST_CASE("provider failure: x-should-retry overrides what the status means for another try") {
  const auto kind = [](unsigned status, const char* advice) {
    return failed(status, "{}", {{"x-should-retry", advice}}).kind;
  };
  CHECK(kind(500, "false") == FailureClass::invalid_request);
  CHECK(kind(529, "false") == FailureClass::invalid_request);
  CHECK(kind(429, "false") == FailureClass::quota);
  CHECK(kind(401, "false") == FailureClass::auth);
  CHECK(kind(400, "true") == FailureClass::server);
  CHECK(kind(401, "true") == FailureClass::auth);
  CHECK(kind(429, "true") == FailureClass::rate_limited);
  CHECK(kind(500, "perhaps") == FailureClass::server);
  CHECK(failed(500, "{}", {{"x-should-retry", "false"}}).message.find("not to try again") != std::string::npos);
}
