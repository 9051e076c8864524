#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Growth rates from plate readings. Each command reads JSON or CSV on stdin and writes its result on stdout.

  growth.py samples   CSV                                -> one sample a line
  growth.py line      {readings, sample, feedback}       -> {window, rate, r2}: a straight line through log(OD)
  growth.py review    what `line` wrote                  -> APPROVED, or REVISE with the window to try next
  growth.py fit       {readings, sample, window}         -> {sample, rate, low, high, doubling}: with a bootstrap interval
  growth.py table     {fits, window}                     -> a Markdown table, slowest first
"""
import csv
import io
import json
import math
import os
import random
import re
import sys

R2_NEEDED = 0.995
RESAMPLES = 40000


def readings(text, sample, window):
    """[(minutes, log OD)] of one sample up to `window` minutes."""
    rows = csv.DictReader(io.StringIO(text))
    return [(float(row["minutes"]), math.log(float(row["od600"])))
            for row in rows if row["sample"] == sample and float(row["minutes"]) <= window]


def line_through(points):
    """Least squares: slope and R squared."""
    n = len(points)
    mean_x = sum(x for x, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    sxx = sum((x - mean_x) ** 2 for x, _ in points)
    sxy = sum((x - mean_x) * (y - mean_y) for x, y in points)
    syy = sum((y - mean_y) ** 2 for _, y in points)
    if not sxx or not syy:
        return 0.0, 0.0
    return sxy / sxx, sxy * sxy / (sxx * syy)


def samples(text):
    names = dict.fromkeys(row["sample"] for row in csv.DictReader(io.StringIO(text)))
    print("\n".join(names))


def line(text):
    given = json.loads(text)
    asked = re.search(r"window (\d+)", given.get("feedback") or "")
    window = int(asked.group(1)) if asked else 240
    slope, r2 = line_through(readings(given["readings"], given["sample"], window))
    print(json.dumps({"window": window, "rate": round(slope, 5), "r2": round(r2, 4)}))


def review(text):
    found = json.loads(text)
    verdict = "APPROVED" if found["r2"] >= R2_NEEDED else f"REVISE: window {found['window'] - 105}"
    print(f"{verdict} (R2 {found['r2']} over {found['window']} min)")


def fit(text):
    given = json.loads(text)
    points = readings(given["readings"], given["sample"], float(given["window"]))
    rate, _ = line_through(points)
    dice = random.Random(given["sample"])
    rates = sorted(line_through(dice.choices(points, k=len(points)))[0] for _ in range(RESAMPLES))
    low, high = rates[RESAMPLES // 40], rates[-RESAMPLES // 40]
    print(json.dumps({"sample": given["sample"], "rate": round(rate, 5), "low": round(low, 5), "high": round(high, 5),
                      "doubling": round(math.log(2) / rate, 1)}))


def table(text):
    given = json.loads(text)
    fits = [json.loads(fit_) if isinstance(fit_, str) else fit_ for fit_ in given["fits"]]
    print(f"Growth in the first {given['window']} minutes, 95 % bootstrap interval:\n")
    print("| sample | rate per minute | 95 % | doubling, min |\n| --- | --- | --- | --- |")
    for row in sorted(fits, key=lambda row: row["rate"]):
        print(f"| {row['sample']} | {row['rate']:.5f} | {row['low']:.5f} to {row['high']:.5f} | {row['doubling']} |")


def main():
    command = sys.argv[1]
    text = sys.stdin.read()
    {"samples": samples, "line": line, "review": review, "fit": fit, "table": table}[command](text)
    sys.stdout.flush()
    # For whoever wants to count: one line for each attempt that came to its end.
    if ledger := os.environ.get("GROWTH_LEDGER"):
        with open(ledger, "a", encoding="utf-8") as out:
            out.write(os.environ.get("HILLSTAR_NODE_ID", command) + "\n")


main()
