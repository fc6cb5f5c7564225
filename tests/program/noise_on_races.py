#!/usr/bin/env python3
"""The noise library on programs of the zoo: it finds what a plain loop does not, leaves the correct twins alone, keeps out
of the way of programs of one thread, and says what it did. usage: noise_on_races.py [TEST...]"""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

import daemon_under_test as world

LIBRARY = world.BIN / "libndrepro-noise.so"
BUILD = world.SOURCE / "tests" / "races" / "build.sh"
NOISE = "mode=sleep,p=0.3,us=1500,start_p=0.3,start_us=1500"
FOUND_BY_NOISE = ("account_overdrawn", "text_appended", "tickets_test")
RUNS = 400


def environment(noise: str) -> dict[str, str]:
    return {**os.environ, "LD_PRELOAD": str(LIBRARY), "NDREPRO_NOISE": noise}


def failures(program: pathlib.Path, noise: str, runs: int, until_found: bool = False) -> int:
    """How many of the runs fail; a hang of more than 10 s counts."""
    failed = 0
    for seed in range(runs):
        try:
            ended = subprocess.run(
                [str(program)], env=environment(f"{noise},seed={seed}"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                timeout=10, check=False,
            )
            failed += ended.returncode != 0
        except subprocess.TimeoutExpired:
            failed += 1
        if failed and until_found:
            return failed
    return failed


def what_a_plain_loop_does_not_find_is_found_and_twins_are_left_alone():
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as folder:
        wrong, right = pathlib.Path(folder, "wrong"), pathlib.Path(folder, "right")
        subprocess.run([str(BUILD), str(wrong), *FOUND_BY_NOISE], check=True)
        subprocess.run([str(BUILD), str(right), "-DFIXED", *FOUND_BY_NOISE], check=True)
        for name in FOUND_BY_NOISE:
            assert failures(wrong / name, NOISE, RUNS, until_found=True), f"{name}: not found in {RUNS} runs"
            assert failures(wrong / name, "mode=yield,p=0.5,start_p=0.3,start_us=300", RUNS, until_found=True), f"{name}: by yields"
            assert failures(right / name, NOISE, 100) == 0, f"the twin of {name} fails"


SCRIPT = """#!/bin/bash
# ndrepro-contract: 1
iterations=1
while [ $# -gt 0 ]; do
    [ "$1" != --iterations ] || iterations=$2
    shift
done
for ((ran = 1; ran <= iterations; ran++)); do
    @PROGRAM@ || exit 1
    echo "PASS iteration $ran/$iterations"
done
"""


def a_campaign_finds_by_noise_what_plain_runs_do_not():
    with world.Daemon() as daemon:
        for name, options in (("wrong", []), ("right", ["-DFIXED"])):
            subprocess.run([str(BUILD), str(daemon.folder / name), *options, "text_appended"], check=True)
        log = (world.SOURCE / "tests" / "races" / "logs" / "text_appended.log").read_text("utf-8")
        daemon.start()
        answers = {}
        for name, budget in (("wrong", "60s"), ("right", "12s")):
            daemon.add_case(name, SCRIPT.replace("@PROGRAM@", str(daemon.folder / name / "text_appended")), log)
            answers[name] = daemon.finished(daemon.run(name, budget=budget, confirmations=2, seed="7"))
        answer = answers["wrong"]
        assert answer["outcome"] == "reproduced", answer
        hits = {row["arm"] for row in daemon.attempts(answer["id"]) if row["matched"]}
        assert hits & {"noise", "yield"}, hits
        assert answer["report"]["next_command"] == "./run_test.sh", answer["report"]
        assert "ndrepro recipe" in (daemon.cases / "wrong" / "run_test.sh").read_text("utf-8")
        answer = answers["right"]
        assert answer["outcome"] == "not_reproduced", answer
        arms = {row["arm"] for row in daemon.attempts(answer["id"])}
        assert {"noise", "yield"} <= arms, arms


def a_report_says_how_many_points_there_were_and_where_it_delayed():
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as folder:
        code = "import threading\nlock = threading.Lock()\nfor _ in range(50):\n    t = threading.Thread(target=lock.acquire, args=(False,)); t.start(); t.join()"
        noise = f"{NOISE},seed=1,report={folder}"
        subprocess.run(["/usr/bin/python3", "-c", code], env=environment(noise), timeout=60, check=True)
        files = list(pathlib.Path(folder).iterdir())
        assert len(files) == 1, files
        magic, points, delays, delayed_ns, lost, modules = struct.unpack_from("<6Q", files[0].read_bytes())
        assert magic.to_bytes(8, "little").rstrip(b"\0") == b"ndr-ns1", hex(magic)
        assert points >= 50 and 0 < delays <= points + 200 and delayed_ns > 0 and lost == 0 and modules >= 1, (points, delays, lost)


def a_program_of_one_thread_is_not_touched():
    with tempfile.TemporaryDirectory(prefix="ndrepro-test-") as folder:
        slow = f"mode=sleep,p=1,us=100000,start_p=1,start_us=100000,seed=1,report={folder}"
        began = time.monotonic()
        subprocess.run(["/bin/cat", "/proc/self/maps"], env=environment(slow), stdout=subprocess.DEVNULL, timeout=60, check=True)
        assert time.monotonic() - began < 5 and list(pathlib.Path(folder).iterdir()) == []


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    world.main([
        a_campaign_finds_by_noise_what_plain_runs_do_not, what_a_plain_loop_does_not_find_is_found_and_twins_are_left_alone,
        a_report_says_how_many_points_there_were_and_where_it_delayed, a_program_of_one_thread_is_not_touched,
    ])
