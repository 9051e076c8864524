// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/key_file.hpp"

#include <doctest/doctest.h>

#include "apps/cli/keyring.hpp"
#include "apps/cli/secrets_command.hpp"

namespace hillstar::cli {

TEST_CASE("key file: a variable is set in its place, or behind the others") {
  CHECK(with_variable("", "A_KEY", "1") == "A_KEY=1\n");
  CHECK(with_variable("x", "A_KEY", "1") == "x\nA_KEY=1\n");
  CHECK(with_variable("# c\n A_KEY = old \nB=2\nexport A_KEY=older", "A_KEY", "new") == "# c\nA_KEY=new\nB=2\n");
  CHECK(with_variable("A_KEY=1\nA_KEYS=2\n#A_KEY=3\n", "A_KEY", std::nullopt) == "A_KEYS=2\n#A_KEY=3\n");
}

TEST_CASE("key file: what is written is what is read") {
  for (const std::string value : {"plain-value-9", "a=b#c", "\"quoted\"", "'quoted'", "a'b\"c", "$HOME\\n"}) {
    const auto read = variables_in(with_variable("", "A_KEY", value));
    REQUIRE(read.size() == 1);
    CHECK(read[0] == "A_KEY=" + value);
  }
}

TEST_CASE("keyring: Hillstar's names of its four providers, and variables themselves") {
  CHECK(keyring_user("GOOGLE_API_KEY") == "google_ai_studio");
  CHECK(variable_of_user("anthropic") == "ANTHROPIC_API_KEY");
  CHECK(keyring_user("LAB_KEY") == "LAB_KEY");
  CHECK(variable_of_user("LAB_KEY") == "LAB_KEY");
}

TEST_CASE("keyring: without a bus, or if it is not wanted, nothing is asked") {
  CHECK_FALSE(Keyring({}).may_be_there());
  CHECK_FALSE(Keyring({"XDG_RUNTIME_DIR=/nonexistent"}).may_be_there());
  CHECK_FALSE(Keyring({"DBUS_SESSION_BUS_ADDRESS=unix:path=/x", "HILLSTAR_KEYRING=never"}).may_be_there());
  CHECK(Keyring({"DBUS_SESSION_BUS_ADDRESS=unix:path=/x"}).may_be_there());
  CHECK(Keyring({}).find({"x"}).error().code == Errc::not_found);
}

TEST_CASE("secrets: keys are checked, and not repeated") {
  CHECK(checked_key("A_KEY", "sk-0123456789").value() == "sk-0123456789");
  for (const std::string wrong : {"", "short-1", "with blank-9", "/path/to/a/file", "plainword", "1234567890"}) {
    const auto checked = checked_key("A_KEY", wrong);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == Errc::usage);
    CHECK((wrong.empty() || checked.error().message.find(wrong) == std::string::npos));
  }
  CHECK(key_variable("google", policy::shipped_registry()).value() == "GOOGLE_API_KEY");
  CHECK(key_variable("MY_TOKEN", policy::shipped_registry()).value() == "MY_TOKEN");
  for (const char* wrong : {"", "PATH", "LAB", "a-b_KEY", "9_KEY", "ollama"})
    CHECK_FALSE(key_variable(wrong, policy::shipped_registry()));
}

}  // namespace hillstar::cli
