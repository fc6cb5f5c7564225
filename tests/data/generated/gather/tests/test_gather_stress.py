"""
Stress test to reproduce: device_timeout of test_gather

Original failure: originals / gather - 2026-11-26T22:42:28.6153559Z
Error: TIMEOUT: device timeout, potential hang detected, the device is unrecoverable
Fails at: result = ttnn.to_torch(gathered) (tests/readback/test_gather.py:19)
Strategy: only the failing operation, 9 of 37 statements of tests/readback/test_gather.py; each iteration sets the device up anew, as the original does.

Run with:
    ./run_test.sh
"""
import os
import random
import sys

import pytest
import torch
import ttnn

ITERATIONS = int(os.environ.get("NDREPRO_ITERATIONS", "50"))
SEED = int(os.environ.get("NDREPRO_SEED", "0"))


def on_device(values, dtype, device):
    return ttnn.from_torch(values, dtype, layout=ttnn.Layout.TILE, device=device)


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


def gather_operation(rows, width, device, lanes):
    source = torch.randn([rows, width], dtype=torch.bfloat16)
    index = torch.randint(0, width, [rows, width], dtype=torch.int64)
    gathered = ttnn.gather(on_device(source, ttnn.bfloat16, device), dim=-1, index=on_device(index, ttnn.uint32, device))
    result = ttnn.to_torch(gathered)


@pytest.mark.parametrize("iteration", range(ITERATIONS))
def test_gather_stress(device, lanes, request, iteration):
    seed_everything(SEED + iteration)
    gather_operation(rows=1, width=1024, device=device, lanes=lanes)
    say_passed(request, iteration)
