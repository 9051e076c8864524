#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers a model's calls of the tool `weigh`: reads them on standard input, prints a turn for each.

What a model writes is input from outside: an unknown sample is an answer, not a crash.
"""
import json
import sys

GRAMS = {"S1": 1.25, "S2": 0.75, "S3": 2.5}

turns = []
for call in json.loads(sys.stdin.read() or "[]"):
    arguments = call["arguments"]
    sample = arguments.get("sample") if isinstance(arguments, dict) else None
    known = isinstance(sample, str) and sample in GRAMS
    turns.append({"role": "tool", "tool_call_id": call["id"], "name": call["name"], "is_error": not known,
                  "content": f"{GRAMS[sample]} g" if known else "there is no such sample; there are " + ", ".join(GRAMS)})
print(json.dumps(turns))
