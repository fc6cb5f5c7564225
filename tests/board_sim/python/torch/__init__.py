"""BOARD SIMULATOR: as much of torch as a few operation tests need, not torch.

A tensor is a shape, a dtype and a function from the flat index to the value, so that tensors of any size cost nothing
until a value is asked for. Random values are a hash of the tensor's key and the index.
"""

import math
import random as _random

_MASK = 2**64 - 1
_keys = _random.Random()


class dtype:
    """A named element type."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"torch.{self.name}"


bfloat16, float32, int32, int64 = dtype("bfloat16"), dtype("float32"), dtype("int32"), dtype("int64")


class Size(tuple):
    def __repr__(self):
        return f"torch.Size({list(self)})"

    def numel(self):
        return math.prod(self)


class Tensor:
    def __init__(self, shape, dtype, value_at):
        self.shape, self.dtype, self._value_at = Size(shape), dtype, value_at

    def numel(self):
        return self.shape.numel()

    def flat(self, index):
        """The value at a flat index, in row-major order."""
        return self._value_at(index)

    def __getitem__(self, place):
        """One value, by one index per dimension; no slices."""
        place = place if isinstance(place, tuple) else (place,)
        if len(place) != len(self.shape) or any(not 0 <= i < size for i, size in zip(place, self.shape)):
            raise IndexError(f"{place} is no place in {self.shape}")
        index = 0
        for i, size in zip(place, self.shape):
            index = index * size + i
        return self._value_at(index)

    def float(self):
        return Tensor(self.shape, float32, self._value_at)

    def __repr__(self):
        return f"tensor(shape={self.shape}, dtype={self.dtype})"


def manual_seed(seed):
    _keys.seed(seed)


class Generator:
    def __init__(self):
        self.keys = _random.Random()

    def manual_seed(self, seed):
        self.keys.seed(seed)
        return self


_SAMPLES = 64  # of two tensors that are compared


def _places(tensor):
    return range(0, tensor.numel(), max(1, tensor.numel() // _SAMPLES))


def allclose(a, b, rtol=1e-5, atol=1e-8):
    """At some places only."""
    return a.shape == b.shape and all(abs(a.flat(i) - b.flat(i)) <= atol + rtol * abs(b.flat(i)) for i in _places(a))


def exp(tensor):
    return Tensor(tensor.shape, tensor.dtype, lambda index: math.exp(tensor.flat(index)))


def cat(tensors, dim=0):
    """Along the first dimension only."""
    if dim != 0:
        raise ValueError("the simulator concatenates along the first dimension")
    size = tensors[0].numel()
    shape = [sum(tensor.shape[0] for tensor in tensors), *tensors[0].shape[1:]]
    return Tensor(shape, tensors[0].dtype, lambda index: tensors[index // size].flat(index % size))


def rand(shape, dtype=float32):
    key = _keys.getrandbits(64)
    return Tensor(shape, dtype, lambda index: _uniform(key, index))


def _uniform(key, index):
    """A number in [0, 1) by splitmix64 (Steele, Lea, Flood 2014)."""
    word = (key + index * 0x9E3779B97F4A7C15) & _MASK
    word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ word >> 27) * 0x94D049BB133111EB) & _MASK
    return ((word ^ word >> 31) >> 11) / 2**53


def randn(shape, dtype=float32):
    """Normal values, by Box and Muller."""
    key = _keys.getrandbits(64)

    def value_at(index):
        radius = math.sqrt(-2 * math.log(1 - _uniform(key, 2 * index)))
        return radius * math.cos(2 * math.pi * _uniform(key, 2 * index + 1))

    return Tensor(shape, dtype, value_at)


def randint(low, high, shape, dtype=int64, generator=None):
    key = (generator.keys if generator else _keys).getrandbits(64)
    return Tensor(shape, dtype, lambda index: low + int((high - low) * _uniform(key, index)))


def gather(input, dim, index):
    """Along the last dimension only."""
    if dim not in (-1, len(input.shape) - 1) or input.shape[:-1] != index.shape[:-1]:
        raise ValueError("the simulator gathers along the last dimension of tensors that agree in the others")
    width, columns = input.shape[-1], index.shape[-1]

    def value_at(place):
        return input.flat(place // columns * width + index.flat(place))

    return Tensor(index.shape, input.dtype, value_at)
