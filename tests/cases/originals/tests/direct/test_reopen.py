"""Opens the device itself, again and again; no fixture on purpose."""
import gc

import pytest
import torch
import ttnn

TOLERANCE = 0.05


def one_round(device, size, rounds_left):
    values = torch.rand([1, 1, size, size], dtype=torch.bfloat16)
    on_board = ttnn.from_torch(values, layout=ttnn.TILE_LAYOUT, device=device)
    result = ttnn.to_torch(ttnn.exp(on_board))
    expected = torch.exp(values.float())
    difference = max(abs(result.flat(i) - expected.flat(i)) for i in range(0, expected.numel(), 97))
    print(f"{rounds_left} rounds left, difference {difference}")
    assert result.shape == values.shape
    assert torch.allclose(result.float(), expected, atol=TOLERANCE)
    return difference


@pytest.mark.parametrize("rounds", [2, 5])
@pytest.mark.parametrize("size", [32, 64])
def test_reopen(rounds, size):
    differences = []
    for i in range(rounds):
        device = ttnn.open_device(device_id=0, l1_small_size=16384)
        try:
            differences.append(one_round(device, size, rounds - i))
        finally:
            ttnn.close_device(device)
            gc.collect()
    assert len(differences) == rounds
    assert max(differences) < TOLERANCE
    mean = sum(differences) / len(differences)
    assert mean <= max(differences)


def test_open_and_close():
    for _ in range(3):
        device = ttnn.open_device(device_id=0)
        ttnn.close_device(device)
    assert gc.collect() >= 0


def test_values_survive_a_reopening():
    values = torch.rand([1, 32], dtype=torch.bfloat16)
    for _ in range(2):
        device = ttnn.open_device(device_id=0)
        try:
            result = ttnn.to_torch(ttnn.from_torch(values, device=device))
            assert torch.allclose(result, values)
        finally:
            ttnn.close_device(device)
