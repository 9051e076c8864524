// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/credential_check.hpp"

#include <doctest/doctest.h>

using namespace hillstar;

namespace {

policy::Redactor redactor(const policy::RuleChoice& choice = {}) {
  return {{}, std::make_shared<const policy::SecretRules>(choice)};
}

const std::string kKey = "gh" + std::string("p_") + std::string(36, 'x');

}  // namespace

TEST_CASE("credential check: names the rule and the place of the string") {
  const auto found = policy::first_credential(redactor(), R"({"a":[{"b/c":"run )" + kKey + R"( now"}]})");
  REQUIRE(found.has_value());
  CHECK(found->rule == "github_pat_classic");
  CHECK(found->pointer == "/a/0/b~1c");
}

TEST_CASE("credential check: a name may hold one, too, and a name may say that its value is one") {
  const auto in_name = policy::first_credential(redactor(), R"({")" + kKey + R"(":1})");
  REQUIRE(in_name.has_value());
  CHECK(in_name->pointer.empty());
  const auto by_name = policy::first_credential(redactor(), R"({"db":{"password":"Tr0ub4dor-and-3"}})");
  REQUIRE(by_name.has_value());
  CHECK(by_name->pointer == "/db/password");
}

TEST_CASE("credential check: ordinary workflows, markers that stand there already and no JSON hold none") {
  const auto none = [](const std::string& text) { return !policy::first_credential(redactor(), text).has_value(); };
  CHECK(none(R"({"id":"w","graph":{"nodes":{"a":{"tool":"script_run","parameters":{"script":"echo $TOKEN"}}}}})"));
  CHECK(none(R"({"note":"it says [REDACTED:github_pat_classic] there"})"));
  CHECK(none("garbage " + kKey));
  CHECK(none("{}"));
}

TEST_CASE("credential check: personal data is none, also where it is masked") {
  const auto with = redactor({{}, {"email_address"}});
  CHECK(!policy::first_credential(with, R"({"to":"ada@example.org"})").has_value());
  const auto both = policy::first_credential(with, R"({"to":"ada@example.org )" + kKey + "\"}");
  REQUIRE(both.has_value());
  CHECK(both->rule == "github_pat_classic");
}
