"""Blocks that fixtures make, on a device that a nearer conftest.py has changed."""
import pytest
import torch
import ttnn


@pytest.fixture
def sent(device, blocks):
    return [ttnn.from_torch(block, layout=ttnn.TILE_LAYOUT, device=device) for block in blocks]


@pytest.mark.parametrize("times", [1, 2])
def test_blocks(device, sent, blocks, times):
    results = []
    for number in range(times):
        for tensor in sent:
            results.append(ttnn.to_torch(ttnn.exp(tensor)))
    assert len(results) == times * len(blocks)
    for result, block in zip(results, blocks * times):
        expected = torch.exp(block.float())
        assert result.shape == block.shape
        assert torch.allclose(result.float(), expected, atol=0.01)
        lowest = min(result.flat(i) for i in range(result.numel()))
        assert lowest >= 1
    ttnn.synchronize_device(device)
    again = [ttnn.to_torch(tensor) for tensor in sent]
    for result, block in zip(again, blocks):
        assert torch.allclose(result, block)
    assert len(again) == len(blocks)


@pytest.mark.parametrize("times", [1, 3])
def test_blocks_stay_in_order(device, sent, blocks, times):
    for _ in range(times):
        results = [ttnn.to_torch(tensor) for tensor in sent]
        assert len(results) == len(blocks)
        for result, block in zip(results, blocks):
            assert result.shape == block.shape
            assert torch.allclose(result, block)
    ttnn.synchronize_device(device)


def test_blocks_are_equal(blocks):
    assert blocks[0].shape == blocks[1].shape
    assert torch.allclose(blocks[0], blocks[1])
