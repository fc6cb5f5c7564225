"""
Stress test to reproduce: exception of test_count

Original failure: originals / count - 2026-11-26T23:49:10.6042376Z
Error: counter.LostCount: 40000 counts were added, 31318 are there
Fails at: total = counter.settle(threads * count) (tests/host/test_count.py:28)
Strategy: only the failing operation, 20 of 54 statements of tests/host/test_count.py; each iteration is a test of its own.

Run with:
    ./run_test.sh
"""
import os
import random
import sys
import threading

import pytest
from counter import Counter

ITERATIONS = int(os.environ.get("NDREPRO_ITERATIONS", "50"))
SEED = int(os.environ.get("NDREPRO_SEED", "0"))

SWITCH_S = 1e-6


def counted(counter, threads, count):
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        workers = [threading.Thread(target=counter.add, args=(number, count)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(before)


def settled(threads, count):
    counter = Counter()
    counted(counter, threads, count)
    total = counter.settle(threads * count)


def seed_everything(seed):
    """The same numbers in the same iteration, others in the next."""
    random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def say_passed(request, iteration):
    """Past pytest's capture: here it is the progress."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\nPASS iteration {iteration + 1}/{ITERATIONS}", flush=True)


def count_operation(threads, count):
    total = settled(threads, count)


@pytest.mark.parametrize("iteration", range(ITERATIONS))
def test_count_stress(request, iteration):
    seed_everything(SEED + iteration)
    count_operation(threads=2, count=20000)
    say_passed(request, iteration)
