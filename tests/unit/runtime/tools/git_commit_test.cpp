// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "runtime/platform/process.hpp"
#include "runtime/platform/sandbox_abilities.hpp"
#include "tests/unit/runtime/tools/tool_bench.hpp"

using namespace hillstar;
using namespace hillstar::tools;
using namespace hillstar::testing;

namespace {

/// A repository without commits, and a person's identity.
struct Repository : ToolBench {
  Repository() : ToolBench("git_commit") {
    run->environment.insert(run->environment.end(),
                            {"GIT_CONFIG_NOSYSTEM=1", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org"});
    git("git init -q -b main .");
    message("first");
  }
  void message(const std::string& text) { parameters({{"message", text}}); }
  std::string git(const std::string& line) {
    ProcessSpec spec;
    spec.program = "/bin/sh";
    spec.arguments = {"sh", "-c", line};
    spec.environment = run->environment;
    spec.cwd = folder.path();
    std::string out;
    ProcessOutput output;
    output.on_stdout = [&](std::string_view piece) {
      out += piece;
      return Result<void>();
    };
    REQUIRE(run_process(spec, output, nullptr).code == 0);
    return out;
  }
  std::string commits() { return git("git rev-list --all --count"); }
  std::string files() { return git("git ls-tree -r --name-only HEAD"); }
};

}  // namespace

TEST_CASE("git_commit: commits everything, with author, trailers and result") {
  Repository bench;
  put(bench.folder / "a.txt", "a");
  std::filesystem::create_directory(bench.folder / "sub");
  put(bench.folder / "sub/b * \xC3\xA4.txt", "b");
  bench.message("a message\n\nwith \"two\" parts; $(id)");
  const auto reply = bench();
  REQUIRE(succeeded(reply));
  CHECK(member(bench, reply, "commit_message") == "a message\n\nwith \"two\" parts; $(id)");
  CHECK(member(bench, reply, "author") == "Claude Code <noreply@anthropic.com>");
  CHECK(member(bench, reply, "return_code") == "0");
  CHECK(member(bench, reply, "commit") + "\n" == bench.git("git rev-parse HEAD"));
  CHECK(member(bench, reply, "output").find("2 files changed") != std::string::npos);
  CHECK(bench.git("git log -1 --format='%an|%ae|%cn'") == "Claude Code|noreply@anthropic.com|Ada\n");
  CHECK(bench.git("git log -1 --format=%B") ==
        "a message\n\nwith \"two\" parts; $(id)\n\nHillstar-Run: 01ARYZ6S41TSV4RRFFQ69G5FAV\nHillstar-Node: node\n\n");
  CHECK(bench.git("git status --porcelain").empty());
}

TEST_CASE("git_commit: a repeated attempt finds its own commit, other nodes and runs make theirs") {
  Repository bench;
  put(bench.folder / "a.txt", "1");
  const auto first = bench();
  REQUIRE(succeeded(first));
  put(bench.folder / "a.txt", "2");
  bench.call.attempt = 2;
  const auto again = bench();
  REQUIRE(succeeded(again));
  CHECK(member(bench, again, "commit") == member(bench, first, "commit"));
  CHECK(member(bench, again, "output").find("already committed by an earlier attempt") != std::string::npos);
  CHECK(bench.commits() == "1\n");
  bench.call.node = "node@2";
  const auto other = bench();
  REQUIRE(succeeded(other));
  CHECK(member(bench, other, "commit") != member(bench, first, "commit"));
  CHECK(bench.commits() == "2\n");
  bench.run->run = "01ARYZ6S41TSV4RRFFQ69G5FAW";
  put(bench.folder / "a.txt", "3");
  CHECK(succeeded(bench()));
  CHECK(bench.commits() == "3\n");
}

TEST_CASE("git_commit: nothing to commit is a failure of its own kind, unless that is fine") {
  Repository bench;
  CHECK(kind_of(bench()) == FailureClass::nothing_to_commit);
  put(bench.folder / "a.txt", "a");
  REQUIRE(succeeded(bench()));
  bench.call.node = "later";
  const auto failure = bench();
  CHECK(kind_of(failure) == FailureClass::nothing_to_commit);
  CHECK(failure.failure->message.find("nothing to commit") == 0);
  CHECK(member(bench, failure, "return_code") == "1");
  bench.parameters({{"message", "m"}, {"if_nothing", "ok"}});
  const auto fine = bench();
  REQUIRE(succeeded(fine));
  CHECK(member(bench, fine, "commit") == "null");
  CHECK(member(bench, fine, "return_code") == "0");
  CHECK(member(bench, fine, "output") == "nothing to commit, working tree clean\n");
}

TEST_CASE("git_commit: deletions and what a person has staged are committed too") {
  Repository bench;
  put(bench.folder / "gone", "a");
  put(bench.folder / "staged_gone", "a");
  REQUIRE(succeeded(bench()));
  std::filesystem::remove(bench.folder / "gone");
  bench.git("git rm -q staged_gone; echo x > new; git add new; rm new; echo y > other; git add other");
  bench.call.node = "second";
  CHECK(succeeded(bench()));
  CHECK(bench.files() == "other\n");
}

TEST_CASE("git_commit: files that look like secrets are refused, and nothing is staged") {
  for (const std::string name :
       {".env", "prod.env", "secrets.env", ".env.local", "server.pem", "id_rsa", "id_ed25519_work", "TLS.KEY"}) {
    CAPTURE(name);
    Repository bench;
    put(bench.folder / "a.txt", "a");
    put(bench.folder / name, "KEY=1");
    const auto reply = bench();
    CHECK(kind_of(reply) == FailureClass::path_refused);
    CHECK(reply.failure->message.find(name) != std::string::npos);
    CHECK(bench.git("git diff --cached --name-only").empty());
    bench.parameters({{"message", "m"}, {"paths", {".", "./" + name}}});
    CHECK(succeeded(bench()));
    CHECK(bench.files().find(name) != std::string::npos);
  }
}

TEST_CASE("git_commit: ignored secrets, public keys and templates are no hindrance; deleting a secret is none either") {
  Repository bench;
  put(bench.folder / ".gitignore", ".env\n");
  put(bench.folder / ".env", "KEY=1");
  put(bench.folder / "id_rsa.pub", "k");
  put(bench.folder / ".env.example", "KEY=");
  put(bench.folder / "old.pem", "k");
  bench.git("git add old.pem; git -c user.name=A -c user.email=a@b commit -q -m old");
  std::filesystem::remove(bench.folder / "old.pem");
  CHECK(succeeded(bench()));
  CHECK(bench.files() == ".env.example\n.gitignore\nid_rsa.pub\n");
}

TEST_CASE("git_commit: with paths, only those are committed, and cwd may be a folder of the repository") {
  Repository bench;
  std::filesystem::create_directory(bench.folder / "sub");
  put(bench.folder / "a.txt", "a");
  put(bench.folder / "staged.txt", "s");
  put(bench.folder / "sub/b.txt", "b");
  put(bench.folder / "sub/.env", "b");
  bench.git("git add staged.txt");
  bench.call.cwd = "sub";
  bench.parameters({{"message", "m"}, {"paths", {"b.txt"}}});
  CHECK(succeeded(bench()));
  CHECK(bench.files() == "sub/b.txt\n");
  CHECK(bench.git("git diff --cached --name-only") == "staged.txt\n");
  bench.call.node = "second";
  bench.parameters({{"message", "m"}, {"paths", {"../sub/./.env", "../a.txt"}}});
  CHECK(succeeded(bench()));
  CHECK(bench.files() == "a.txt\nsub/.env\nsub/b.txt\n");
  bench.call.node = "third";
  bench.parameters({{"message", "m"}, {"paths", {"*.txt"}}});
  CHECK(kind_of(bench()) == FailureClass::nothing_to_commit);
}

TEST_CASE("git_commit: hooks run and may say no; no_verify passes them by") {
  Repository bench;
  put(bench.folder / ".git/hooks/pre-commit", "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n");
  chmod((bench.folder / ".git/hooks/pre-commit").c_str(), 0755);
  put(bench.folder / "a.txt", "a");
  const auto reply = bench();
  CHECK(kind_of(reply) == FailureClass::exit_code);
  CHECK(reply.failure->message == "not on a Friday");
  CHECK(member(bench, reply, "return_code") == "1");
  bench.parameters({{"message", "m"}, {"no_verify", true}});
  CHECK(succeeded(bench()));
}

TEST_CASE("git_commit: hooks see no keys and gain no rights; agents that sign are theirs") {
  Repository bench;
  for (const char* entry : {"LAB_KEY=canary-canary", "SSH_AUTH_SOCK=/run/agent", "PLAIN=1"})
    bench.run->environment.emplace_back(entry);
  put(bench.folder / ".git/hooks/pre-commit",
      "#!/bin/sh\nexec > .git/seen\nenv | sort\ngrep NoNewPrivs /proc/self/status\nulimit -Hc\n");
  chmod((bench.folder / ".git/hooks/pre-commit").c_str(), 0755);
  put(bench.folder / "a.txt", "a");
  CHECK(succeeded(bench()));
  const auto seen = get(bench.folder / ".git/seen");
  CHECK(seen.find("canary") == std::string::npos);
  CHECK(seen.find("SSH_AUTH_SOCK=/run/agent\n") != std::string::npos);
  CHECK(seen.find("PLAIN=1\n") != std::string::npos);
  CHECK(seen.find("NoNewPrivs:\t1\n0\n") != std::string::npos);
}

TEST_CASE("git_commit: hooks of an air-gapped run have no network") {
  if (!probe_sandbox(SandboxProbe::quick).seccomp) return;
  Repository bench;
  put(bench.folder / ".git/hooks/pre-commit", "#!/bin/sh\nexec python3 -c 'import socket; socket.socket()'\n");
  chmod((bench.folder / ".git/hooks/pre-commit").c_str(), 0755);
  put(bench.folder / "a.txt", "a");
  bench.run->air_gapped = true;
  const auto reply = bench();
  CHECK(kind_of(reply) == FailureClass::exit_code);
  CHECK(reply.failure->message.find("PermissionError") != std::string::npos);
  bench.run->air_gapped = false;
  CHECK(succeeded(bench()));
}

TEST_CASE("git_commit: an unresolved merge is not committed") {
  Repository bench;
  bench.run->environment.insert(bench.run->environment.end(), {"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@b"});
  bench.git(
      "echo 1 > f; git add f; git commit -qm 1; git checkout -q -b x; echo 2 > f; git commit -qam 2; "
      "git checkout -q main; echo 3 > f; git commit -qam 3; git merge -q x || true");
  const auto reply = bench();
  CHECK(kind_of(reply) == FailureClass::invalid_input);
  CHECK(reply.failure->message.find("'f' has an unresolved merge conflict") != std::string::npos);
}

TEST_CASE("git_commit: bad parameters and places are named") {
  Repository bench;
  put(bench.folder / "a.txt", "a");
  bench.parameters(boost::json::object());
  CHECK(bench().failure->message == "git_commit requires message parameter");
  for (const boost::json::object& object :
       {boost::json::object{{"message", 5}}, boost::json::object{{"message", "m"}, {"author_name", "a\nb"}},
        boost::json::object{{"message", "m"}, {"author_email", "a>b"}},
        boost::json::object{{"message", "m"}, {"paths", "a"}}, boost::json::object{{"message", "m"}, {"paths", {""}}},
        boost::json::object{{"message", "m"}, {"no_verify", 1}},
        boost::json::object{{"message", "m"}, {"if_nothing", "maybe"}}}) {
    bench.parameters(object);
    CHECK(kind_of(bench()) == FailureClass::invalid_input);
  }
  bench.message("m");
  bench.call.cwd = "..";
  CHECK(kind_of(bench()) == FailureClass::path_refused);
  bench.call.cwd = "";
  bench.run->environment[0] = "PATH=/nowhere";
  CHECK(kind_of(bench()) == FailureClass::spawn);
  CHECK(bench().failure->message == "git is not installed, or not in PATH");
  ToolBench outside("git_commit");
  outside.parameters({{"message", "m"}});
  CHECK(kind_of(outside()) == FailureClass::invalid_input);
  CHECK(outside().failure->message.find("not a git repository") != std::string::npos);
}

TEST_CASE("git_commit: a hook that hangs ends at the time limit, a cancelled attempt at once") {
  Repository bench;
  put(bench.folder / ".git/hooks/pre-commit", "#!/bin/sh\nexec sleep 1000\n");
  chmod((bench.folder / ".git/hooks/pre-commit").c_str(), 0755);
  put(bench.folder / "a.txt", "a");
  bench.call.start_to_close = Millis(1000);
  CHECK(kind_of(bench()) == FailureClass::timeout);
  CHECK_FALSE(std::filesystem::exists(bench.folder / ".git/index.lock"));
  bench.cancel.set();
  CHECK(bench().cancelled);
}
