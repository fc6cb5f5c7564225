#!/usr/bin/env python3
"""Deadline: a child must answer within 150 ms, which it does on an idle machine; the twin waits as long as it takes."""
import os
import subprocess
import sys

FIXED = os.environ.get("RACES_FIXED") == "1"
WIDENED = os.environ.get("RACES_WIDENED") == "1"
LIMIT_S = None if FIXED else 0.15
CHILD = f"import json, decimal, time; time.sleep({0.3 if WIDENED else 0}); print(json.dumps(sum(range(100000))))"

answer = subprocess.run([sys.executable, "-S", "-c", CHILD], capture_output=True, text=True, timeout=LIMIT_S, check=True)
assert answer.stdout == "4999950000\n", answer.stdout
