// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/log_lines.hpp"

#include <doctest/doctest.h>

#include "apps/http/access_log.hpp"

using namespace hillstar;
using namespace hillstar::cli;

namespace {

const std::string kRun = "01K0000000000000000000RXN1";

std::string line(std::string_view text) {
  return log_json(UtcTime{0}, text, [](const RunId& run) { return run.str() == kRun ? std::string(32, 'a') : ""; });
}

}  // namespace

TEST_CASE("log lines: level, number, run, stream and trace are told apart from the message") {
  CHECK(line("error HS809 at " + kRun + ": stream 'loop/e' is too deep.") ==
        R"({"code":"HS809","level":"error","message":"HS809 at )" + kRun +
            R"(: stream 'loop/e' is too deep.","run":")" + kRun +
            R"(","stream":"loop/e","time":"1970-01-01T00:00:00.000000Z","trace_id":")" + std::string(32, 'a') + "\"}");
  CHECK(line("warning: too much") ==
        R"({"level":"warning","message":"too much","time":"1970-01-01T00:00:00.000000Z"})");
  CHECK(line("Listening") == R"({"level":"info","message":"Listening","time":"1970-01-01T00:00:00.000000Z"})");
}

TEST_CASE("log lines: what only looks like a number or a run is none") {
  for (const auto* text : {"HS11 XHS112 HS1123 HS", "01K000000000000000000 and 81K0000000000000000000RXN1",
                           "stream 'never closed", "a01K0000000000000000000RXN1"}) {
    CAPTURE(text);
    const auto made = line(text);
    CHECK(made.find("\"code\"") == std::string::npos);
    CHECK(made.find("\"run\"") == std::string::npos);
    CHECK(made.find("\"stream\"") == std::string::npos);
  }
}

TEST_CASE("log lines: colours, line ends and bad bytes do no harm") {
  CHECK(line("\x1b[31merror\x1b[0m HS100 a\nb\xff") ==
        "{\"code\":\"HS100\",\"level\":\"error\",\"message\":\"HS100 a\\nb\xef\xbf\xbd\","
        "\"time\":\"1970-01-01T00:00:00.000000Z\"}");
}

TEST_CASE("access lines: a line is a line, whatever was asked") {
  http::Access access;
  access.method = "GE\"T \n";
  access.status = 404;
  access.bytes = 12;
  access.micros = 1'500;
  access.peer = "::1";
  CHECK(http::access_text(access) == "1970-01-01T00:00:00.000000Z ::1 - \"GE?T?? -\" 404 12 0.001500 -");
  access.route = "/v1/runs/{run}";
  access.who = "a b";
  access.trace = std::string(32, 'a');
  CHECK(http::access_text(access).find(" a?b \"GE?T?? /v1/runs/{run}\" 404 ") != std::string::npos);
  CHECK(http::access_json(access) ==
        R"({"bytes":12,"level":"info","message":"request","method":"GE\"T \n","peer":"::1","route":"/v1/runs/{run}",)"
        R"("seconds":0.0015,"status":404,"time":"1970-01-01T00:00:00.000000Z","token":"a b","trace_id":")" +
            std::string(32, 'a') + "\"}");
}
