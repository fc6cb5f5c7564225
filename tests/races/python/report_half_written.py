#!/usr/bin/env python3
"""Processes: the reader opens the report while the writer is in the middle of it; the twin renames a whole file into
place."""
import json
import os
import sys

FIXED = os.environ.get("RACES_FIXED") == "1"
WIDENED = os.environ.get("RACES_WIDENED") == "1"
ROWS = 400


def write(path):
    with open(path, "w", encoding="ascii") as file:
        for row in range(ROWS):
            file.write(json.dumps({"row": row}) + "\n")
            if WIDENED and row == ROWS // 2:
                file.flush()
                __import__("time").sleep(0.2)


if os.path.exists("report.json"):
    os.unlink("report.json")
child = os.fork()
if child == 0:
    write("report.part" if FIXED else "report.json")
    if FIXED:
        os.rename("report.part", "report.json")
    os._exit(0)
while not os.path.exists("report.json"):
    pass
for _ in range(8):  # what the reader has to do first: the writer is done by then, nearly always
    sum(range(20000))
with open("report.json", encoding="ascii") as report:
    rows = report.read().count("\n")
os.waitpid(child, 0)
assert rows == ROWS, f"the report has {rows} of {ROWS} rows"
sys.exit(0)
