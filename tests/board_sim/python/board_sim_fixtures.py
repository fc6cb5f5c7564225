"""BOARD SIMULATOR: the fixtures that tt-metal's root conftest.py has, as a plugin: pytest -p board_sim_fixtures."""
import pytest
import ttnn


def pytest_configure(config):
    for mark in ("use_module_device", "requires_fast_runtime_mode_off"):
        config.addinivalue_line("markers", mark)


@pytest.fixture(scope="module")
def _module_device():
    opened = ttnn.open_device(device_id=0)
    yield opened
    ttnn.close_device(opened)


@pytest.fixture
def device(request):
    if request.node.get_closest_marker("use_module_device"):
        yield request.getfixturevalue("_module_device")
        return
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
