"""Opens and closes boards and meshes without fixtures."""
import gc

import pytest
import torch
import ttnn

L1_SMALL = 32768


def _touch(dev):
    t = ttnn.from_torch(torch.ones([1, 1, 32, 32]), layout=ttnn.TILE_LAYOUT, device=dev)
    ttnn.synchronize_device(dev)
    return t


def _open_pair():
    return ttnn.open_mesh_device(mesh_shape=ttnn.MeshShape(1, 2), num_command_queues=1)


@pytest.mark.timeout(540)
@pytest.mark.parametrize("rounds", [10, 40])
def test_open_close_single(rounds):
    for _ in range(rounds):
        dev = ttnn.open_device(device_id=1, l1_small_size=8192, num_command_queues=2)
        try:
            _touch(dev)
        finally:
            ttnn.close_device(dev)
            gc.collect()


@pytest.mark.timeout(450)
@pytest.mark.parametrize("rounds", [3])
@pytest.mark.parametrize("fabric", [ttnn.FabricConfig.DISABLED, ttnn.FabricConfig.FABRIC_1D])
def test_open_close_mesh(rounds, fabric):
    for _ in range(rounds):
        ttnn.set_fabric_config(fabric)
        mesh = ttnn.open_mesh_device(
            mesh_shape=ttnn.MeshShape(2, 4), trace_region_size=23887872, l1_small_size=L1_SMALL
        )
        try:
            _touch(mesh)
        finally:
            ttnn.close_mesh_device(mesh)
            ttnn.set_fabric_config(ttnn.FabricConfig.DISABLED)


@pytest.mark.parametrize("pause_ms", [0, 250])
def test_open_close_pair(pause_ms):
    mesh = _open_pair()
    _touch(mesh)
    ttnn.close_mesh_device(mesh)
