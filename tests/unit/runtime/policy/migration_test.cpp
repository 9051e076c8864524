// SPDX-License-Identifier: Apache-2.0
// Each rule of migration: a file that meets it, and one beside it that does not.
#include "runtime/policy/migration.hpp"

#include <doctest/doctest.h>

#include "tests/unit/runtime/workflow/compiling.hpp"

namespace hillstar::policy {
namespace {

using workflow::testing::flow;
using workflow::testing::has;
using workflow::testing::input;
using workflow::testing::script;

const std::string kAccepted =
    R"("provider_config":{"anthropic":{"tos_accepted":true,"audit_enabled":true,"restricted_use_acknowledged":true}},)";

MigrationReport migrated(const std::string& text) {
  const LookUp none = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  const auto program = [](const std::string& folder, const std::string& path) -> std::optional<std::string> {
    if (folder == "tools" && path == "./fetch.py") return "import os\nos.environ['ZENODO_TOKEN']\n# sudo\n";
    return std::nullopt;
  };
  const Redactor redactor({}, std::make_shared<const SecretRules>());
  return migrate_workflow(text, workflow::compile(text),
                          {shipped_registry(), none, "/home/me/project", redactor, program});
}

std::string shown(const MigrationReport& report) {
  std::string out;
  for (const auto& finding : report.findings)
    out += std::string(level_name(finding.level)) + " " + finding.rule + " " + finding.pointer + "\n";
  return out;
}
std::string rules(const std::string& text) { return shown(migrated(text)); }

std::string line(const std::string& id, const std::string& command, const std::string& more = {}) {
  return "\"" + id + R"(":{"tool":"script_run","parameters":{"script":")" + command + "\"}" +
         (more.empty() ? "" : "," + more) + "}";
}
std::string node(const std::string& id, const std::string& tool, const std::string& more) {
  return "\"" + id + R"(":{"tool":")" + tool + "\"," + more + "}";
}
std::string call(const std::string& id, const std::string& more) { return node(id, "model_call", more); }

}  // namespace

TEST_CASE("migration: a plain file has nothing to change, and says what stays") {
  const auto report = migrated(flow(script("a") + "," + script("b", input("{{ a.output }}")), "a>b",
                                    R"("state":{"checkpoints":["b"]},"permissions":{"a":"never"},)"));
  CHECK(shown(report) == "");
  REQUIRE(report.keeps.size() == 5);
  CHECK(has(report.keeps[1], "1 of them"));
  CHECK(has(report.keeps.back(), "--resume-from b"));
}

TEST_CASE("migration: what validate finds comes with what Hillstar did, and its place in the text") {
  const auto text = flow(script("a", input("[{{ ghost.output }}]")) + "," + script("b", input("{{ a.nokey }}")), "a>b");
  const auto report = migrated(text);
  REQUIRE(shown(report) == "must change HS112 /graph/nodes/a/input\nmust change HS112 /graph/nodes/b/input\n");
  CHECK(has(report.findings[0].hillstar, "braces"));
  CHECK(has(report.findings[1].hillstar, "nothing"));
  CHECK(report.findings[0].position.column == text.find("\"[{{") + 1);
  CHECK(rules("{") == "must change HS100 \n");
  CHECK(rules("[]") == "must change HS105 \n");
  CHECK(rules("null") == "must change HS105 \n");
  const auto duplicate = migrated(R"({"id":"w","id":"w"})");
  REQUIRE(duplicate.findings.size() == 1);
  CHECK(duplicate.findings[0].hillstar == "took the last of them");
  CHECK(has(migrated(flow("")).findings.at(0).hillstar, "success"));
  const auto bogus = migrated(flow(script("a"), "", R"("permissions":{"a":"perhaps"},)"));
  CHECK(bogus.findings.at(0).hillstar == "ignored it");
  const auto cycle = migrated(flow(script("a") + "," + script("b"), "a>b b>a"));
  CHECK(has(cycle.findings.at(0).hillstar, "when the run started"));
}

TEST_CASE("migration: nodes without edges, waves and long chains are told once") {
  CHECK(rules(flow(script("a"))) == "");
  CHECK(rules(flow(script("a") + "," + script("b"))) == "differs isolated-nodes /graph/nodes/a\n");
  const auto three = script("a") + "," + script("b") + "," + script("c");
  CHECK(rules(flow(three, "a>c b>c")) == "");
  const auto four = three + "," + script("d");
  CHECK(rules(flow(four, "a>c b>d")) == "differs no-waves /graph/nodes/c\n");
  CHECK(rules(flow(four, "a>c b>d", R"("model_config":{"max_concurrency":1},)")) == "");
  std::string nodes;
  std::string edges;
  for (int i = 0; i < 995; ++i) {
    nodes += (i == 0 ? "" : ",") + script("n" + std::to_string(i));
    if (i > 0) edges += (i == 1 ? "n" : " n") + std::to_string(i - 1) + ">n" + std::to_string(i);
  }
  CHECK(rules(flow(nodes, edges)) == "differs long-chain /graph/edges\n");
}

TEST_CASE("migration: references that Hillstar read otherwise") {
  const auto pair = script("a") + "," + script("b", input("{{ a.output }}")) + "," + script("c");
  CHECK(rules(flow(pair, "a>c c>b")) == "");
  CHECK(rules(flow(pair, "a>c b>c")) == "differs reference-waits /graph/nodes/b/input\n");
  // Said once, however often it is referred to.
  const auto twice = script("a") + "," + script("b", input("{{ a.output }} {{ a.output }}")) + "," + script("c");
  CHECK(rules(flow(twice, "a>c b>c")) == "differs reference-waits /graph/nodes/b/input\n");
  CHECK(rules(flow(script("a") + "," + script("b", input("{{ a.output.x }}")), "a>b")) ==
        "differs reference-steps /graph/nodes/b/input\n");
  CHECK(rules(flow(script("a.b") + "," + script("c", input("{{ a.b.output }}")), "a.b>c")) ==
        "differs dotted-id /graph/nodes/c/input\n");
  const auto round = migrated(flow(script("a", input("{{ b.output }}")) + "," + script("b"), "a>b"));
  CHECK(shown(round) == "must change HS110 /graph/nodes/a\n");
  CHECK(has(round.findings[0].hillstar, "no edge"));
}

TEST_CASE("migration: loops") {
  const std::string until = R"("until":{"node":"r","contains":"ok"})";
  const auto loop = [&](const std::string& body, const std::string& asked, const std::string& more = {}) {
    return R"({"id":"l","body":[)" + body + R"(],"max_attempts":3,)" + asked + (more.empty() ? "" : "," + more) + "}";
  };
  const auto body = [](const std::string& reference) {
    return script("w") + "," + script("r", input(reference)) + "," + script("out", input("{{ r.output }}"));
  };
  const std::string edges = "w>r r>out";
  CHECK(rules(flow(body("{{w.output}}"), edges, "", loop(R"("w","r")", until))) == "");
  CHECK(rules(flow(body("{{  w.output }}"), edges, "", loop(R"("w","r")", until))) ==
        "differs loop-spacing /graph/nodes/r/input\n");
  CHECK(rules(flow(body("x"), edges, "", loop(R"("w","r")", until, R"("on_exhausted":"fail")"))) ==
        "differs loop-exhausted /graph/loops/0/on_exhausted\n");
  CHECK(rules(flow(body("x"), edges, "", loop(R"("w","r")", until, R"("on_exhausted":"escalate")"))) ==
        "look HS110 /graph/loops/0/on_exhausted\n");
  CHECK(rules(flow(body("x"), edges, "", loop(R"("w","r")", R"("until":{"all_of":[{"node":"r","contains":"ok"}]})"))) ==
        "differs loop-all-of /graph/loops/0/until\n");
  const auto outside = script("w") + "," + script("r") + "," + script("out", input("{{ w.output }}"));
  CHECK(rules(flow(outside, edges, "", loop(R"("w","r")", until))) == "differs loop-result /graph/nodes/out/input\n");
  const auto roots = script("w") + "," + script("v") + "," + script("r");
  CHECK(rules(flow(roots, "w>r v>r", "", loop(R"("w","v","r")", until))) == "differs loop-roots /graph/loops/0/body\n");
  const auto counted =
      migrated(flow(body("x"), edges, "", R"({"id":"l","body":["w","r"],"max_attempts":true,)" + until + "}"));
  CHECK(has(counted.findings.at(0).hillstar, "counted it as 1"));
}

TEST_CASE("migration: files must be in the workspace or in a folder that is open") {
  const auto write = [](const std::string& path, const std::string& more = {}) {
    return rules(flow(node("a", "file_write", R"("input":"x","parameters":{"path":")" + path + "\"}"), "", more));
  };
  CHECK(write("out/x.txt") == "");
  CHECK(write("/home/me/project/x.txt") == "");
  CHECK(write("a/../x.txt") == "");
  CHECK(write("x.txt") == "differs bare-file-name /graph/nodes/a/parameters/path\n");
  CHECK(write("/data/x.txt") == "must change path-outside /graph/nodes/a/parameters/path\n");
  CHECK(write("/home/me/project2/x.txt") == "must change path-outside /graph/nodes/a/parameters/path\n");
  CHECK(write("../x.txt") == "must change path-outside /graph/nodes/a/parameters/path\n");
  CHECK(write("/data/x.txt", R"("file_access":["/data"],)") == "differs field-counts /file_access\n");
  CHECK(rules(flow(node("a", "file_read", R"("input":"/etc/hosts")"))) ==
        "must change path-outside /graph/nodes/a/input\n");
  CHECK(rules(flow(node("a", "file_read", R"("parameters":{"path":"x"})"))) == "");
  CHECK(has(rules(flow(call("a", R"("input":"x","provider":"ollama","model":"m","outputs":{"o":"/srv/x"})"))),
            "path-outside /graph/nodes/a/outputs/o"));
}

TEST_CASE("migration: what Python printed becomes JSON") {
  for (const char* text : {R"({"a":1})", "[0]", "true", "1.0"})
    CHECK_MESSAGE(rules(flow(script("a", std::string("\"input\":") + text))) ==
                      "differs structure-as-json /graph/nodes/a/input\n",
                  text);
  for (const char* text : {"{}", "[]", "false", "1.5", "7", "null", "\"x\""})
    CHECK_MESSAGE(rules(flow(script("a", std::string("\"input\":") + text))) == "", text);
}

TEST_CASE("migration: fields that had no effect, permissions, git_commit and checkpoint") {
  CHECK(rules(flow(script("a", R"("retry":2,"on_error":"continue")"))) ==
        "differs field-counts /graph/nodes/a/retry\n");
  CHECK(rules(flow(script("a", R"("timeout":5)"))) == "");
  CHECK(rules(flow(node("a", "file_read", R"("input":"x","timeout":5)"))) ==
        "differs field-counts /graph/nodes/a/timeout\n");
  CHECK(rules(flow(script("a"), "", R"("permissions":{"a":"ask"},)")) == "differs permission-ask /permissions/a\n");
  const auto commit = migrated(flow(node("a", "git_commit", R"("parameters":{"message":"m"})")));
  CHECK(shown(commit) == "differs git-commit /graph/nodes/a\n");
  CHECK(has(commit.findings[0].mend, "no_verify"));
  CHECK(has(commit.findings[0].mend, "if_nothing"));
  const auto careful =
      migrated(flow(node("a", "git_commit", R"("parameters":{"message":"m","no_verify":true,"if_nothing":"ok"})")));
  CHECK(careful.findings.at(0).mend.empty());
  CHECK(rules(flow(node("a", "checkpoint", R"("task":"x")"))) == "differs checkpoint-tool /graph/nodes/a/tool\n");
}

TEST_CASE("migration: scripts name what the sandbox keeps from them") {
  const auto at = [](const std::string& rule) { return rule + " /graph/nodes/a/parameters/script\n"; };
  CHECK(rules(flow(line("a", "curl -H $ZENODO_TOKEN x"))) == at("must change script-key"));
  CHECK(rules(flow(line("a", "curl -H ${ZENODO_TOKEN} x", R"("sandbox":{"env":["ZENODO_TOKEN"]})"))) ==
        "differs field-counts /graph/nodes/a/sandbox\n");
  CHECK(rules(flow(line("a", "MY_TOKEN=1 ./x; echo $HILLSTAR_IDEMPOTENCY_KEY monkey_key"))) == "");
  CHECK(rules(flow(line("a", "python3 ./fetch.py", R"("cwd":"tools")"))) == at("must change script-key"));
  CHECK(rules(flow(line("a", "python3 ./fetch.py"))) == "");
  CHECK(rules(flow(line("a", "date >> /data/log.txt"))) == at("must change script-writes"));
  CHECK(rules(flow(line("a", "date > /tmp/x 2>/dev/null >&2"))) == "");
  CHECK(rules(flow(line("a", "cat ~/.ssh/config"))) == at("must change script-home"));
  CHECK(rules(flow(line("a", "~/miniconda3/bin/python x.py"))) == "");
  CHECK(rules(flow(line("a", "sudo ls"))) == at("must change script-rights"));
  CHECK(rules(flow(line("a", "sudo ls", R"("sandbox":"none")"))) == "differs field-counts /graph/nodes/a/sandbox\n");
  CHECK(rules(flow(line("a", "server & ls"))) == at("must change script-background"));
  CHECK(rules(flow(line("a", "a && b 2>&1 &> c |& d"))) == "");
  CHECK(rules(flow(line("a", "true;true"))) == at("look script-no-shell"));
  CHECK(rules(flow(line("a", "wget x"), "", R"("model_config":{"preset":"local_only"},)")) ==
        at("must change script-network"));
}

TEST_CASE("migration: who is asked, and with what") {
  const auto with = [](const std::string& config, const std::string& node) {
    return rules(flow(call("a", node), "", kAccepted + "\"model_config\":" + config + ","));
  };
  const std::string claude = R"("input":"x","retry":1,"provider":"anthropic","model":"claude-opus-4-6")";
  CHECK(with(R"({"mode":"explicit"})", claude) == "differs field-counts /graph/nodes/a/retry\n");
  CHECK(has(with("{}", claude), "differs mode-default /model_config\n"));
  CHECK(has(with(R"({"mode":"auto"})", claude), "differs fallback /model_config/mode\n"));
  CHECK(has(with(R"({"mode":"explicit"})", R"("input":"x","provider":"anthropic")"),
            "differs model-retries /graph/nodes/a\n"));
  CHECK(has(with(R"({"mode":"explicit"})", R"("input":"x")"), "must change nobody-to-ask /graph/nodes/a\n"));
  CHECK(has(with(R"({"mode":"preset","preset":"local_only"})", R"("input":"x")"),
            "differs local-only /model_config/preset\n"));
  CHECK(has(with(R"({"mode":"explicit","provider_preferences":{"blocklist":["openai"]}})", claude),
            "differs lists-hold /model_config/provider_preferences/blocklist\n"));
  CHECK(has(with(R"({"mode":"explicit","sampling_params":{"max_tokens":9,"top_p":0.5}})", claude),
            "differs sampling-counts /model_config/sampling_params/max_tokens\n"));
  CHECK(has(with(R"({"mode":"explicit"})", claude + R"(,"parameters":{"stop":"x","max_tokens":5})"),
            "differs parameter-counts /graph/nodes/a/parameters/stop\n"));
  CHECK(has(with(R"({"mode":"explicit","budget":{"max_workflow_usd":1}})", claude),
            "differs budget-counts /model_config/budget\n"));
  CHECK_FALSE(has(with(R"({"mode":"explicit","budget":{"max_workflow_usd":0}})", claude), "budget-counts"));
  CHECK(has(with(R"({"mode":"explicit","explainability":{"log_cost_estimates":true}})", claude),
            "differs explainability /model_config/explainability\n"));
  CHECK(has(with(R"({"mode":"explicit","anthropic":{"api_key":"sk-ant-0123456789"}})", claude),
            "must change literal-key /model_config/anthropic/api_key\n"));
  CHECK_FALSE(has(with(R"({"mode":"explicit","anthropic":{"api_key":"${KEY}"}})", claude), "literal-key"));
  CHECK(has(with("{}", R"("input":"x","provider":"mistral","model":"m")"),
            "differs provider-works /graph/nodes/a/provider\n"));
  CHECK(has(with("{}", R"("input":{"messages":[{"role":"user","content":"x"}]},"provider":"anthropic")"),
            "differs conversation /graph/nodes/a/input\n"));
}

TEST_CASE("migration: a key of the file is in no finding") {
  const auto report = migrated(flow(call("a", R"("input":"x","provider":"anthropic")"), "",
                                    R"("model_config":{"anthropic":{"api_key":"sk-ant-0123456789"}},)"));
  for (const auto& finding : report.findings)
    CHECK_FALSE(has(finding.here + finding.hillstar + finding.mend, "0123456789"));
}

TEST_CASE("migration: a credential in the file stops the run, and is not shown") {
  const std::string key = "ghp_" + std::string(36, 'a');
  const auto report = migrated(flow(script("a", input(key + " {{ " + key + ".output }}"))));
  CHECK(shown(report) == "must change HS112 /graph/nodes/a/input\nmust change HS308 /graph/nodes/a/input\n");
  for (const auto& finding : report.findings) CHECK_FALSE(has(finding.here, key));
}

TEST_CASE("migration: a long list is cut, and says so; what must change is not crowded out") {
  std::string nodes;
  for (int i = 0; i < 1200; ++i)
    nodes += (i == 0 ? "" : ",") +
             script("n" + std::to_string(i), i == 1199 ? "\"input\":\"{{ x.output }}\"" : "\"input\":[1]");
  const auto report = migrated(flow(nodes));
  CHECK(has(shown(report), "must change HS112 /graph/nodes/n1199/input"));
  CHECK(report.findings.back().rule == "more");
  CHECK(report.findings.size() == 1002);
}

TEST_CASE("migration: the registry is laid over deeply, and is no model_config") {
  const auto own = [](const std::string& text) { return shown(migrate_registry(text, "mine.json")); };
  CHECK(own("{}") == "");
  CHECK(own(R"({"providers":{"anthropic":{"api_key":"sk-ant-0123456789"}}})") ==
        "differs registry-deep /providers/anthropic\ndiffers plain-key /providers/anthropic/api_key\n");
  CHECK(own(R"({"user_overrides":{"providers":{"ollama":{"endpoint":"http://localhost:1"}}}})") ==
        "differs registry-overrides /user_overrides\n");
  CHECK(own(R"({"mode":"auto"})") == "must change registry-model-config /mode\n");
  CHECK(own("{") == "must change HS401 \n");
  CHECK(has(own(R"({"providers":{"x":{"type":7}}})"), "must change HS401"));
  CHECK(has(own(R"({"provider":{}})"), "look registry"));
}

TEST_CASE("migration: secrets.env is told by its lines, without values") {
  const auto report = migrate_secrets("# mine\nexport A_KEY=geheim1\nB_KEY=\"geheim2\"\nC_KEY=geheim3\nnothing\n");
  CHECK(shown(report) == "differs secrets-export \ndiffers secrets-quotes \nlook secrets-line \n");
  CHECK(report.findings[1].position.line == 3);
  CHECK(has(report.keeps.at(0), "Keys: 3"));
  for (const auto& finding : report.findings) CHECK_FALSE(has(finding.here + finding.hillstar, "geheim"));
  CHECK(shown(migrate_secrets("")) == "");
}

TEST_CASE("migration: policy and marker") {
  CHECK(shown(migrate_policy(R"({"blocked_patterns":["*.py"],"max_age_seconds":60})", "p")) ==
        "differs policy-allow_force_override \ndiffers policy-blocked_patterns /blocked_patterns\n"
        "differs policy-max_age_seconds /max_age_seconds\n");
  CHECK(shown(migrate_policy(R"({"max_age":60})", "p")) == "must change HS300 \n");
  CHECK(shown(migrate_marker(R"({"workflow_id":"w","executed_at":"2026-01-01T00:00:00+00:00"})")) ==
        "differs marker-old \n");
  CHECK(shown(migrate_marker(R"({"workflow_id":"w","run":"01J"})")) == "");
  CHECK(shown(migrate_marker("{")) == "must change HS100 \n");
}

}  // namespace hillstar::policy
