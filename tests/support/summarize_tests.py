#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads ctest's JUnit report: prints each doctest summary, ctest's summary, and last `N passed, N failed`.

A doctest binary or Python unittest counts as its test cases; anything else, or what ended without a summary, as one.
"""
import re
import sys
import xml.etree.ElementTree as tree

CASES = re.compile(r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed(?:\s*\|\s*(\d+) skipped)?")
ASSERTIONS = re.compile(r"\[doctest\] assertions:.*")
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\n(OK|FAILED)(?: \(([^)]*)\))?", re.MULTILINE)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def unittest_counts(output):
    """(passed, failed, line) of a Python unittest, or nothing."""
    found = UNITTEST.search(output)
    if not found:
        return None
    outcomes = dict(part.split("=") for part in (found.group(3) or "").split(", ") if "=" in part)
    bad = int(outcomes.get("failures", 0)) + int(outcomes.get("errors", 0))
    skipped = int(outcomes.get("skipped", 0))
    good = max(int(found.group(1)) - bad - skipped, 0)
    return good, bad, f"[unittest] test cases: {found.group(1)} | {good} passed | {bad} failed | {skipped} skipped"


def main(path):
    try:
        suite = tree.parse(path).getroot()
    except (OSError, tree.ParseError) as error:
        print(f"no test report: {error}")
        print("0 passed, 1 failed")
        return 1
    passed = failed = tests_failed = 0
    tests = suite.findall("testcase")
    width = max((len(test.get("name")) for test in tests), default=0)
    print()
    for test in tests:
        name, broken = test.get("name"), test.get("status") != "run"
        if test.get("status") in ("disabled", "notrun"):
            print(f"{name:<{width}}  not run: {test.get('status')}")
            tests_failed, failed = tests_failed + 1, failed + 1
            continue
        output = COLOURS.sub("", test.findtext("system-out") or "")
        found = CASES.findall(output)
        good, bad = (sum(int(case[1]) for case in found), sum(int(case[2]) for case in found)) if found else (0, 0)
        python = None if found else unittest_counts(output)
        if python:
            good, bad, line = python
            print(f"{name:<{width}}  {line}")
        if broken and bad == 0:
            bad += 1  # It crashed, timed out, or a sanitizer spoke up.
        if not found and not python and not broken:
            good += 1
        for line in output.splitlines():
            if CASES.search(line) or ASSERTIONS.search(line):
                print(f"{name:<{width}}  {line.strip()}")
        if not found and not python:
            print(f"{name:<{width}}  {'failed' if broken else 'passed'}")
        passed, failed, tests_failed = passed + good, failed + bad, tests_failed + bool(broken)
    total = len(tests)
    rate = round(100 * (total - tests_failed) / total) if total else 0
    print(f"\n{rate}% tests passed, {tests_failed} tests failed out of {total}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not total else 0


sys.exit(main(sys.argv[1]))
