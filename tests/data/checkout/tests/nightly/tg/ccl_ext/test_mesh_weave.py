import pytest
import torch
import ttnn

from models.common.utility_functions import comp_pcc

FABRIC_LINE = {"fabric_config": ttnn.FabricConfig.FABRIC_1D, "trace_region_size": 65536}


def gather(mesh_device, t):
    return ttnn.to_torch(t, mesh_composer=ttnn.ConcatMeshToTensor(mesh_device, dim=0))


@pytest.mark.timeout(600)
@pytest.mark.requires_fabric
@pytest.mark.parametrize(
    "mesh_device",
    [pytest.param((1, 8), id="1x8_grid"), pytest.param((4, 8), id="4x8_grid")],
    indirect=True,
)
@pytest.mark.parametrize(
    "device_params",
    [
        {"fabric_config": ttnn.FabricConfig.FABRIC_1D_RING, "trace_region_size": 131072},
        {"fabric_config": ttnn.FabricConfig.FABRIC_2D, "l1_small_size": 16384},
    ],
    ids=["ring", "torus"],
    indirect=True,
)
@pytest.mark.parametrize("hidden", [2048, 7168])
@pytest.mark.parametrize("num_links, chunks", [(1, 4), (3, 16)])
def test_mesh_weave(mesh_device, device_params, hidden, num_links, chunks):
    n = mesh_device.get_num_devices()
    full = torch.randn([n, 1, 32, hidden])
    t = ttnn.from_torch(
        full, layout=ttnn.TILE_LAYOUT, device=mesh_device, mesh_mapper=ttnn.ShardTensorToMesh(mesh_device, dim=0)
    )
    for _ in range(chunks):
        t = ttnn.experimental.mesh_weave_async(t, num_links=num_links, topology=ttnn.Topology.Ring)
    ttnn.synchronize_device(mesh_device)
    ok, msg = comp_pcc(full, gather(mesh_device, t), 0.9999)
    assert ok, msg


@pytest.mark.parametrize(
    "mesh_device, topology",
    [((2, 4), ttnn.Topology.Linear), ((8, 1), ttnn.Topology.Ring)],
    ids=["line2x4", "ring8x1"],
    indirect=["mesh_device"],
)
@pytest.mark.parametrize("device_params", [FABRIC_LINE], indirect=True)
def test_mesh_weave_line(mesh_device, device_params, topology):
    t = ttnn.ones([1, 1, 32, 32], layout=ttnn.TILE_LAYOUT, device=mesh_device)
    out = ttnn.experimental.mesh_weave_async(t, num_links=1, topology=topology)
    assert torch.all(gather(mesh_device, out) == 1)


@pytest.mark.parametrize("size", [32, 256])
def test_mesh_sanity(mesh_device, size):
    t = ttnn.zeros([1, 1, size, size], layout=ttnn.TILE_LAYOUT, device=mesh_device)
    assert gather(mesh_device, t).abs().max() == 0
