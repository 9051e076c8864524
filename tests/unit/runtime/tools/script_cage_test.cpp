// SPDX-License-Identifier: Apache-2.0
// Scripts in the sandbox that they get, through the tool. Deeper tries at getting out: platform/sandbox_test.cpp.
#include "runtime/tools/script_cage.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/unit/runtime/tools/tool_bench.hpp"

using namespace hillstar;
using namespace hillstar::tools;
using namespace hillstar::testing;
using workflow::SandboxProfile;

namespace {

struct Caged : ToolBench {
  explicit Caged(const std::string& script) : ToolBench("script_run") { runs(script); }
  void runs(const std::string& script) { parameters({{"script", script}}); }
  workflow::Sandbox& sandbox() {
    if (!call.sandbox) call.sandbox.emplace();
    return *call.sandbox;
  }
  policy::Rules& rules() {
    if (!own_rules) run->rules = own_rules = std::make_shared<policy::Rules>(policy::default_rules());
    return *own_rules;
  }
  std::string output() { return member(*this, (*this)(), "output"); }
  std::shared_ptr<policy::Rules> own_rules;
};

std::string detail_of(const ToolReply& reply) { return reply.detail ? std::string(reply.detail->text()) : ""; }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

SandboxAbilities here() { return probe_sandbox(SandboxProbe::whole); }

}  // namespace

TEST_CASE("script_cage: keys stay outside, other variables and our own do not") {
  Caged bench("env");
  for (const char* entry : {"OPENAI_API_KEY=sk-canary-1", "LAB_DB=postgres://a:canary-22@db/x", "DATA=/data", "LANG=C"})
    bench.run->environment.emplace_back(entry);
  bench.run->environment.emplace_back("SSH_AUTH_SOCK=/run/agent");
  auto seen = bench.output();
  for (const char* name : {"DATA=/data\n", "LANG=C\n", "HILLSTAR_IDEMPOTENCY_KEY=", "HILLSTAR_ATTEMPT_KEY=", "PATH="})
    CHECK_MESSAGE(has(seen, name), name);
  CHECK_FALSE(has(seen, "canary"));
  CHECK_FALSE(has(seen, "SSH_AUTH_SOCK"));
  bench.sandbox().env = {"OPENAI_API_KEY", "NOT_THERE"};
  seen = bench.output();
  CHECK(has(seen, "OPENAI_API_KEY=sk-canary-1\n"));
  CHECK_FALSE(has(seen, "LAB_DB"));
}

TEST_CASE("script_cage: a script that misses a key is told where it went; its own words stay as they are") {
  Caged bench("echo \"KeyError: 'LAB_KEY'\" >&2; exit 1");
  bench.run->environment.emplace_back("LAB_KEY=canary-canary");
  bench.run->environment.emplace_back("OTHER_KEY=canary-canary");
  auto reply = bench();
  CHECK(has(reply.failure->message, "[withheld from the script: LAB_KEY; \"sandbox\": {\"env\": [...]}"));
  CHECK(member(bench, reply, "error") == "KeyError: 'LAB_KEY'");
  bench.runs("test -n \"$OTHER_KEY\" || exit 2");
  CHECK(has(bench().failure->message, "withheld from the script: OTHER_KEY;"));
  bench.runs("echo MY_LAB_KEY LAB_KEYS >&2; exit 1");
  CHECK(bench().failure->message == "MY_LAB_KEY LAB_KEYS");
}

TEST_CASE("script_cage: what is outside is closed, what is asked for is open") {
  if (here().landlock < kLandlockFiles) return;
  TempFolder outside;
  Caged bench("cat " + (outside / "data"));
  put(outside / "data", "data");
  CHECK(bench.output() == "data");  // a folder for temporary files is everybody's
  bench.runs("echo x > /etc/hillstar-test");
  auto reply = bench();
  if (getuid() == 0)
    CHECK(has(reply.failure->message, "\"sandbox\": {\"read\": [...], \"write\": [...]} adds folders]"));
  CHECK_FALSE(has(member(bench, reply, "error"), "sandbox"));
  CHECK_FALSE(std::filesystem::exists("/etc/hillstar-test"));
  bench.runs("ls -d /usr/bin /proc/self && test ! -r /dev/mem && ls /root/.ssh /home");
  reply = bench();
  CHECK(kind_of(reply) == FailureClass::exit_code);
}

TEST_CASE("script_cage: without gaps nothing is recorded; what differs from the ordinary is") {
  const auto abilities = here();
  Caged bench("true #");
  if (abilities.landlock >= kLandlockScopes && abilities.seccomp) CHECK(detail_of(bench()).empty());
  bench.sandbox().network = false;
  const auto reply = bench();
  if (abilities.network_namespace || abilities.seccomp) {
    REQUIRE(succeeded(reply));
    CHECK(has(detail_of(reply), R"("network":false)"));
  }
}

TEST_CASE("script_cage: a script without a network is told so when it fails for it") {
  const auto abilities = here();
  if (!abilities.network_namespace && !abilities.seccomp) return;
  const std::string connect =
      "exec 2>&1; python3 -c \"import socket; socket.create_connection(('192.0.2.1', 9), 5)\" >&2";
  Caged bench("python3 -c \"import socket; socket.create_connection(('192.0.2.1', 9), 5)\"");
  bench.sandbox().network = false;
  CHECK(has(bench().failure->message, "[the script has no network: its node says \"network\": false]"));
  bench.call.sandbox.reset();
  bench.run->air_gapped = true;
  CHECK(has(bench().failure->message, "[the script has no network: the run is air-gapped]"));
  bench.sandbox().network = true;
  CHECK(has(bench().failure->message, "air-gapped"));
}

TEST_CASE("script_cage: none needs the rule, and then nothing is closed") {
  Caged bench("grep NoNewPrivs /proc/self/status; echo $LAB_KEY");
  bench.run->environment.emplace_back("LAB_KEY=canary-canary");
  bench.sandbox().profile = SandboxProfile::none;
  auto reply = bench();
  CHECK(kind_of(reply) == FailureClass::permission);
  CHECK(has(reply.failure->message, "sandbox.allow_none"));
  bench.rules().sandbox.allow_none = true;
  reply = bench();
  REQUIRE(succeeded(reply));
  CHECK(has(member(bench, reply, "output"), "canary-canary"));
  CHECK(has(detail_of(reply), R"("profile":"none")"));
}

TEST_CASE("script_cage: limits of the author reach the script") {
  Caged bench("ulimit -v; ulimit -Ht; ulimit -Hf; ulimit -Hc");
  bench.sandbox().memory_bytes = 1U << 30U;
  bench.sandbox().cpu = Millis(90'000);
  bench.sandbox().file_bytes = 1U << 20U;
  CHECK(bench.output() == "1048576\n90\n2048\n0\n");
}

TEST_CASE("script_cage: in bubblewrap a script sees its own folders, processes and temporary files") {
  const auto abilities = here();
  Caged bench(
      "echo $$; ls /tmp /root /home 2>&1 | wc -l; echo x > made; touch /usr/made; grep Seccomp: /proc/self/status");
  bench.sandbox().profile = SandboxProfile::bubblewrap;
  if (abilities.bubblewrap.empty()) {
    const auto reply = bench();
    CHECK(kind_of(reply) == FailureClass::permission);
    CHECK(has(reply.failure->message, "bwrap"));
    return;
  }
  const auto reply = bench();
  if (kind_of(reply) == FailureClass::exit_code && has(reply.failure->message, "bwrap:")) {
    MESSAGE("not tried: " << reply.failure->message);
    return;
  }
  REQUIRE_MESSAGE(succeeded(reply), reply.failure->message);
  CHECK(std::stoi(member(bench, reply, "output")) < 10);
  CHECK(get(bench.folder / "made") == "x\n");
  if (abilities.seccomp) CHECK(has(member(bench, reply, "output"), "Seccomp:\t2"));
  CHECK(has(detail_of(reply), R"("profile":"bubblewrap")"));
  bench.sandbox().network = false;
  bench.runs("test $(ls /sys/class/net /proc/self/net/dev | wc -l) -ge 0; tail -n +3 /proc/net/dev | wc -l");
  CHECK(bench.output() == "1\n");
}
