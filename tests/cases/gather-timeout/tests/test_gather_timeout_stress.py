"""
Stress test to reproduce: device timeout in to_torch after gather

Original failure: ttnn operation tests / gather (wormhole_b0, N150)
Error: RuntimeError: TIMEOUT: device timeout, potential hang detected, the device is unrecoverable

Only the failing operation of original/test_gather.py, gather and to_torch at the width that failed,
over and over. The board is opened as there, by the `device` fixture for each test. One process: a second one on the
same board is contention, not this failure.

Run with:
    ./run_test.sh               (NDREPRO_ITERATIONS=200 ./run_test.sh for more iterations)
"""

import os

import pytest
import torch
import ttnn

ITERATIONS = int(os.environ.get("NDREPRO_ITERATIONS", "50"))


@pytest.mark.parametrize("iteration", range(ITERATIONS))
def test_gather_timeout(iteration, device, capsys):
    input_tensor = torch.randn([1, 151936], dtype=torch.bfloat16)
    index = torch.randint(0, 151936, [1, 151936], dtype=torch.int64)

    ttnn_input = ttnn.from_torch(input_tensor, ttnn.bfloat16, layout=ttnn.Layout.TILE, device=device)
    ttnn_index = ttnn.from_torch(index, ttnn.uint32, layout=ttnn.Layout.TILE, device=device)

    ttnn_gather = ttnn.gather(ttnn_input, dim=-1, index=ttnn_index)
    result = ttnn.to_torch(ttnn_gather)
    assert result.shape == index.shape

    with capsys.disabled():  # pytest keeps what a passing test prints: here it is the progress
        print(f"\nPASS iteration {iteration + 1}/{ITERATIONS}", flush=True)
