# SPDX-License-Identifier: Apache-2.0
"""What this engine does with each recorded case of Hillstar: the same, or something better and why.

A step is one command. Its exit code is compared with ours; `same=True` says that Hillstar's recorded run ended alike
(0 with 0, 1 with one of our failures), and the driver checks that the recording says so. Hillstar has 0, 1 and 2; here:

    Hillstar 1, the file is refused            3  invalid workflow
    Hillstar 1, the file or checkpoint is lost 4  not found
    Hillstar 1, a node failed                  1  run failed; 6 a permission forbids it; 124 it took too long
    Hillstar 0, nobody was asked               8  waits for a person
"""
from dataclasses import dataclass, field

DONE, FAILED, INVALID, MISSING, STATE, REFUSED, WAITS, TIMEOUT = 0, 1, 3, 4, 5, 6, 8, 124

# Files that a recording may leave behind and a new run must not find.
LEFT_BEHIND = ["go", "count", "late.txt", "late_file_exists.txt"]


@dataclass
class Step:
    args: list                    # after the program's name; {checkpoint:NODE} is the newest file of that node
    exit: int
    recorded: str = ""            # label of exit_code.<label>.txt; empty: exit_code.txt
    same: bool = True             # Hillstar's exit code means the same
    why: str = ""                 # needed where it does not
    before: dict = field(default_factory=dict)     # files to write first
    drop: list = field(default_factory=list)       # nodes to take out of workflow.json first
    outputs: str = ""             # folder whose recorded checkpoint has results to compare with
    ignore: list = field(default_factory=list)     # nodes whose recorded output differs from run to run
    expected: dict = field(default_factory=dict)   # node -> our `output` where it deviates; needs `why`
    files: dict = field(default_factory=dict)      # path -> content afterwards; None: as recorded
    env: dict = field(default_factory=dict)
    absent: list = field(default_factory=list)     # paths that must not exist afterwards


@dataclass
class Case:
    folder: str
    steps: list
    scripts: dict = field(default_factory=dict)    # executables that the recording used and does not hold


def run(*args, **kwargs):
    return Step(["execute", *args], **kwargs)


EXEC = '#!/bin/sh\necho exec\npwd\necho args=$#\n'
COUNTING_WRITER = """#!/bin/sh
n=$(( $(cat count 2>/dev/null || echo 0) + 1 )); echo $n > count
printf 'impl-%s got:[%s]\\n' $n "$(tr '\\n' ' ' | tr -s ' ')"
"""
STRICT_REVIEWER = """#!/bin/sh
text=$(cat)
case "$text" in impl-1*) echo "revise: $text" ;; *) echo "VERDICT Sign-Off for $text" ;; esac
"""
ECHO_WRITER = "#!/bin/sh\necho impl; cat\n"


def script_cases():
    """Section 1.5.2, script_run: one node each."""
    failing = {
        "bad_cwd": FAILED, "dollar_nospace": FAILED, "noexec": FAILED, "semicolon_nospace": FAILED, "signal": FAILED,
        "timeout": TIMEOUT, "list_script": INVALID, "no_script": INVALID, "script_top": INVALID,
    }
    passing = ["binary_out", "crlf", "cwd", "direct", "noexec_shell", "shell_pipe", "stderr_ok", "with_args_shell"]
    steps = [run(f"wf_{n}.json", f"out_{n}", exit=e, recorded=n) for n, e in failing.items()]
    steps += [run(f"wf_{n}.json", f"out_{n}", exit=DONE, recorded=n, outputs=f"out_{n}") for n in passing]
    steps.append(run("wf_stdin.json", "out_stdin", exit=DONE, recorded="stdin", outputs="out_stdin",
                     expected={"stdin": '{"a":1}'}, why="structured input is JSON, not Python's repr"))
    steps.append(run("wf_env.json", "out_env", exit=DONE, recorded="env", outputs="out_env", ignore=["env"],
                     why="paths are absolute, and there are more variables"))
    return Case("07_script_run_semantics", steps,
                {"exec.sh": EXEC, "noexec.sh": "echo hi\n"})


def validation_cases():
    """Section 8.2: name -> (exit of validate, exit of execute, why where a recorded 0 and 1 are swapped)."""
    early = "found before anything runs"
    table = {
        "unknown_tool": (INVALID, INVALID, early),
        "checkpoint_tool": (DONE, DONE, "the tool of the schema exists"),
        "never": (DONE, REFUSED, ""),
        "ask": (DONE, WAITS, "a person is asked"),
        "perm_bogus": (INVALID, INVALID, "unknown permissions are refused"),
        "badjson": (INVALID, None, ""),
        "budget_bad": (INVALID, INVALID, ""),
        "conc_bad": (INVALID, INVALID, early),
        "conc_bool": (INVALID, INVALID, early),
        "cycle": (INVALID, INVALID, early),
        "self_edge": (INVALID, INVALID, early),
        "dup_edge": (DONE, DONE, ""),
        "empty_nodes": (INVALID, INVALID, "a workflow without nodes is a mistake"),
        "isolated": (DONE, DONE, "independent nodes are a workflow"),
        "two_components": (DONE, DONE, ""),
        "missing_edge_node": (INVALID, INVALID, ""),
        "mode_bad": (INVALID, INVALID, ""),
        "no_edges": (INVALID, INVALID, ""),
        "no_graph": (INVALID, INVALID, ""),
        "no_id": (INVALID, INVALID, ""),
        "no_tool": (INVALID, INVALID, ""),
        "top_array": (INVALID, INVALID, ""),
        "nofile": (MISSING, MISSING, ""),
        "overlap": (INVALID, INVALID, ""),
        "preset_bad": (INVALID, INVALID, ""),
        "preset_bad_not_mode": (INVALID, INVALID, early),
        "preset_missing": (INVALID, INVALID, ""),
        "temp_bad": (INVALID, INVALID, ""),
        "local_only_complex": (DONE, DONE, ""),
        "router_missing": (DONE, FAILED, ""),
        "unknown_provider": (INVALID, INVALID, ""),
        "anthropic_no_key": (DONE, FAILED, ""),
        "no_compliance": (INVALID, INVALID, ""),
        "unknown_model": (INVALID, INVALID, ""),   # terms of mistral; the model alone would be a warning
        "budget_exceeded": (INVALID, INVALID, "the terms of openai must be accepted"),
        "google_unknown": (INVALID, INVALID, "the terms of google must be accepted"),
        "mistral_placeholder": (DONE, FAILED, ""),  # for want of a key; Hillstar's client was a placeholder
    }
    steps = []
    for name, (validate, execute, why) in table.items():
        steps.append(Step(["validate", f"wf_{name}.json"], exit=validate, recorded=f"{name}.validate", why=why,
                          same=not why))
        if execute is not None:
            steps.append(run(f"wf_{name}.json", f"out_{name}", exit=execute, recorded=f"{name}.execute", why=why,
                             same=not why))
    return Case("09_errors_and_validation", steps)


def loop_error_cases():
    names = ["bad_node", "bool_bound", "empty_body", "no_bound", "no_test", "no_until", "until_outside"]
    return Case("06d_loop_errors",
                [run(f"wf_{n}.json", f"out_{n}", exit=INVALID, recorded=n, absent=[f"out_{n}/traces"]) for n in names])


LINE = "line1\nline2\n"
NEVER_RESOLVED = ["r_missing_node", "r_no_dot", "r_prev_outside_loop", "r_skip_edges", "r_missing_key", "r_deep"]

CASES = [
    Case("01_linear", [
        Step(["validate", "workflow.json"], exit=DONE, recorded="validate"),
        run("workflow.json", exit=DONE, files={"out/result.txt": None}),
    ]),
    Case("02_diamond", [
        run("workflow.json", exit=WAITS, same=False, why="permission 'ask' asks a person"),
        Step(["approve", "latest", "a"], exit=DONE, outputs=".hillstar",
             files={".hillstar/audit/step_04/metadata.json": any, ".hillstar/commit_ready.json": any}),
    ]),
    Case("03_references", [
        run("workflow.json", exit=INVALID, same=False, why="a reference that cannot resolve is an error"),
        run("workflow.json", exit=DONE, drop=NEVER_RESOLVED, outputs=".hillstar",
            expected={
                "r_dict": repr('{"k":"line1\\nline2\\n","l":["0",true,null],"n":5,'
                               '"{{ src.return_code }}":"key not resolved"}'),
                "r_list": repr('["0","x"]'),
            },
            why="structured values are JSON"),
    ], {"dump.py": "import sys;sys.stdout.write(repr(sys.stdin.read()))\n"}),
    Case("04_checkpoint_resume", [
        run("workflow.json", exit=FAILED, recorded="1_first_fails"),
        run("workflow.json", "--resume-from", "two", exit=DONE, recorded="2_resume_node_id", before={"go": ""},
            outputs=".hillstar", ignore=["one", "two"]),
        run("workflow.json", "--resume-from", "{checkpoint:one}", exit=DONE, recorded="3_resume_file"),
        run("workflow.json", "--resume-from", "nosuch", exit=MISSING, recorded="4_resume_unknown"),
        run("workflow.json", ".hillstar", "--resume-from", "four", exit=MISSING,
            recorded="5_resume_no_checkpoint_for_node"),
    ]),
    Case("04b_resume_skips_failed_sibling", [
        run("workflow.json", exit=FAILED, recorded="1_first"),
        run("workflow.json", "--resume-from", "sib", exit=FAILED, recorded="2_resume_sib", same=False,
            why="the failed node runs again: a failure is no result"),
        run("workflow.json", "--resume-from", "sib", exit=DONE, recorded="2_resume_sib", before={"go": ""},
            outputs=".hillstar", ignore=["bad"],
            expected={"after": "after bad=partial\n err="},
            why="the failed node has run again, and well"),
    ]),
    Case("04c_resume_final", [
        run("workflow.json", exit=DONE, recorded="1_first", outputs=".hillstar"),
        run("workflow.json", "--resume-from", "b", exit=DONE, recorded="2_resume_final"),
    ]),
    Case("05_failure", [run("workflow.json", exit=FAILED, absent=[".hillstar/commit_ready.json"],
                            outputs=".hillstar", ignore=["bad"],
                            why="a failed node's output is no result in a checkpoint")]),
    Case("05c_secret_not_redacted", [
        run("workflow.json", exit=REFUSED, same=False, why="a workflow that holds a credential would be recorded with it"),
        run("workflow.json", exit=FAILED, outputs=".hillstar", env={"HILLSTAR_REDACT_OFF": "anthropic_key,openai_key"}),
    ]),
    Case("06_loop_success_on_2", [
        run("workflow.json", exit=DONE, files={"out/final.txt": None}, outputs=".hillstar",
            expected={"implement@3": "impl-2 got:[spec=seed prev=revise: impl-1 got:[spec=seed prev=] ]\n"},
            why="a skipped attempt hands on its own node's winning result, not the reviewer's"),
    ], {"impl.sh": COUNTING_WRITER, "review.sh": STRICT_REVIEWER}),
    Case("06b_loop_exhausted", [run("workflow.json", exit=DONE, files={"out/final.txt": None}, outputs=".hillstar")],
         {"impl.sh": ECHO_WRITER, "review.sh": "#!/bin/sh\necho revise; cat\n"}),
    Case("06c_loop_all_of_skip_marker", [
        run("workflow.json", exit=DONE, files={"out/final.txt": "VERDICT sign-off\n|PASS\n|impl\ngo"},
            why="dependents of a loop see the winning attempt, not a marker"),
    ], {"impl.sh": ECHO_WRITER, "review.sh": "#!/bin/sh\ncat > /dev/null\necho VERDICT sign-off\n"}),
    loop_error_cases(),
    Case("06f_loop_reference_spacing", [
        run("workflow.json", exit=INVALID, same=False,
            why="attempt 1 refers to results that no node has had yet: an error, not literal text"),
    ]),
    script_cases(),
    Case("07b_script_run_more", [
        run("wf_big.json", "out_big", exit=DONE, recorded="big", expected={"big": "x" * 3_000_000},
            why="the recording is cut; checkpoints hold large outputs in full"),
        run("wf_nonutf8.json", "out_nonutf8", exit=DONE, recorded="nonutf8", same=False,
            why="bytes that are no UTF-8 are kept"),
        run("wf_orphan.json", "out_orphan", exit=TIMEOUT, recorded="orphan", absent=["late.txt"],
            why="a timeout ends the script's children too"),
    ]),
    validation_cases(),
    Case("12_concurrency_waves", [
        run("workflow.json", exit=DONE, recorded="default4", outputs=".hillstar",
            ignore=["w0", "w1", "w2", "w3", "w4", "w5", "after1"]),
        run("workflow_c1.json", "out_c1", exit=DONE, recorded="conc1"),
        run("workflow_c8.json", "out_c8", exit=DONE, recorded="conc8"),
    ]),
    Case("17_discover", [
        Step(["discover"], exit=DONE, recorded="cwd"),
        Step(["discover", "a"], exit=DONE, recorded="a"),
        Step(["discover", ".hidden"], exit=DONE, recorded="hidden_root"),
        Step(["discover", "nope"], exit=FAILED, recorded="nope"),
        Step(["discover", "empty"], exit=FAILED, recorded="empty"),
    ]),
    Case("26_resume_foreign_checkpoint", [
        run("A.json", "outA", exit=DONE, recorded="A", outputs="outA"),
        run("B.json", "outB", "--resume-from", "{checkpoint:a}", exit=STATE, recorded="B_from_A", same=False,
            why="a checkpoint of another workflow is refused"),
        run("B.json", "outB", "--resume-from", "bad.json", exit=INVALID, recorded="B_bad"),
    ]),
]

# Recordings that this driver does not replay, and where their subject is tested.
ELSEWHERE = {
    "10_model_call_router": "needs a model server; tests/unit/providers",
    "11_retry_and_fallback": "needs a model server; tests/unit/providers",
    "11b_fallback_chain": "needs a model server; tests/unit/providers",
    "15_git_commit": "needs a repository with history; tests/unit/runtime/tools, tests/e2e/verdicts_test.py",
    "15b_git_nothing_to_commit": "needs a repository with history; tests/unit/runtime/tools, tests/e2e/verdicts_test.py",
    "19_redactor_corpus": "a corpus, not a run; tests/unit/runtime/policy/redactor_corpus_test.cpp",
    "20_mcp_transcripts": "there is no such server yet",
    "27_user_override_shadows_registry": "laid over deeply here; tests/unit/runtime/policy, tests/e2e/verdicts_test.py",
    "28_preset_and_complexity_ignored": "needs a model server; tests/unit/runtime/policy, tests/e2e/verdicts_test.py",
}
