"""Fixtures of the operation tests: every test opens board 0 for itself and gives it back."""

import pytest
import ttnn


@pytest.fixture(scope="function")
def device():
    device = ttnn.open_device(device_id=0)
    yield device
    ttnn.close_device(device)
