// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/stat.h>

#include <thread>

#include "tests/unit/runtime/tools/tool_bench.hpp"

using namespace hillstar;
using namespace hillstar::tools;
using namespace hillstar::testing;

namespace {

struct Script : ToolBench {
  explicit Script(const std::string& script) : ToolBench("script_run") { parameters({{"script", script}}); }
};

}  // namespace

TEST_CASE("script_run: a shell line's result has Hillstar's three keys") {
  Script bench("printf 'a|b'|cat");
  CHECK(bench().result.json.text() == R"({"error":null,"output":"a|b","return_code":0})");
}

TEST_CASE("script_run: stderr of a success is shown live and not kept") {
  Script bench("echo warn >&2; echo out");
  const auto reply = bench();
  CHECK(reply.result.json.text() == R"({"error":null,"output":"out\n","return_code":0})");
  CHECK(bench.live.find("warn\n") != std::string::npos);
}

TEST_CASE("script_run: without a shell character the script is the path of a program") {
  Script bench("./tool.sh");
  put(bench.folder / "tool.sh", "#!/bin/sh\necho \"$#\"\n");
  CHECK(bench().failure->message == "cannot start './tool.sh': permission denied; is it executable (chmod +x)?");
  CHECK(kind_of(bench()) == FailureClass::spawn);
  chmod((bench.folder / "tool.sh").c_str(), 0755);
  CHECK(member(bench, bench(), "output") == "0\n");
  bench.parameters({{"script", "./tool.sh a b"}});
  CHECK(member(bench, bench(), "output") == "2\n");
  put(bench.folder / "tool.sh", "echo no interpreter\n");
  bench.parameters({{"script", "./tool.sh"}});
  CHECK(bench().failure->message.find("#!/bin/sh") != std::string::npos);
  for (const std::string script : {"true;true", "$HOME/x", "no-such-program"}) {
    bench.parameters({{"script", script}});
    const auto reply = bench();
    CHECK(kind_of(reply) == FailureClass::spawn);
    CHECK(reply.failure->message.find("is the path of a program, not a shell line") != std::string::npos);
  }
  bench.parameters({{"script", "true"}});
  CHECK(succeeded(bench()));
}

TEST_CASE("script_run: parameters.script must be a string") {
  ToolBench bench("script_run");
  CHECK(bench().failure->message == "script_run requires script parameter");
  bench.parameters({{"script", {"echo", "x"}}});
  CHECK(kind_of(bench()) == FailureClass::invalid_input);
  bench.parameters({{"script", std::string("echo \0", 6)}});
  CHECK(kind_of(bench()) == FailureClass::invalid_input);
}

TEST_CASE("script_run: a failure says what stderr said, or the return code") {
  Script bench("echo kept; echo ' went wrong ' >&2; exit 3");
  auto reply = bench();
  CHECK(kind_of(reply) == FailureClass::exit_code);
  CHECK(reply.failure->message == "went wrong");
  CHECK(reply.result.json.text() == R"({"error":"went wrong","output":"kept\n","return_code":3})");
  bench.parameters({{"script", "exit 3 #"}});
  CHECK(bench().failure->message == "script exited with return code 3");
  bench.parameters({{"script", "kill -9 $$ #"}});
  reply = bench();
  CHECK(kind_of(reply) == FailureClass::signal);
  CHECK(reply.result.json.text() == R"({"error":"script exited with return code -9","output":"","return_code":-9})");
}

TEST_CASE("script_run: the input is stdin, falsy values are none") {
  Script bench("cat -");
  bench.input("$(touch x) `id`; \xC3\xA4");
  CHECK(member(bench, bench(), "output") == "$(touch x) `id`; \xC3\xA4");
  CHECK(entries(bench.folder.path()) == 0);
  bench.input(R"({"a":1})", false);
  CHECK(member(bench, bench(), "output") == R"({"a":1})");
  for (const std::string text : {"0", "false", "null", "[]", "{}"}) {
    bench.input(text, false);
    CHECK(member(bench, bench(), "output").empty());
    bench.input(text, true);
    CHECK(member(bench, bench(), "output") == text);
  }
  bench.input(std::string("\x00\xFF", 2));
  CHECK(member(bench, bench(), "output") == std::string("\x00\xFF", 2));
}

TEST_CASE("script_run: line ends are translated, bytes and long outputs are blobs") {
  Script bench("printf 'a\\r\\nb\\rc\\n'");
  CHECK(member(bench, bench(), "output") == "a\nb\nc\n");
  bench.parameters({{"script", "printf '\\377\\376' #"}});
  auto reply = bench();
  REQUIRE(reply.result.blobs.size() == 1);
  CHECK(reply.result.blobs[0].binary);
  CHECK(reply.result.json.text() == R"({"error":null,"output":null,"return_code":0})");
  CHECK(member(bench, reply, "output") == "\xFF\xFE");
  bench.parameters({{"script", "head -c 3000000 /dev/zero | tr '\\0' x"}});
  reply = bench();
  REQUIRE(reply.result.blobs.size() == 1);
  CHECK_FALSE(reply.result.blobs[0].binary);
  CHECK(reply.result.blobs[0].bytes == 3'000'000);
}

TEST_CASE("script_run: more than 64 MiB of output ends it") {
  Script bench("yes | cat");
  const auto reply = bench();
  CHECK(kind_of(reply) == FailureClass::output_limit);
  CHECK(reply.failure->message == "more than 67108864 bytes were written to stdout");
}

TEST_CASE("script_run: cwd starts at the workspace and must exist") {
  Script bench("ls -1");
  std::filesystem::create_directory(bench.folder / "sub");
  put(bench.folder / "sub/here", "");
  CHECK(member(bench, bench(), "output") == "sub\n");
  bench.call.cwd = "sub";
  CHECK(member(bench, bench(), "output") == "here\n");
  bench.call.cwd = bench.folder / "sub";
  CHECK(member(bench, bench(), "output") == "here\n");
  bench.call.cwd = "nodir";
  CHECK(kind_of(bench()) == FailureClass::spawn);
  CHECK(bench().failure->message == "cannot enter the folder 'nodir': no such file or directory");
}

TEST_CASE("script_run: the time limit is named, and what was said until then is kept") {
  Script bench("echo started; (sleep 1000; touch late.txt) & wait");
  bench.call.start_to_close = Millis(1500);
  const auto reply = bench();
  CHECK(kind_of(reply) == FailureClass::timeout);
  CHECK(reply.failure->message ==
        "Command 'echo started; (sleep 1000; touch late.txt) & wait' timed out after 1.5 seconds");
  CHECK(member(bench, reply, "output") == "started\n");
  CHECK(member(bench, reply, "return_code") == "(absent)");
}

TEST_CASE("script_run: cancelling while it runs ends it") {
  Script bench("echo $$ > pid; exec sleep 1000");
  std::thread canceller([&] {
    // Once the script has said who it is, it is running.
    while (get(bench.folder / "pid").find('\n') == std::string::npos) std::this_thread::yield();
    bench.cancel.set();
  });
  const auto reply = bench();
  canceller.join();
  CHECK(reply.cancelled);
  CHECK_FALSE(is_alive(std::stoi(get(bench.folder / "pid"))));
}

TEST_CASE("script_run: the environment is the person's and ours") {
  Script bench("env | grep -E '^(HILLSTAR|MINE)' | sort");
  bench.run->environment.push_back("MINE=1");
  bench.run->environment.push_back("HILLSTAR_STEP=old");
  bench.run->environment.push_back("HILLSTAR_OUTPUT_DIR=old");
  bench.call.attempt = 2;
  const std::string common = "HILLSTAR_ATTEMPT=2\nHILLSTAR_ATTEMPT_KEY=01ARYZ6S41TSV4RRFFQ69G5FAV/node/1\n";
  const std::string rest = "HILLSTAR_RUN_ID=01ARYZ6S41TSV4RRFFQ69G5FAV\n";
  CHECK(member(bench, bench(), "output") ==
        common + "HILLSTAR_IDEMPOTENCY_KEY=01ARYZ6S41TSV4RRFFQ69G5FAV/node\nHILLSTAR_NODE_ID=node\n" + rest +
            "HILLSTAR_WORKFLOW_ID=flow\nMINE=1\n");
  bench.run->output_dir = "/o";
  bench.run->step = "04";
  CHECK(member(bench, bench(), "output") ==
        common +
            "HILLSTAR_AUDIT_DIR=/o/audit/step_04\nHILLSTAR_CHECKPOINTS_DIR=/o/checkpoints\n"
            "HILLSTAR_DATA_STORES_DIR=/o/data_stores\nHILLSTAR_IDEMPOTENCY_KEY=01ARYZ6S41TSV4RRFFQ69G5FAV/node\n"
            "HILLSTAR_LOGS_DIR=/o/logs\nHILLSTAR_NODE_ID=node\nHILLSTAR_OUTPUT_DIR=/o\n" +
            rest + "HILLSTAR_STEP=04\nHILLSTAR_TRACES_DIR=/o/traces\nHILLSTAR_WORKFLOW_ID=flow\nMINE=1\n");
}

TEST_CASE("script_run: the trace is the attempt's, or whatever the person has") {
  Script bench("env | grep ^TRACE | sort");
  bench.run->environment.push_back("TRACEPARENT=theirs");
  bench.run->environment.push_back("TRACESTATE=theirs");
  CHECK(member(bench, bench(), "output") == "TRACEPARENT=theirs\nTRACESTATE=theirs\n");
  bench.call.trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  CHECK(member(bench, bench(), "output") == "TRACEPARENT=" + bench.call.trace + "\n");
}

TEST_CASE("cancel flag: a descriptor tells, whether it was made before or after") {
  for (const bool first : {false, true}) {
    CancelFlag flag;
    if (!first) flag.set();
    pollfd entry{flag.descriptor(), POLLIN, 0};
    if (first) {
      CHECK(poll(&entry, 1, 0) == 0);
      flag.set();
    }
    CHECK(flag.is_set());
    CHECK(poll(&entry, 1, 0) == 1);
    CHECK(flag.descriptor() == entry.fd);
  }
}

TEST_CASE("cancel flag: setting and asking at once never loses the ring") {
  for (int i = 0; i < 300; ++i) {
    CancelFlag flag;
    std::thread setter([&] { flag.set(); });
    pollfd entry{flag.descriptor(), POLLIN, 0};
    CHECK(poll(&entry, 1, 30'000) == 1);
    setter.join();
  }
}
