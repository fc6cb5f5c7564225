"""
Stress test to reproduce: device_timeout of test_blocks

Original failure: originals / blocks - 2026-11-26T23:49:13.7599643Z
Error: TIMEOUT: device timeout, potential hang detected, the device is unrecoverable
Fails at: results.append(ttnn.to_torch(ttnn.exp(tensor))) (tests/chain/inner/test_blocks.py:17)
Strategy: only the failing operation, 9 of 34 statements of tests/chain/inner/test_blocks.py; each iteration sets the device up anew, as the original does.

Run with:
    ./run_test.sh
"""
import os
import random
import sys

import pytest
import ttnn

ITERATIONS = int(os.environ.get("NDREPRO_ITERATIONS", "50"))
SEED = int(os.environ.get("NDREPRO_SEED", "0"))


@pytest.fixture
def sent(device, blocks):
    return [ttnn.from_torch(block, layout=ttnn.TILE_LAYOUT, device=device) for block in blocks]


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


def blocks_operation(device, sent, blocks, times):
    results = []
    for number in range(times):
        for tensor in sent:
            results.append(ttnn.to_torch(ttnn.exp(tensor)))


@pytest.mark.parametrize("iteration", range(ITERATIONS))
def test_blocks_stress(device, sent, blocks, request, iteration):
    seed_everything(SEED + iteration)
    blocks_operation(device=device, sent=sent, blocks=blocks, times=1)
    say_passed(request, iteration)
