"""Fixtures shared by the weave tests."""
import pytest
import ttnn


@pytest.fixture(scope="function")
def device_params(request):
    return getattr(request, "param", {})


@pytest.fixture(scope="function")
def device(request, device_params):
    dev = ttnn.open_device(device_id=0, **device_params)
    yield dev
    ttnn.close_device(dev)


@pytest.fixture(scope="module")
def weave_table():
    return {rows: [(r * 7) % rows for r in range(rows)] for rows in (32, 96)}


@pytest.fixture(autouse=True)
def reset_seeds():
    import torch

    torch.manual_seed(213919)
    yield


def pytest_configure(config):
    config.addinivalue_line("markers", "slow_lane: takes minutes")
