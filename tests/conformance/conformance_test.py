#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays recorded runs of Hillstar with this program's binary and compares exit codes, results and files.

The recordings are not part of this repository: HILLSTAR_FIXTURES names their folder. Without them the test is skipped.
cases.py says what each case must do here: the same as there, or something better and why. A case that behaves like
neither is a failure. Only the standard library is used; nothing leaves the machine.
"""
import argparse
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cases import CASES, ELSEWHERE, LEFT_BEHIND, Step  # noqa: E402

SKIPPED = 77
STEP_SECONDS = 60
DEFAULT_FIXTURES = pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "hillstar"


class Mismatch(Exception):
    pass


def fresh_copy(source, target):
    """The case as it was before it was recorded: without output folders, records and leftovers."""
    def left_out(folder, names):
        top = pathlib.Path(folder) == source
        return [n for n in names if top and (
            n in LEFT_BEHIND or n == ".hillstar" or n in ("out", "outA", "outB") or n.startswith(("out_", "exit_code"))
            or n == "COMMANDS.txt")]
    shutil.copytree(source, target, ignore=left_out)
    for path in [target, *target.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)


def newest_checkpoint(folder, node):
    found = [p for p in folder.glob("*/checkpoints/*.json")] + [p for p in folder.glob(".*/checkpoints/*.json")]
    found = [p for p in found if json.loads(p.read_text())["node_id"] == node]
    if not found:
        raise Mismatch(f"there is no checkpoint of '{node}'")
    return max(found, key=lambda p: json.loads(p.read_text())["timestamp"])


def recorded_results(folder):
    results = {}
    for path in sorted((folder / "checkpoints").glob("*.json"), key=lambda p: p.name[-20:]):
        try:
            results.update(json.loads(path.read_text())["state"]["node_outputs"])
        except json.JSONDecodeError:
            pass   # some recordings are cut to save space
    return results


class Replay:
    def __init__(self, binary, fixtures, case, folder):
        self.binary = binary
        self.recording = fixtures / case.folder
        self.case = case
        self.folder = folder / case.folder
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        fresh_copy(self.recording, self.folder)
        for name, text in case.scripts.items():
            path = self.folder / name
            path.write_text(text)
            if text.startswith("#!"):
                path.chmod(0o755)

    def play(self, step):
        for name, text in step.before.items():
            (self.folder / name).write_text(text)
        if step.drop:
            self.drop_nodes(step.drop)
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        done = self.call(step)
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-3:]
        if done.returncode != step.exit:
            raise Mismatch(f"exit {done.returncode}, expected {step.exit}; it said: {' / '.join(said)}")
        self.check_recorded_exit(step)
        self.check_results(step)
        self.check_files(step)

    def call(self, step):
        args = [self.fill(a) for a in step.args]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", **step.env}
        return subprocess.run([self.binary, *args], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=STEP_SECONDS, check=False)

    def fill(self, argument):
        if not argument.startswith("{checkpoint:"):
            return argument
        return str(newest_checkpoint(self.folder, argument[len("{checkpoint:"):-1]).relative_to(self.folder))

    def drop_nodes(self, nodes):
        path = self.folder / "workflow.json"
        workflow = json.loads(path.read_text())
        graph = workflow["graph"]
        for node in nodes:
            del graph["nodes"][node]
        graph["edges"] = [e for e in graph["edges"] if e["from"] not in nodes and e["to"] not in nodes]
        path.write_text(json.dumps(workflow))

    def check_recorded_exit(self, step):
        path = self.recording / (f"exit_code.{step.recorded}.txt" if step.recorded else "exit_code.txt")
        recorded = int(path.read_text())
        if step.same and (recorded == 0) != (step.exit == 0):
            raise Mismatch(f"the table says 'same', but Hillstar's exit code was {recorded}")
        if not step.same and not step.why:
            raise Mismatch("the table gives no reason for the deviation")

    def check_results(self, step):
        if not step.outputs and not step.expected:
            return
        theirs = recorded_results(self.recording / step.outputs) if step.outputs else {}
        for node, result in theirs.items():
            if node in step.ignore or node in step.expected or node in step.drop:
                continue
            ours = self.result_of(node)
            for key, value in result.items():
                value = value.replace("<CASE>", str(self.folder)) if isinstance(value, str) else value
                if ours.get(key) != value:
                    raise Mismatch(f"{node}.{key} is {ours.get(key)!r}, recorded is {value!r}")
        for node, output in step.expected.items():
            if node in step.drop:
                continue
            found = self.result_of(node).get("output")
            if found != output:
                raise Mismatch(f"{node}.output is {found!r:.200}, expected is {output!r:.200}")

    def result_of(self, node):
        done = self.call(Step(["result", "latest", node, "-o", "json"], exit=0))
        if done.returncode != 0:
            raise Mismatch(f"there is no result of '{node}': {done.stderr.decode(errors='replace').strip():.200}")
        return json.loads(done.stdout)

    def check_files(self, step):
        for name, content in step.files.items():
            path = self.folder / name
            if not path.exists():
                raise Mismatch(f"there is no {name}")
            if content is any:
                continue
            expected = (self.recording / name).read_text() if content is None else content
            if path.read_text() != expected:
                raise Mismatch(f"{name} is {path.read_text()!r}, expected is {expected!r}")
        for name in step.absent:
            if (self.folder / name).exists():
                raise Mismatch(f"there should be no {name}")


def replay(binary, fixtures, only):
    passed, failed, deviating = 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="hillstar_conformance_") as folder:
        for case in CASES:
            if only and only not in case.folder:
                continue
            case_replay = Replay(binary, fixtures, case, pathlib.Path(folder))
            for step in case.steps:
                name = f"{case.folder} {step.recorded or ' '.join(step.args)}"
                try:
                    case_replay.play(step)
                    passed += 1
                    deviating += bool(step.why)
                    print(f"{'better' if step.why else 'same  '}  {name}{': ' + step.why if step.why else ''}")
                except (Mismatch, subprocess.TimeoutExpired) as problem:
                    failed += 1
                    print(f"WRONG   {name}: {problem}")
    known = {c.folder for c in CASES} | set(ELSEWHERE)
    for folder in sorted(p.name for p in fixtures.iterdir() if p.is_dir() and p.name not in known):
        print(f"unknown {folder}: no case in cases.py")
        failed += 1
    print(f"{passed} as the table says ({deviating} deviate from Hillstar on purpose), {failed} wrong, "
          f"{len(ELSEWHERE)} recordings not replayed here")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--only", default="", help="cases whose folder's name contains this")
    args = parser.parse_args()
    fixtures = pathlib.Path(os.environ.get("HILLSTAR_FIXTURES", DEFAULT_FIXTURES))
    if not fixtures.is_dir():
        print(f"skipped: there are no recordings at {fixtures}; set HILLSTAR_FIXTURES to their folder")
        return SKIPPED
    return 1 if replay(str(pathlib.Path(args.binary).resolve()), fixtures, args.only) else 0


if __name__ == "__main__":
    sys.exit(main())
