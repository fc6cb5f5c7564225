import pytest
import ttnn


@pytest.fixture
def device(device):
    """The shared device, warm: one transfer has been made."""
    ttnn.to_torch(ttnn.from_torch(_values(), device=device))
    yield device


def _values():
    import torch

    return torch.rand([1, 32], dtype=torch.bfloat16)
