# Tile weaving against a torch reference.
import pytest
import torch
import ttnn

from tests.ttnn.utils_for_testing import assert_with_pcc

TILE = 32
SHAPES = [(1, 1, 32, 64), (2, 4, 96, 128)]


def weave_reference(a, b, dim):
    parts = [p for pair in zip(a.split(TILE, dim), b.split(TILE, dim)) for p in pair]
    return torch.cat(parts, dim)


def run_weave(device, shape, dim, dtype, tol):
    a, b = torch.randn(shape), torch.randn(shape)
    tt_a = ttnn.from_torch(a, dtype, layout=ttnn.TILE_LAYOUT, device=device)
    tt_b = ttnn.from_torch(b, dtype, layout=ttnn.TILE_LAYOUT, device=device)
    out = ttnn.to_torch(ttnn.weave(tt_a, tt_b, dim=dim))
    assert_with_pcc(weave_reference(a, b, dim), out, tol)


@pytest.mark.parametrize("shape", SHAPES, ids=["small", "wide"])
@pytest.mark.parametrize("dim", [-1, 2], ids=lambda d: f"dim{d}")
@pytest.mark.parametrize(
    "dtype, tol",
    [
        pytest.param(ttnn.bfloat16, 0.999, id="bf16"),
        pytest.param(ttnn.bfloat8_b, 0.99, id="bf8", marks=pytest.mark.slow_lane),
    ],
)
def test_weave_tiles(device, shape, dim, dtype, tol):
    run_weave(device, shape, dim, dtype, tol)


@pytest.mark.timeout(75)
@pytest.mark.parametrize("stride, pad", [(TILE, 0), (64, 1)])
@pytest.mark.parametrize("memory", [None, ttnn.L1_MEMORY_CONFIG], ids=["default", "l1"])
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("mode", ["zip", "stack"])
def test_weave_bias(device, stride, pad, memory, with_bias, mode):
    a = torch.randn([1, 1, stride * 2, 64 + pad * TILE])
    tt_a = ttnn.from_torch(a, ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device, memory_config=memory)
    out = ttnn.to_torch(ttnn.weave_self(tt_a, stride=stride, mode=mode, bias=0.5 if with_bias else None))
    assert out.shape == a.shape, f"weave changed the shape: {out.shape}"


@pytest.mark.slow_lane
@pytest.mark.parametrize("device_params", [{"l1_small_size": 24576, "num_command_queues": 2}], indirect=True)
@pytest.mark.parametrize("rounds", [5])
def test_weave_two_queues(device, rounds):
    for r in range(rounds):
        t = ttnn.full([1, 1, TILE, TILE], fill_value=float(r), layout=ttnn.TILE_LAYOUT, device=device, queue_id=r % 2)
        assert torch.all(ttnn.to_torch(t) == float(r))


class TestWeaveCache:
    @pytest.mark.requires_fast_runtime_mode_off
    @pytest.mark.parametrize("rows", [32, 96])
    def test_second_run_hits_cache(self, device, rows):
        for _ in range(2):
            run_weave(device, (1, 1, rows, 64), -1, ttnn.bfloat16, 0.999)
        assert device.num_program_cache_entries() == 1

    @pytest.mark.parametrize("width", [64, pytest.param(1024, marks=pytest.mark.slow_lane, id="broad")])
    def test_widths(self, device, width, weave_table):
        order = weave_table[32]
        x = torch.randn([1, 1, 32, width])[:, :, order]
        t = ttnn.from_torch(x, ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device)
        assert torch.allclose(ttnn.to_torch(t).float(), x, atol=0.02)
