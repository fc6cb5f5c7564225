"""A pipe of operations, as a class: set-up by method, helpers as methods."""
import pytest
import torch
import ttnn


class Step:
    def __init__(self, name, width):
        self.name, self.width = name, width

    def values(self):
        return torch.rand([1, self.width], dtype=torch.bfloat16)


@pytest.mark.boards(1)
class TestPipe:
    WIDTH = 64

    def setup_method(self):
        self.steps = [Step("fill", self.WIDTH), Step("drain", self.WIDTH)]
        self.sent = []

    def send(self, device, step):
        on_board = ttnn.from_torch(step.values(), ttnn.bfloat16, layout=ttnn.TILE_LAYOUT, device=device)
        self.sent.append(on_board)
        return ttnn.exp(on_board)

    def drained(self, device, count):
        for number in range(count):
            last = self.send(device, self.steps[number % len(self.steps)])
        return ttnn.to_torch(last)

    def check(self, result, count):
        assert result.shape == (1, self.WIDTH)
        assert len(self.sent) == count
        smallest = min(result.flat(i) for i in range(result.numel()))
        largest = max(result.flat(i) for i in range(result.numel()))
        assert 1 <= smallest <= largest < 2.72
        return largest - smallest

    @pytest.mark.parametrize("count", [1, 4], ids=["one", "four"])
    def test_drain(self, device, count):
        result = self.drained(device, count)
        spread = self.check(result, count)
        names = [step.name for step in self.steps]
        print(f"spread {spread} over {names}")
        assert names == ["fill", "drain"]
        for tensor in self.sent:
            assert tensor.shape == (1, self.WIDTH)
        assert spread < 1.72

    def test_steps(self):
        assert [step.name for step in self.steps] == ["fill", "drain"]
        for step in self.steps:
            assert step.values().shape == (1, self.WIDTH)

    def test_empty(self, device):
        assert self.sent == []
        ttnn.synchronize_device(device)
        assert len(self.steps) == 2
