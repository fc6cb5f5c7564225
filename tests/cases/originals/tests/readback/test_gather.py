"""Gather along the last dimension, read back and compared with torch."""
import pytest
import torch
import ttnn

WIDTHS = [32, 1024, 151936]


def on_device(values, dtype, device):
    return ttnn.from_torch(values, dtype, layout=ttnn.Layout.TILE, device=device)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("rows", [1, 4])
def test_gather(rows, width, device, lanes):
    source = torch.randn([rows, width], dtype=torch.bfloat16)
    index = torch.randint(0, width, [rows, width], dtype=torch.int64)
    gathered = ttnn.gather(on_device(source, ttnn.bfloat16, device), dim=-1, index=on_device(index, ttnn.uint32, device))
    result = ttnn.to_torch(gathered)
    expected = torch.gather(source, -1, index)
    assert result.shape == index.shape
    places = [(row, column) for row in range(rows) for column in range(0, width, width // 16)]
    wrong = []
    for place in places:
        seen, wanted = result[place], expected[place]
        if seen != wanted:
            wrong.append((place, seen, wanted))
    for place, seen, wanted in wrong:
        print(f"at {place}: {seen} instead of {wanted}")
    assert not wrong, f"{len(wrong)} of {len(places)} places differ"
    assert lanes > 0


@pytest.mark.parametrize("width", WIDTHS)
def test_gather_keeps_order(width, device):
    source = torch.randn([1, width], dtype=torch.bfloat16)
    index = torch.randint(0, width, [1, width], dtype=torch.int64)
    first = ttnn.to_torch(ttnn.gather(on_device(source, ttnn.bfloat16, device), dim=-1, index=on_device(index, ttnn.uint32, device)))
    second = ttnn.to_torch(ttnn.gather(on_device(source, ttnn.bfloat16, device), dim=-1, index=on_device(index, ttnn.uint32, device)))
    assert first.shape == second.shape
    for column in range(0, width, 8):
        assert first[0, column] == second[0, column]


def test_gather_of_one_column(device):
    source = torch.randn([1, 1], dtype=torch.bfloat16)
    index = torch.randint(0, 1, [1, 1], dtype=torch.int64)
    result = ttnn.to_torch(ttnn.gather(on_device(source, ttnn.bfloat16, device), dim=-1, index=on_device(index, ttnn.uint32, device)))
    assert result[0, 0] == source[0, 0]
