// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/script_variables.hpp"

#include <doctest/doctest.h>

using namespace hillstar::policy;

namespace {

using Names = std::vector<std::string>;

Names withheld(const std::string& entry, const Names& named = {}) {
  return script_variables({entry}, named, Redactor()).withheld;
}

}  // namespace

TEST_CASE("script_variables: keys are withheld by their names, also short ones") {
  for (const std::string name : {"OPENAI_API_KEY", "GITHUB_TOKEN", "db_password", "AWS_SECRET_ACCESS_KEY",
                                 "PGPASSWORD_PASS", "MY_PAT", "Lab.Credentials"}) {
    CHECK(withheld(name + "=sk-1234567890") == Names{name});
    CHECK(withheld(name + "=hunter2") == Names{name});
    CHECK(withheld(name + "=12345678") == Names{name});
  }
}

TEST_CASE("script_variables: what only sounds like a key is given") {
  for (const std::string entry :
       {"KEYBOARD=de", "SSL_KEY=/etc/ssl/private.pem", "SSH_KEY=~/.ssh/id", "USE_TOKEN=1", "HAS_KEY=false",
        "TOKEN=", "PUBLIC_KEY=ssh-ed25519 AAAAC3Nza", "PWD=/home/a", "OLDPWD=x", "PATH=/bin", "DATA_DIR=/data",
        "MONKEY=yes", "NO_EQUALS_SIGN", "GOOGLE_APPLICATION_CREDENTIALS=/home/a/key.json"})
    CHECK_MESSAGE(withheld(entry).empty(), entry);
}

TEST_CASE("script_variables: a value that holds a secret is withheld under any name") {
  CHECK(withheld("DATABASE_URL=postgres://lab:correct-horse-7@db/x") == Names{"DATABASE_URL"});
  CHECK(withheld("DATABASE_URL=postgres://db/x").empty());
  const Redactor redactor({"canary-of-the-lab"});
  const auto split = script_variables({"HEADER=Bearer canary-of-the-lab", "A=1"}, {}, redactor);
  CHECK(split.withheld == Names{"HEADER"});
  CHECK(split.given == Names{"A=1"});
}

TEST_CASE("script_variables: the doors of agents are withheld") {
  for (const std::string name : {"SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "XAUTHORITY"})
    CHECK(withheld(name + "=/run/x") == Names{name});
}

TEST_CASE("script_variables: what the author names is given, by its whole name only") {
  CHECK(withheld("LAB_KEY=canary-1", {"LAB_KEY"}).empty());
  CHECK(withheld("LAB_KEY=canary-1", {"LAB", "lab_key", "LAB_KEY2", "*", ""}) == Names{"LAB_KEY"});
  CHECK(withheld("SSH_AUTH_SOCK=/run/x", {"SSH_AUTH_SOCK"}).empty());
}

TEST_CASE("script_variables: order and doubles stay") {
  const auto split = script_variables({"B=2", "A_KEY=secret-1", "B=3", "A=1"}, {}, Redactor());
  CHECK(split.given == Names{"B=2", "B=3", "A=1"});
}
