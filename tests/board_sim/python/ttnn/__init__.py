"""BOARD SIMULATOR: as much of ttnn as a few operation tests need, on a simulated board that sometimes hangs. Not ttnn.

Any read-back (to_torch of a device tensor) may hang, as often as the board's `chance` says and decided by its seed. It
then waits for TT_METAL_OPERATION_TIMEOUT_SECONDS, or without end where that is 0 or not set, and raises what tt-metal
raises. From the moment it hangs the board is wedged, until tt-smi resets it.
"""

import atexit
import enum
import math
import os
import sys
import time
import types

import torch
from simulated_board import Board, record, start_time

_CORE = "25-17"
_TIMEOUT = "TIMEOUT: device timeout, potential hang detected, the device is unrecoverable"
_ETHERNET = f"Timed out while waiting for active ethernet core {_CORE} to become active again. Try resetting the board."
_MAILBOX = f"Read unexpected run_mailbox value from core {_CORE}"
_open_devices = []

bfloat16, float32, uint32 = "DataType.BFLOAT16", "DataType.FLOAT32", "DataType.UINT32"


class Layout(enum.Enum):
    ROW_MAJOR = 0
    TILE = 1


ROW_MAJOR_LAYOUT, TILE_LAYOUT = Layout.ROW_MAJOR, Layout.TILE


def _log(level, topic, text):
    """A line as tt-metal's logger writes it, on standard error."""
    now = time.time_ns()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now // 10**9))
    print(f"{stamp}.{now // 10**6 % 1000:03d} | {level:<8} | {topic:>15} | {text}", file=sys.stderr, flush=True)


def _throw(what, place, condition, message, frames):
    """Raises `message` as TT_THROW or TT_FATAL (`what`) do: logged once, then thrown with its place and backtrace."""
    __tracebackhide__ = True  # the real ones throw in C++: pytest shows no Python frame below the operation
    shown = f"TT_THROW: {message}" if what == "TT_THROW" else message
    _log("critical", "Always", f"{shown} (assert.hpp:104)")
    backtrace = "".join(f"\n --- {frame}" for frame in frames)
    raise RuntimeError(f"{what} @ /project/tt_metal/{place}: {condition}\ninfo:\n{message}\nbacktrace:{backtrace}")


def _device_timeout():
    __tracebackhide__ = True
    _throw("TT_THROW", "impl/dispatch/system_memory_manager.cpp:627", "tt::exception", _TIMEOUT, [
        "tt::tt_metal::SystemMemoryManager::completion_queue_wait_front(unsigned char, std::atomic<bool>&) const",
        "tt::tt_metal::distributed::FDMeshCommandQueue::read_completion_queue()",
        "tt::tt_metal::distributed::FDMeshCommandQueue::enqueue_read_shards_nolock()",
        "ttnn::operations::core::to_torch(tt::tt_metal::Tensor const&)",
    ])


def _wedged():
    __tracebackhide__ = True
    _throw("TT_THROW", "llrt/llrt.cpp:512", "tt::exception", _ETHERNET, [
        "tt::llrt::internal_::return_to_base_firmware_and_wait_for_heartbeat(unsigned int)",
        "tt::tt_metal::MetalContext::initialize()",
    ])


def _contention():
    __tracebackhide__ = True
    print("Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)", file=sys.stderr, flush=True)
    _throw("TT_FATAL", "llrt/llrt.cpp:472", "run_mailbox_value == RUN_MSG_DONE", _MAILBOX, [
        "tt::llrt::internal_::check_if_riscs_on_specified_core_done(unsigned int)",
        "tt::tt_metal::MetalContext::initialize_and_launch_firmware(unsigned int)",
    ])


def _wait_for_dispatch():
    """Waits as long as tt-metal's watchdog lets a hung operation wait."""
    limit = float(os.environ.get("TT_METAL_OPERATION_TIMEOUT_SECONDS") or 0)
    if limit > 0:
        time.sleep(limit)
        return
    while True:
        time.sleep(3600)


class Device:
    """An open board. One process may hold it; a second one is told so, and the first is disturbed by it."""

    def __init__(self, number):
        self._board = Board(number)
        self._process = os.getpid()
        if not self._board.present():
            _throw("TT_FATAL", "llrt/tt_cluster.cpp:171", "number_of_devices > 0", "No chips detected in the cluster", [
                "tt::Cluster::open_driver(bool const&)",
            ])
        with self._board.state() as state:
            others = [pid for pid, _ in state["holders"] if pid != self._process]
            wedged = state["wedged"]
            self._generation = state["generation"]
            if others:
                state["disturbed"] = others
            elif not wedged:
                state["holders"] = [[self._process, start_time(self._process)]]
            seen = f"seed {state['seed']}, draw {state['draws']}"
        _log("info", "Device", f"Board simulator: opening device {number}, {seen}")
        if others:
            _contention()
        if wedged:
            _wedged()
        _open_devices.append(self)

    def run(self, operation, may_hang=False):
        """Does one operation on the board; raises what tt-metal would if the board cannot."""
        __tracebackhide__ = True
        with self._board.state() as state:
            disturbed = self._process in state["disturbed"]
            if disturbed:
                state["disturbed"].remove(self._process)
            wedged, lost = state["wedged"], state["generation"] != self._generation
            drawn = record(state, operation)
            hangs = may_hang and not (disturbed or wedged or lost) and drawn < state["chance"]
            if hangs:
                state["wedged"] = True
        if disturbed:
            _contention()
        if lost:
            _wedged()
        if hangs:
            _wait_for_dispatch()
        if hangs or wedged:
            _device_timeout()

    def close(self):
        """Gives the board back; a process that was forked from the owner holds nothing."""
        if self not in _open_devices:
            return
        _open_devices.remove(self)
        if os.getpid() == self._process:
            with self._board.state() as state:
                state["holders"] = [holder for holder in state["holders"] if holder[0] != self._process]


@atexit.register
def _close_all():
    for device in list(_open_devices):
        device.close()


class Tensor:
    """A tensor on the host (device None) or on a device."""

    def __init__(self, values, dtype, layout, device):
        self.values, self.dtype, self.layout, self.device = values, dtype, layout, device
        self.shape = values.shape


def open_device(device_id=0, **_):
    return Device(device_id)


def close_device(device):
    device.close()


class MeshShape(tuple):
    def __new__(cls, *sides):
        return super().__new__(cls, sides)


class FabricConfig(enum.Enum):
    FABRIC_1D = 1
    FABRIC_1D_RING = 2


class Topology(enum.Enum):
    Linear = 1
    Ring = 2


class MeshDevice(Device):
    """Board 0 that plays as many devices as the shape has."""

    def __init__(self, shape):
        super().__init__(0)
        self.shape = MeshShape(*shape)

    def get_num_devices(self):
        return math.prod(self.shape)


def open_mesh_device(mesh_shape, **_):
    return MeshDevice(mesh_shape)


def close_mesh_device(device):
    device.close()


class ShardTensorToMesh:
    def __init__(self, device, dim):
        self.device, self.dim = device, dim


class ConcatMeshToTensor(ShardTensorToMesh):
    pass


def synchronize_device(device):
    device.run("synchronize_device", may_hang=True)


def from_torch(tensor, dtype=None, *, layout=Layout.ROW_MAJOR, device=None, mesh_mapper=None):
    if device is not None:
        device.run("from_torch")
    return Tensor(tensor, dtype, layout, device)


def gather(input, dim, index):
    if input.device is None or input.device is not index.device:
        raise RuntimeError("TT_FATAL @ /project/ttnn/cpp/ttnn/operations/gather.cpp:61: operands need one device")
    input.device.run("gather")
    return Tensor(torch.gather(input.values, dim, index.values), input.dtype, input.layout, input.device)


def exp(tensor):
    tensor.device.run("exp")
    return Tensor(torch.exp(tensor.values), tensor.dtype, tensor.layout, tensor.device)


def _ring_shift_async(tensor, by, num_links=1, topology=Topology.Ring):
    """Shard i becomes what shard i - by was."""
    tensor.device.run("ring_shift_async")
    values, count = tensor.values, tensor.device.get_num_devices()
    size = values.numel() // count
    moved = torch.Tensor(values.shape, values.dtype, lambda index: values.flat((index // size - by) % count * size + index % size))
    return Tensor(moved, tensor.dtype, tensor.layout, tensor.device)


experimental = types.SimpleNamespace(ring_shift_async=_ring_shift_async)


def to_torch(tensor, mesh_composer=None):
    if tensor.device is not None:
        tensor.device.run("to_torch", may_hang=True)
    return tensor.values
