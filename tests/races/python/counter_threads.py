#!/usr/bin/env python3
"""Threads of Python: the counter is read, a function is called, and the counter is written; the twin holds a lock."""
import os
import sys
import threading

FIXED = os.environ.get("RACES_FIXED") == "1"
if os.environ.get("RACES_WIDENED") == "1":
    sys.setswitchinterval(1e-6)
TURNS = 300


class Counter:
    def __init__(self):
        self.lock, self.value = threading.Lock(), 0

    def step(self):
        return 1

    def add(self):
        for _ in range(TURNS):
            if FIXED:
                with self.lock:
                    self.value = self.value + self.step()
            else:
                value = self.value
                self.value = value + self.step()


counter = Counter()
threads = [threading.Thread(target=counter.add) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert counter.value == 3 * TURNS, f"{3 * TURNS} steps were counted, {counter.value} are there"
