// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/rules.hpp"

#include <doctest/doctest.h>

using namespace hillstar;
using policy::PolicyPlace;

namespace {

Result<policy::Rules> read(const std::string& site, const std::string& user = "", const std::string& project = "") {
  std::vector<policy::PolicyText> texts;
  if (!site.empty()) texts.push_back({PolicyPlace::site, "site.json", site});
  if (!user.empty()) texts.push_back({PolicyPlace::user, "user.json", user});
  if (!project.empty()) texts.push_back({PolicyPlace::project, "project.json", project});
  return policy::read_rules(texts);
}

/// The refusal of a text that must not be read.
Error refusal(const std::string& site, const std::string& user = "", const std::string& project = "") {
  const auto rules = read(site, user, project);
  REQUIRE(!rules.has_value());
  CHECK(rules.error().code == Errc::policy_invalid);
  return rules.error();
}

}  // namespace

TEST_CASE("rules: nobody's files give the default rules, which allow no script without a sandbox") {
  const auto rules = read("");
  REQUIRE(rules.has_value());
  CHECK(*rules == policy::default_rules());
  CHECK(!rules->sandbox.allow_none);
  CHECK(rules->data.cloud == "public");
  CHECK(rules->data.near == "restricted");
}

TEST_CASE("rules: Hillstar's own policy is read, and says nothing here") {
  const auto rules = read("", "", R"({"max_age_seconds":60,"allow_force_override":false,"require_workflow_id":true,
                                      "allow_dev_mode":false,"require_record":true,"_note":5,
                                      "blocked_patterns":["*.py"],"exempt_patterns":[]})");
  REQUIRE(rules.has_value());
  CHECK(rules->files == std::vector<std::string>{"project.json"});
}

TEST_CASE("rules: what lets more happen needs every operator's word, and no project's") {
  CHECK(read("", R"({"sandbox":{"allow_none":true}})")->sandbox.allow_none);
  CHECK(!read(R"({"sandbox":{"allow_none":false}})", R"({"sandbox":{"allow_none":true}})")->sandbox.allow_none);
  CHECK(!read("", R"({"sandbox":{"allow_none":true}})", R"({"sandbox":{"allow_none":false}})")->sandbox.allow_none);
  const auto error = refusal("", "", R"({"sandbox":{"allow_none":true}})");
  CHECK(error.where == "project.json:1:26 at /sandbox/allow_none");
  CHECK(error.hint.find("~/.config/hillstar/policy.json") != std::string::npos);
  refusal("", "", R"({"air_gap":{"allow_script_network":true}})");
  refusal("", "", R"({"air_gap":{"endpoints":["api.example.org:443"]}})");
}

TEST_CASE("rules: an air gap holds if anybody asks for it, and endpoints are those that all name") {
  CHECK(read("", "", R"({"air_gap":{"always":true}})")->air_gap.always);
  CHECK(read(R"({"air_gap":{"always":true}})", R"({"air_gap":{"always":false}})")->air_gap.always);
  const auto rules = read(R"({"air_gap":{"endpoints":["a:1","b:2"]}})", R"({"air_gap":{"endpoints":["b:2","c:3"]}})");
  REQUIRE(rules.has_value());
  CHECK(rules->air_gap.endpoints == std::vector<std::string>{"b:2"});
}

TEST_CASE("rules: the operator sets clearances, and whoever comes later can only lower them") {
  const std::string higher = R"({"data":{"clearance":{"cloud":"internal","providers":{"lab":"restricted"}}}})";
  CHECK(read(higher)->data.cloud == "internal");
  CHECK(read(higher)->data.providers.at("lab") == "restricted");
  CHECK(read("", "", higher)->data.cloud == "public");
  CHECK(read("", "", higher)->data.providers.at("lab") == "public");
  const auto both = read(higher, R"({"data":{"clearance":{"cloud":"restricted","providers":{"lab":"public"}}}})");
  REQUIRE(both.has_value());
  CHECK(both->data.cloud == "internal");
  CHECK(both->data.providers.at("lab") == "public");
  // A file that says nothing of it does not take the word from the next.
  CHECK(read(R"({"air_gap":{}})", higher)->data.cloud == "internal");
}

TEST_CASE("rules: files are of the highest class that anybody gives them, approvals of the most people") {
  const auto rules = read(R"({"data":{"files":{"a/*":"internal"},"approvals":1}})",
                          R"({"data":{"files":{"a/*":"restricted","b":"public"},"approvals":3,"approvers":["x","y"]}})",
                          R"({"data":{"files":{"a/*":"public"},"approvals":2,"approvers":["y","z"]}})");
  REQUIRE(rules.has_value());
  CHECK(rules->data.files.at("a/*") == "restricted");
  CHECK(rules->data.approvals == 3);
  CHECK(rules->data.approvers == std::vector<std::string>{"y"});
  refusal("", R"({"data":{"approvers":["x"]}})", R"({"data":{"approvers":["z"]}})");
  refusal(R"({"data":{"approvals":0}})");
}

TEST_CASE("rules: classes of a lab's own replace the usual ones, for all files alike") {
  const auto rules = read(R"({"data":{"classes":["open","closed"],"clearance":{"cloud":"open"}}})", "",
                          R"({"data":{"files":{"*.csv":"closed"}}})");
  REQUIRE(rules.has_value());
  CHECK(rules->data.near == "closed");
  CHECK(policy::rank_of(rules->data, "closed") == 1);
  CHECK(!policy::rank_of(rules->data, "restricted"));
  CHECK(refusal(R"({"data":{"classes":["open","closed"]}})", R"({"data":{"files":{"x":"restricted"}}})")
            .message.find("no data class 'restricted'") != std::string::npos);
  refusal(R"({"data":{"classes":["a","a"]}})");
  refusal(R"({"data":{"classes":["a","b"]}})", R"({"data":{"classes":["b","a"]}})");
}

TEST_CASE("rules: a policy that cannot be read refuses everything, and says where") {
  CHECK(refusal("{\n  \"sandbox\": {\"allow_none\": \"yes\"}\n}").where == "site.json:2:29 at /sandbox/allow_none");
  CHECK(refusal("{").where.starts_with("site.json:"));
  CHECK(refusal(R"({"sandboxes":{}})").message.find("unknown field 'sandboxes'") != std::string::npos);
  CHECK(refusal("", "[]").hint.find("yours to change") != std::string::npos);
  CHECK(refusal("", "", "null").hint.find("nothing runs until it is mended") != std::string::npos);
  CHECK(refusal(R"({"redaction":{"on":["email"]}})").message.find("no redaction rule 'email'") != std::string::npos);
}

TEST_CASE("rules: they read back as they were stored") {
  const auto rules = read(R"({"sandbox":{"allow_none":true},"air_gap":{"endpoints":[]},"redaction":{"on":["iban"]},
                              "data":{"files":{"a":"internal"},"clearance":{"tools":{"script_run":"internal"}}}})");
  REQUIRE(rules.has_value());
  const auto back = policy::rules_from_text(policy::to_text(*rules));
  REQUIRE(back.has_value());
  CHECK(*back == *rules);
  CHECK(!policy::rules_from_text("{}").has_value());
  CHECK(!policy::rules_from_text("garbage").has_value());
}
