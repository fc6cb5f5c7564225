#!/usr/bin/env python3
"""Shared resource: the scratch file has the same name for every run of the test; the twin takes a name of its own."""
import os
import tempfile

FIXED = os.environ.get("RACES_FIXED") == "1"
WIDENED = os.environ.get("RACES_WIDENED") == "1"
path = tempfile.mkstemp()[1] if FIXED else os.path.join(tempfile.gettempdir(), "ndrepro-races-scratch")

mine = f"{os.getpid()}\n" * 2000
with open(path, "w", encoding="ascii") as file:
    file.write(mine)
if WIDENED and os.fork() == 0:
    with open(path, "w", encoding="ascii") as file:
        file.write("another run\n")
    os._exit(0)
if WIDENED:
    os.wait()
total = sum(number * number for number in range(20000))
with open(path, encoding="ascii") as file:
    found = file.read()
if FIXED:
    os.unlink(path)
assert total > 0 and found == mine, "the scratch file holds what another run wrote"
