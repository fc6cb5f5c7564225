"""BOARD SIMULATOR, not a driver: one board whose whole state is files below $BOARD_SIM_ROOT.

Shared by the fake ttnn, the fake tt-smi and board_sim. README.md beside bin/ lists the files. Every change of a
board's state is made under an exclusive lock of boards/N/lock and replaces boards/N/state as a whole.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import time

MODES = ("ok", "fail", "gone", "lying", "hang")  # and slow:SECONDS
DEFAULT_CHANCE = 0.007  # a run of 50 read-backs then fails three times in ten


def root():
    """The folder of the simulated host; SystemExit with the remedy when it is not there."""
    path = os.environ.get("BOARD_SIM_ROOT", "")
    if not path or not os.path.isdir(os.path.join(path, "boards")):
        raise SystemExit(f"board simulator: BOARD_SIM_ROOT={path!r} is no simulated host; make one: board_sim init ROOT")
    return pathlib.Path(path)


def start_time(pid):
    """When a process started, in clock ticks since boot; None if there is none. A zombie counts as gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def parse_mode(text):
    """A mode's (name, seconds); ValueError if it is none."""
    name, colon, seconds = text.partition(":")
    if name == "slow" and colon:
        return name, float(seconds)
    if name in MODES and not colon:
        return name, 0.0
    raise ValueError(f"{text!r} is no mode: {', '.join(MODES)} or slow:SECONDS")


def boards():
    """All boards that the host was made with, also those that are gone, by number."""
    numbers = sorted(int(entry.name) for entry in (root() / "boards").iterdir() if entry.name.isdigit())
    return [Board(number) for number in numbers]


class Board:
    """Board `number` of the simulated host."""

    def __init__(self, number):
        self.number = number
        self.folder = root() / "boards" / str(number)
        self.node = root() / "dev/tenstorrent" / str(number)
        self.sysfs = root() / f"sys/class/tenstorrent/tenstorrent!{number}"
        self.pids = root() / f"proc/driver/tenstorrent/{number}/pids"
        self.bus_id = f"0000:{10 + number:02x}:00.0"

    def create(self, seed, chance):
        """Makes the board's files; `chance` is that of a hang per read-back, `seed` decides which ones hang."""
        self.folder.mkdir(parents=True)
        self.pids.parent.mkdir(parents=True)
        self.pids.write_text("")
        self.set_mode("ok")
        state = {
            "seed": seed, "draws": 0, "chance": chance, "wedged": False, "generation": 0,
            "holders": [], "disturbed": [], "operations": {}, "resets": 0,
        }
        (self.folder / "state").write_text(json.dumps(state))
        self.restore()

    @contextlib.contextmanager
    def state(self):
        """The state as a dict, locked; what was changed in it is kept, also when the body raises."""
        with open(self.folder / "lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = json.loads((self.folder / "state").read_text())
            self._forget_the_dead(state)
            try:
                yield state
            finally:
                self._write(state)

    def _write(self, state):
        draft = self.folder / "state.new"
        draft.write_text(json.dumps(state))
        os.replace(draft, self.folder / "state")
        if self.pids.parent.is_dir():
            listed = "".join(f"{pid}\n" for pid, _ in state["holders"])
            before = self.pids.read_text()
            if before != listed:
                self.pids.write_text(listed)
                self._show_processes(before.split(), listed.split())

    def _show_processes(self, before, now):
        """Keeps proc/PID of each holder a link to the real one, so that who reads pids there can look it up there."""
        processes = root() / "proc"
        for pid in now:
            with contextlib.suppress(FileExistsError):
                (processes / pid).symlink_to(f"/proc/{pid}")
        elsewhere = {pid for board in boards() if board.number != self.number for pid in board.pids.read_text().split()}
        for pid in set(before) - set(now) - elsewhere:
            (processes / pid).unlink(missing_ok=True)

    @staticmethod
    def _forget_the_dead(state):
        state["holders"] = [holder for holder in state["holders"] if start_time(holder[0]) == holder[1]]
        living = {pid for pid, _ in state["holders"]}
        state["disturbed"] = [pid for pid in state["disturbed"] if pid in living]

    def mode(self):
        return parse_mode((self.folder / "mode").read_text().strip())

    def set_mode(self, text):
        parse_mode(text)
        (self.folder / "mode").write_text(text + "\n")

    def present(self):
        return self.node.exists()

    def restore(self):
        """Puts the board into the host (again): its node and its sysfs folder."""
        self.node.parent.mkdir(parents=True, exist_ok=True)
        self.node.write_text("")
        self.sysfs.mkdir(parents=True, exist_ok=True)
        facts = {
            "tt_card_type": "n150", "tt_serial": f"{0x100018611902000 + self.number:016x}",
            "tt_asic_id": f"{0x4D1A50000 + self.number:x}", "tt_fw_bundle_ver": "18.12.0.0",
            "tt_aiclk": "500", "tt_heartbeat": "1",
        }
        for name, value in facts.items():
            (self.sysfs / name).write_text(value + "\n")

    def remove(self):
        """Takes the board off the bus: no node, no sysfs folder."""
        self.node.unlink(missing_ok=True)
        shutil.rmtree(self.sysfs, ignore_errors=True)

    def beat(self):
        """Advances the heartbeat that the firmware of a real board advances by itself."""
        heartbeat = self.sysfs / "tt_heartbeat"
        with contextlib.suppress(OSError, ValueError):
            heartbeat.write_text(f"{int(heartbeat.read_text()) + 1}\n")

    def reset(self):
        """What a reset that works does; an open handle is dead from now on."""
        with self.state() as state:
            state.update(wedged=False, disturbed=[], generation=state["generation"] + 1, resets=state["resets"] + 1)
        self.beat()


def record(state, operation):
    """Counts one operation and draws its number in [0, 1), which (seed, draws) alone decides."""
    state["draws"] += 1
    state["operations"][operation] = state["operations"].get(operation, 0) + 1
    digest = hashlib.sha256(f"{state['seed']}:{state['draws']}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def log_reset(board, mode, what):
    """Adds a line to $BOARD_SIM_ROOT/reset.log: when, who, which board, its mode, and begin, ok, failed, gone or lied."""
    with open(root() / "reset.log", "a", encoding="utf-8") as log:
        log.write(f"{time.time():.3f} pid={os.getpid()} board={board.number} mode={mode} {what}\n")
