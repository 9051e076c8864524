#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every file of examples/ with the built program, in a folder of its own.

usage: examples_test.py PROGRAM SOURCE_TREE
Models are a server of this test on a free loopback port, which answers as each case says.
"""
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

SECONDS_MAX = 120


class Models(http.server.ThreadingHTTPServer):
    """An OpenAI-compatible server: `answer(model, prompt)` is what the model says."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = request["messages"][-1]["content"]
        self.server.asked.append((request["model"], prompt))
        said = self.server.answer(request["model"], prompt)
        message = said if isinstance(said, dict) else {"content": said}
        reply = json.dumps({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": request["model"],
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", **message}}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


class Examples(unittest.TestCase):
    program = source = None
    covered = set()

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hillstar-examples-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        shutil.copytree(self.source / "examples", self.folder / "examples")

    @contextlib.contextmanager
    def models(self, answer):
        server = Models(answer)
        try:
            yield server
        finally:
            server.shutdown()
            server.server_close()

    def call(self, *arguments, code=0, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HILLSTAR_")}
        done = subprocess.run([self.program, *arguments], cwd=self.folder, env={**clean, **environment},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def run_example(self, name, *arguments, **options):
        self.covered.add(name)
        self.call("validate", "--strict", f"examples/{name}")
        return self.call("run", f"examples/{name}", *arguments, **options)

    def read(self, name):
        return (self.folder / name).read_text(encoding="utf-8")

    def test_hello(self):
        self.assertEqual(self.run_example("hello.json", "-p", "name=Ada"), "HELLO, ADA!\n")

    def test_own_backend(self):
        self.assertEqual(self.run_example("own_backend.json").strip(), "hello world,")

    def test_first_run_without_a_model(self):
        self.run_example("first_run_no_model.json")
        report = self.read("growth_report.md")
        self.assertIn("first 135 minutes", report)
        self.assertEqual(report.count("\n| "), 10)
        self.assertLess(report.index("delta_acrB_cipro"), report.index("wild_type_control"))

    def test_first_run(self):
        with self.models(lambda model, prompt: "delta_acrB lost most.") as server:
            self.run_example("first_run.json", HILLSTAR_ROUTER_URL=server.url)
        self.assertEqual([model for model, _ in server.asked], ["router-planner"])
        self.assertIn("delta_acrB_cipro", server.asked[0][1])
        self.assertIn("The model says: delta_acrB lost most.", self.read("growth_report.md"))
        self.assertIn("all hold", self.call("verify"))

    def test_review_loop_ends_with_the_approval(self):
        reviews = iter(["Say more.", "APPROVED"])

        def answer(model, prompt):
            if model == "router-reviewer":
                return next(reviews)
            return "Second draft." if "Say more." in prompt else "First draft."

        with self.models(answer) as server:
            self.run_example("review_loop.json", HILLSTAR_ROUTER_URL=server.url)
        self.assertEqual(len(server.asked), 4)
        self.assertEqual(self.read("paragraph.txt"), "Second draft.")

    def test_review_loop_fails_without_an_approval(self):
        with self.models(lambda model, prompt: "No.") as server:
            self.run_example("review_loop.json", code=1, HILLSTAR_ROUTER_URL=server.url)
        self.assertEqual(len(server.asked), 6)
        self.assertFalse((self.folder / "paragraph.txt").exists())

    def test_map(self):
        self.run_example("map.json")
        outputs = json.loads(self.call("result", "latest", "count"))
        self.assertEqual(outputs, ["0: ribosome has 8 letters\n", None, "2: kinase has 6 letters\n",
                                   "3: membrane has 8 letters\n"])

    def test_approval(self):
        self.run_example("approval.json", code=8)
        self.assertFalse((self.folder / "orders.txt").exists())
        self.call("approve", "latest", "look", "--reason", "checked")
        self.assertEqual(self.read("orders.txt").count("\n"), 1)
        self.assertIn("checked", self.call("events", "latest"))

    def test_structured(self):
        weigh = {"content": None, "tool_calls": [
            {"id": f"c{i}", "type": "function",
             "function": {"name": "weigh", "arguments": json.dumps({"sample": sample})}}
            for i, sample in enumerate(["S1", "S2"])]}

        with self.models(lambda model, prompt: '{"sample": "S1", "grams": 1.25}' if "JSON" in prompt else weigh) as server:
            self.run_example("structured.json", HILLSTAR_ROUTER_URL=server.url)
        self.assertEqual(len(server.asked), 2)
        self.assertEqual(self.read("heaviest.txt"), "S1: 1.25 g\n")

    def test_local_only(self):
        with self.models(lambda model, prompt: "Half of the maximal rate.") as server:
            # The file names the usual port; the test has another.
            path = self.folder / "examples/local_only.json"
            path.write_text(path.read_text(encoding="utf-8").replace("http://127.0.0.1:8080", server.url), encoding="utf-8")
            self.run_example("local_only.json")
        self.assertEqual(server.asked, [("local", "What is a Michaelis constant?")])
        self.assertEqual(self.read("answer.txt"), "Half of the maximal rate.")

    def test_an_export_is_checked_without_the_program(self):
        self.run_example("hello.json")
        previous = bytes(32)
        lines = self.call("export", "latest", "--jsonl").splitlines()
        for line in lines:
            record = line[len('{"event":'):line.rindex(',"hash":"')]
            previous = hashlib.sha256(b"hs1\0" + previous + record.encode()).digest()
            self.assertEqual(previous.hex(), json.loads(line)["hash"])
        self.assertGreater(len(lines), 5)

    @classmethod
    def tearDownClass(cls):
        files = {path.name for path in (cls.source / "examples").glob("*.json")}
        if len(sys.argv) == 1 and files != cls.covered:
            raise AssertionError(f"not run: {sorted(files - cls.covered)}")


if __name__ == "__main__":
    Examples.program, Examples.source = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    del sys.argv[1:3]
    unittest.main()
