// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/governance.hpp"

#include <doctest/doctest.h>

using namespace hillstar;
using namespace hillstar::policy;

namespace {

constexpr const char* kHead = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A run that ended ten seconds ago on the commit that is still HEAD, and a script that is staged.
CommitFacts good() {
  CommitFacts facts;
  facts.now = *from_rfc3339("2026-11-22T10:00:10.000000Z");
  facts.policy_file = "p.json";
  facts.marker_file = "m.json";
  CommitMarker marker;
  marker.workflow_id = "flow";
  marker.workflow_file = "flow.json";
  marker.workflow_sha256 = "f00d";
  marker.executed_at = "2026-11-22T10:00:00.000000+00:00";
  marker.run = "01RUN";
  marker.seq = 7;
  marker.chain = "c0de";
  marker.nodes_executed = 3;
  marker.git_folder = "/p/.git";
  marker.head = kHead;
  facts.marker = marker;
  facts.git_folder = "/p/.git";
  facts.head = kHead;
  facts.paths = {"a.py"};
  facts.workflow_sha256 = "f00d";
  facts.record = RecordFinding::fits;
  return facts;
}

bool says(const CommitVerdict& verdict, const char* text) {
  INFO(verdict.reason);
  const bool found = verdict.reason.find(text) != std::string::npos;
  CHECK(found);
  return found;
}

}  // namespace

TEST_CASE("governance: a fresh run on this very commit licenses it") {
  const auto verdict = judge_commit({}, good());
  CHECK(verdict.compliant);
  CHECK(verdict.bypass.empty());
  says(verdict, "'flow' (flow.json) completed 10 s ago");
}

TEST_CASE("governance: each thing that does not fit refuses, and says what and who may change it") {
  struct Case {
    const char* words;
    void (*change)(CommitFacts&);
  };
  const Case cases[] = {
      {"No workflow execution found", [](CommitFacts& f) { f.marker.reset(); }},
      {"Could not read commit_ready marker", [](CommitFacts& f) { f.marker_problem = "no JSON"; }},
      {"no executed_at", [](CommitFacts& f) { f.marker->executed_at.clear(); }},
      {"is no time", [](CommitFacts& f) { f.marker->executed_at = "yesterday"; }},
      {"in the future", [](CommitFacts& f) { f.marker->executed_at = "2026-11-22T10:00:11Z"; }},
      {"stale", [](CommitFacts& f) { f.marker->executed_at = "2026-11-22T08:59:59"; }},
      {"missing workflow_id", [](CommitFacts& f) { f.marker->workflow_id.clear(); }},
      {"names no run", [](CommitFacts& f) { f.marker->run.clear(); }},
      {"names no run", [](CommitFacts& f) { f.marker->workflow_sha256.clear(); }},
      {"changed by hand", [](CommitFacts& f) { f.marker->nodes_given = 1; }},
      {"executed no node", [](CommitFacts& f) { f.marker->nodes_executed = 0; }},
      {"no repository", [](CommitFacts& f) { f.marker->git_folder.reset(); }},
      {"no repository", [](CommitFacts& f) { f.git_folder.reset(); }},
      {"git could not be asked", [](CommitFacts& f) { f.marker->git_error = "dubious ownership"; }},
      {"licenses one commit", [](CommitFacts& f) { f.head = "bbbb"; }},
      {"HEAD is now no commit", [](CommitFacts& f) { f.head.clear(); }},
      {"has been made since", [](CommitFacts& f) { f.committed_since = "cccc"; }},
      {"cannot be read any more", [](CommitFacts& f) { f.workflow_sha256.reset(); }},
      {"has changed since the run", [](CommitFacts& f) { f.workflow_sha256 = "beef"; }},
      {"differ", [](CommitFacts& f) { f.record = RecordFinding::differs; }},
      {"does not know run 01RUN", [](CommitFacts& f) { f.record = RecordFinding::unknown_run; }},
  };
  for (const auto& one : cases) {
    auto facts = good();
    one.change(facts);
    const auto verdict = judge_commit({}, facts);
    CAPTURE(one.words);
    CHECK_FALSE(verdict.compliant);
    says(verdict, one.words);
    CHECK(verdict.hint.find("p.json") != std::string::npos);
  }
}

TEST_CASE("governance: the age allowed is allowed, a second more is not") {
  auto facts = good();
  facts.marker->executed_at = "2026-11-22T09:00:10Z";
  CHECK(judge_commit({}, facts).compliant);
  facts.marker->executed_at = "2026-11-22T09:00:09Z";
  CHECK_FALSE(judge_commit({}, facts).compliant);
  GovernancePolicy none;
  none.max_age_seconds = 0;
  facts.marker->executed_at = "2026-11-22T10:00:09.500000Z";
  CHECK(judge_commit(none, facts).compliant);
}

TEST_CASE("governance: development mode and force pass and are to be recorded, if the policy allows them") {
  for (auto* change : {+[](CommitFacts& f) { f.dev_flag = true; }, +[](CommitFacts& f) { f.dev_variable = "1"; },
                       +[](CommitFacts& f) { f.dev_file = true; }, +[](CommitFacts& f) { f.force_variable = "1"; }}) {
    auto facts = good();
    facts.marker.reset();
    change(facts);
    const auto passed = judge_commit({}, facts);
    CHECK(passed.compliant);
    CHECK_FALSE(passed.bypass.empty());
    GovernancePolicy strict;
    strict.allow_dev_mode = false;
    strict.allow_force_override = false;
    const auto refused = judge_commit(strict, facts);
    CHECK_FALSE(refused.compliant);
    says(refused, "does not count");
  }
  auto facts = good();
  facts.marker.reset();
  facts.force_variable = "true";
  says(judge_commit({}, facts), "only 1 counts");
}

TEST_CASE("governance: paths: blocked before exempt, all others need a run, and so does the policy") {
  GovernancePolicy policy;
  policy.blocked_patterns = {"reports/**"};
  CHECK(governed_paths(policy, {"a.md", "x/b.log", "c.txt"}).empty());
  CHECK(governed_paths(policy, {"a.md", "reports/b.md", "main.cpp"}) ==
        std::vector<std::string>{"reports/b.md", "main.cpp"});
  policy.exempt_patterns = {"*"};
  CHECK(governed_paths(policy, {".hillstar/governance_policy.json"}).size() == 1);
  auto facts = good();
  facts.marker.reset();
  facts.paths = {"README.md"};
  CHECK(judge_commit({}, facts).compliant);
  facts.paths = {"README.md", "a.py"};
  CHECK_FALSE(judge_commit({}, facts).compliant);
}

TEST_CASE("governance: nothing staged needs no run in the hook, and is no answer to a person") {
  auto facts = good();
  facts.marker.reset();
  facts.paths.clear();
  CHECK_FALSE(judge_commit({}, facts).compliant);
  facts.is_hook = true;
  CHECK(judge_commit({}, facts).compliant);
}

TEST_CASE("governance: a record that cannot be looked at is said, or refused if the policy wants it") {
  auto facts = good();
  facts.record = RecordFinding::not_looked;
  facts.record_note = "there is no store";
  const auto passed = judge_commit({}, facts);
  CHECK(passed.compliant);
  says(passed, "there is no store");
  GovernancePolicy strict;
  strict.require_record = true;
  CHECK_FALSE(judge_commit(strict, facts).compliant);
}

TEST_CASE("governance policy: what is not said is as without a file, and other rules of the file are let be") {
  const auto said = read_governance_policy(
      R"({"max_age_seconds": 60, "blocked_patterns": ["*.py"], "sandbox": {}, "air_gap": {}, "_why": "x"})", "p.json");
  REQUIRE(said);
  const auto policy = governance_policy({*said});
  CHECK(policy.max_age_seconds == 60);
  CHECK(policy.allow_force_override);
  CHECK(policy.blocked_patterns == std::vector<std::string>{"*.py"});
  CHECK(policy.exempt_patterns.size() == 3);
  REQUIRE(read_governance_policy("{}", "p.json"));
}

TEST_CASE("governance policy: of several files the strictest word holds, and its file is named") {
  const auto read = [](const char* text, const char* file) { return *read_governance_policy(text, file); };
  const auto policy = governance_policy(
      {read(R"({"max_age_seconds":600,"allow_force_override":false,"exempt_patterns":["*.md","*.txt"]})", "site"),
       read(R"({"require_record":true,"blocked_patterns":["a/**"]})", "user"),
       read(R"({"max_age_seconds":9000,"allow_force_override":true,"allow_dev_mode":false,"require_record":false,)"
            R"("require_workflow_id":false,"exempt_patterns":["*.md","*.py"],"blocked_patterns":["b/**"]})",
            "project")});
  CHECK(policy.max_age_seconds == 600);
  CHECK_FALSE(policy.allow_force_override);
  CHECK_FALSE(policy.allow_dev_mode);
  CHECK(policy.require_record);
  CHECK_FALSE(policy.require_workflow_id);
  CHECK(policy.stated_by.at("max_age_seconds") == "site");
  CHECK(policy.stated_by.at("allow_dev_mode") == "project");
  CHECK(policy.stated_by.at("require_record") == "user");
  CHECK(governed_paths(policy, {"x.md", "x.py", "x.txt", "a/x.md", "b/x.md"}) ==
        std::vector<std::string>{"x.py", "x.txt", "a/x.md", "b/x.md"});
  auto facts = good();
  facts.marker->executed_at = "2026-11-22T09:00:10Z";
  facts.force_variable = "1";
  const auto verdict = judge_commit(policy, facts);
  says(verdict, "site says \"allow_force_override\": false");
  CHECK(verdict.hint.find("who may write site may") != std::string::npos);
  CHECK(governance_policy({}).max_age_seconds == 3'600);
}

TEST_CASE("governance policy: what cannot be understood refuses everything, with place and mend") {
  struct Case {
    const char* text;
    const char* words;
  };
  const Case cases[] = {
      {"", "refused"},
      {"{", "p.json:1:"},
      {"[]", "object"},
      {R"({"max_age_seconds": "1h"})", "/max_age_seconds"},
      {R"({"max_age_seconds": -1})", "/max_age_seconds"},
      {R"({"max_age_seconds": 1.5})", "/max_age_seconds"},
      {R"({"max_age_seconds": null})", "/max_age_seconds"},
      {R"({"allow_force_override": 1})", "/allow_force_override"},
      {R"({"exempt_patterns": "*.md"})", "/exempt_patterns"},
      {R"({"exempt_patterns": [1]})", "/exempt_patterns/0"},
      {R"({"exempt_patterns": ["ok", "!no"]})", "/exempt_patterns/1"},
      {R"({"max_age_second": 1})", "did you mean 'max_age_seconds'"},
      {"{\n \"allow_dev_mode\": \"no\"}", "p.json:2:"},
      {R"({"require_record": true, "require_record": false})", "require_record"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.text);
    const auto policy = read_governance_policy(one.text, "p.json");
    REQUIRE_FALSE(policy);
    CHECK(policy.error().code == Errc::permission_denied);
    const auto text = to_string(policy.error());
    CAPTURE(text);
    CHECK(text.find(one.words) != std::string::npos);
    CHECK(text.find("Who may write p.json") != std::string::npos);
  }
}

TEST_CASE("commit marker: what is missing is empty, what is no object is an error") {
  const auto marker = read_commit_marker(
      R"({"workflow_id":"w","executed_at":"x","run":"r","seq":3,"chain":"c","git":{"folder":"/g","head":null}})");
  REQUIRE(marker);
  CHECK(marker->git_folder == "/g");
  CHECK(marker->head.empty());
  CHECK(marker->seq == 3);
  CHECK_FALSE(read_commit_marker("{}")->git_folder);
  CHECK(read_commit_marker(R"({"git":{"error":"e"}})")->git_error == "e");
  CHECK_FALSE(read_commit_marker("[1]"));
  CHECK_FALSE(read_commit_marker("{\"run\""));
}

TEST_CASE("iso time: with and without fraction and offset") {
  const auto noon = from_rfc3339("2026-11-22T12:00:00.000000Z");
  CHECK(parse_iso_time("2026-11-22T12:00:00") == noon);
  CHECK(parse_iso_time("2026-11-22 12:00:00Z") == noon);
  CHECK(parse_iso_time("2026-11-22T13:30:00+01:30") == noon);
  CHECK(parse_iso_time("2026-11-22T07:00:00.000000-05:00") == noon);
  CHECK(parse_iso_time("2026-11-22T12:00:00.0000009Z") == noon);
  for (const auto* text : {"", "2026-11-22", "2026-13-22T12:00:00Z", "2026-11-22T12:00:00.Z",
                           "2026-11-22T12:00:00+25:00", "2026-11-22T12:00:00 nonsense", "2026-11-22T12:00:00+1"})
    CHECK_FALSE(parse_iso_time(text));
}
