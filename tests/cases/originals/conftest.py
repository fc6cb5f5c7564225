"""What all tests of the example repository share: options, the device, a report of what was set up."""
import random

import pytest
import ttnn


def pytest_addoption(parser):
    parser.addoption("--lanes", type=int, default=4, help="lanes that a transfer is cut into")


@pytest.fixture
def lanes(request):
    return request.config.getoption("--lanes")


@pytest.fixture(autouse=True)
def seeded():
    random.seed(7)


@pytest.fixture
def device():
    opened = ttnn.open_device(device_id=0)
    yield opened
    ttnn.close_device(opened)


@pytest.fixture
def device_params(request):
    return getattr(request, "param", {})


@pytest.fixture
def mesh_device(request, device_params):
    opened = ttnn.open_mesh_device(ttnn.MeshShape(*request.param), **device_params)
    yield opened
    ttnn.close_mesh_device(opened)
