"""Shards go round a ring of devices."""
import pytest
import torch
import ttnn
from loguru import logger

from models.common.utility_functions import comp_pcc


def shifted(shards, by):
    return [shards[(i - by) % len(shards)] for i in range(len(shards))]


def report(name, expected, actual):
    passed, message = comp_pcc(expected, actual, 0.9999)
    logger.info(f"{name}: {message}")
    return passed


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("mesh_device", [(1, 4), (2, 4)], ids=["line4", "grid2x4"], indirect=True)
@pytest.mark.parametrize(
    "device_params",
    [{"fabric_config": ttnn.FabricConfig.FABRIC_1D_RING}, {"fabric_config": ttnn.FabricConfig.FABRIC_1D}],
    ids=["ring", "line"],
    indirect=True,
)
@pytest.mark.parametrize("hidden, by", [(64, 1), (160, 3)])
def test_ring(mesh_device, device_params, hidden, by):
    count = mesh_device.get_num_devices()
    shards = [torch.randn([1, 1, 32, hidden]) for _ in range(count)]
    moving = ttnn.from_torch(
        torch.cat(shards, dim=0), layout=ttnn.TILE_LAYOUT, device=mesh_device, mesh_mapper=ttnn.ShardTensorToMesh(mesh_device, dim=0)
    )
    for step in range(3):
        logger.info(f"step {step} of the ring")
        moved = ttnn.experimental.ring_shift_async(moving, by=by, topology=ttnn.Topology.Ring)
        ttnn.synchronize_device(mesh_device)
    result = ttnn.to_torch(moved, mesh_composer=ttnn.ConcatMeshToTensor(mesh_device, dim=0))
    expected = torch.cat(shifted(shards, by), dim=0)
    assert result.shape == expected.shape
    unmoved = torch.cat(shards, dim=0)
    logger.info(f"moved by {by}, compared with {unmoved.shape}")
    passed = report("ring", expected, result)
    back = torch.cat(shifted(shifted(shards, by), -by), dim=0)
    passed = report("and back", unmoved, back) and passed
    assert passed, "the shards are not where they belong"


@pytest.mark.parametrize("mesh_device", [(1, 4)], indirect=True)
def test_ring_of_nothing(mesh_device):
    values = torch.randn([4, 1, 32, 32])
    moving = ttnn.from_torch(values, layout=ttnn.TILE_LAYOUT, device=mesh_device)
    moved = ttnn.experimental.ring_shift_async(moving, by=0, topology=ttnn.Topology.Ring)
    result = ttnn.to_torch(moved)
    assert result.shape == values.shape
    assert report("unmoved", values, result)
