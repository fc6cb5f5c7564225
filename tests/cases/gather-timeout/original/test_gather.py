"""Gather over the last dimension, read back and compared with torch at a few places."""

import pytest
import torch
import ttnn

VOCABULARY = 151936


@pytest.mark.parametrize("width", [32, 96, 1024, 4096, 32768, VOCABULARY])
def test_gather(width, device):
    source = torch.randn([1, width], dtype=torch.bfloat16)
    index = torch.randint(0, width, [1, width], dtype=torch.int64)

    ttnn_source = ttnn.from_torch(source, ttnn.bfloat16, layout=ttnn.Layout.TILE, device=device)
    ttnn_index = ttnn.from_torch(index, ttnn.uint32, layout=ttnn.Layout.TILE, device=device)
    ttnn_gather = ttnn.gather(ttnn_source, dim=-1, index=ttnn_index)
    result = ttnn.to_torch(ttnn_gather)

    expected = torch.gather(source, -1, index)
    assert result.shape == index.shape
    for column in range(0, width, width // 16):
        assert result[0, column] == expected[0, column]
