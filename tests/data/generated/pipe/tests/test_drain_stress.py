"""
Stress test to reproduce: device_timeout of TestPipe::test_drain

Original failure: originals / pipe - 2026-11-26T22:42:35.7674557Z
Error: TIMEOUT: device timeout, potential hang detected, the device is unrecoverable
Fails at: return ttnn.to_torch(last) (tests/classes/test_pipe.py:31)
Strategy: only the failing operation, 23 of 46 statements of tests/classes/test_pipe.py; each iteration sets the device up anew, as the original does.

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


class Step:
    def __init__(self, name, width):
        self.name, self.width = name, width

    def values(self):
        return torch.rand([1, self.width], dtype=torch.bfloat16)


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


@pytest.mark.boards(1)
class TestPipe:
    WIDTH = 64

    def setup_method(self):
        self.steps = [Step("fill", self.WIDTH), Step("drain", self.WIDTH)]
        self.sent = []

    def send(self, device, step):
        on_board = ttnn.from_torch(step.values(), ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device)
        self.sent.append(on_board)
        return ttnn.exp(on_board)

    def drained(self, device, count):
        for number in range(count):
            last = self.send(device, self.steps[number % len(self.steps)])
        return ttnn.to_torch(last)

    def drain_operation(self, device, count):
        result = self.drained(device, count)

    @pytest.mark.parametrize("iteration", range(ITERATIONS))
    def test_drain_stress(self, device, request, iteration):
        seed_everything(SEED + iteration)
        self.drain_operation(device=device, count=1)
        say_passed(request, iteration)
