"""Slices without a daemon: `ndreprod-shim run` on a spec, and what its log says."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

MARK, SUM = b"#ndrepro run ", b"#ndrepro slice "

# Every arm that a slice may have, scaled as a campaign does by the test's usual duration and by the calls at which noise
# may delay (points). Beside the parameters: whether it needs the noise library and whether it needs the holder.
def arms(run_us, points):
    us = int(min(max(run_us * 0.5, 300), 5000))
    strong = min(us * 3, 20000)
    chance = min(max(4 / max(points, 1), 1e-4), 0.5)
    four = {"iterations": 1, "copies": 4, "shared_copies": 2}
    return {
        "plain": ({"iterations": 1, "copies": 1}, False, False),
        "copies": ({**four, "copies": 16, "shared_copies": 8}, False, False),
        "noise": ({**four, "noise_chance": min(chance * 1.7, 0.5), "noise_us": strong}, True, False),
        "yield": ({**four, "copies": 2, "shared_copies": 1, "noise_chance": 0.5}, True, False),
        "priorities": ({"iterations": 1, "priority_points": min(max(points, 2), 100000)}, True, False),
        "squeeze": ({**four, "one_cpu": True}, False, False),
        "preempt": ({**four, "preempts": True}, False, False),
        "hold": ({**four, "breakpoints": 24, "hold_us": strong}, False, True),
        "calls": ({**four, "call_chance": 0.5, "hold_us": us}, False, True),
        "chaos": ({**four, "redrawn": True, "noise_chance": chance, "noise_us": us, "preempts": True}, True, False),
        "count": ({"iterations": 1, "counts_points": True}, True, False),
    }


def added_ms(parameters):
    """What the arm's own delays may add to a run, about."""
    longest = max(parameters.get("noise_us", 0) * (3 if parameters.get("redrawn") else 1), parameters.get("hold_us", 0) * 2)
    return 1 + longest * max(10, parameters.get("breakpoints", 0)) // 1000


class Slice:
    """One slice of a command that is over: its sum, and its failing runs with their output."""

    def __init__(self, binaries, command, parameters, *, arm="copies", seed=1, runs=0, seconds=60.0, limit_ms=1000,
                 noise=False, hold=False):
        root = pathlib.Path(tempfile.mkdtemp(prefix="ndrepro-bench-"))
        try:
            (root / "logs").mkdir()
            folder = root / ".ndrepro" / "attempts" / "1"
            folder.mkdir(parents=True)
            log = root / "logs" / "run_1.log"
            spec = {
                "version": 1, "case_name": "bench", "number": 1, "command": [str(word) for word in command],
                "working_folder": str(root), "environment": [f"PATH={os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE=1"],
                "log": str(log), "deadline_ms": int(seconds * 1000) + 60000,
                "ladder": {"interrupt_ms": 1000, "terminate_ms": 1000}, "log_limit_bytes": 2 << 30, "arm": arm,
                "parameters": json.dumps(parameters), "seed": seed, "literals": ["Assertion"],
                "slice": {
                    "copies": parameters.get("copies", 1), "duration_ms": int(seconds * 1000), "runs": runs,
                    "run_limit_ms": limit_ms, "own_folders": True, "shared_copies": parameters.get("shared_copies", 0),
                    "most_kept": 100, "noise_library": f"{binaries}/libndrepro-noise.so" if noise else "",
                    "hold_program": f"{binaries}/ndrepro-hold" if hold else "",
                },
            }
            subprocess.run([f"{binaries}/ndreprod-shim", "run", folder], input=json.dumps(spec).encode(), check=True,
                           stdout=subprocess.DEVNULL)
            self.sum, self.failures = read(log.read_bytes())
        finally:
            shutil.rmtree(root, ignore_errors=True)


def read(log):
    """The last progress line of a slice's log, and each failing run as (marker, output)."""
    last, failures, at = None, [], 0
    while at < len(log):
        end = log.find(b"\n", at) + 1 or len(log)
        line, at = log[at:end], end
        if line.startswith(MARK):
            run = json.loads(line[len(MARK):])
            if run["kept"] == "failed":
                failures.append((run, log[at : at + run["bytes"]].decode(errors="replace")))
            at += run["bytes"]
        elif line.startswith(SUM):
            last = json.loads(line[len(SUM):])
    if last is None:
        raise SystemExit(f"bench-races: a slice says nothing: {log[-2000:].decode(errors='replace')}")
    return last, failures
