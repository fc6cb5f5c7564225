import pytest
import torch


@pytest.fixture(params=[32, 64])
def block(request):
    return torch.rand([1, request.param], dtype=torch.bfloat16)


@pytest.fixture
def blocks(block):
    return [block, block]
