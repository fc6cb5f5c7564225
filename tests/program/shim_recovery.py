#!/usr/bin/python3
"""Slices whose loop dies: runs that were over, and not yet in the log, are recovered."""
import json
import os
import signal

from shim_driver import Case, alive, await_text, await_that, call, main, same, true
from shim_slice import Log, start


def stopped_loop(case: Case):
    """A slice of three failing runs, each of them over; their loop is stopped and has appended none of the last two."""
    script = f'echo "run $NDREPRO_RUN" >>{case.root}/told; [ "$NDREPRO_RUN" = 1 ] || read -r <{case.root}/gate; ' \
             'head -c 300000 /dev/zero | tr "\\0" "$NDREPRO_RUN"; exit "$NDREPRO_RUN"'
    os.mkfifo(case.root / "gate")
    shim = start(case, script, slice={"copies": 1, "runs": 3, "duration_ms": 60000, "run_limit_ms": 60000})
    await_text(case.log(1), "#ndrepro end 1")
    await_text(case.root / "told", "run 2")
    os.kill(shim.ready["run_pid"], signal.SIGSTOP)
    runs = shim.folder / "runs"
    for run in (2, 3):
        (case.root / "gate").write_text("go on\n")  # waits for its reader
        await_that(f"run {run} is over", (runs / f"run_{run}.log").exists)
    same("in the log", [run["run"] for run in Log(case.log(1).read_bytes()).runs], [1])
    return shim, runs


def check_recovered(case: Case, shim):
    log = Log(case.log(1).read_bytes())
    same("runs", sorted((run["run"], run["status"], run["kept"], run["output"]) for run in log.runs),
         [(run, run, "failed", b"%d" % run * 300000) for run in (1, 2, 3)])
    true("durations are told", all(run["us"] > 0 for run in log.runs))
    same("size that is told", json.loads((shim.folder / "exit.json").read_text())["log_bytes"], case.log(1).stat().st_size)
    true("the folder of the runs is gone", not (shim.folder / "runs").exists())
    same("processes left", alive(), [])


def runs_that_a_killed_loop_has_not_appended_are_recovered(case: Case):
    shim, _ = stopped_loop(case)
    os.kill(shim.ready["run_pid"], signal.SIGKILL)
    same("end", shim.wait()["term_signal"], signal.SIGKILL)
    check_recovered(case, shim)


def they_are_recovered_too_when_the_shim_was_killed_with_its_loop(case: Case):
    shim, _ = stopped_loop(case)
    shim.process.kill()
    shim.process.wait()
    same("reap", call("reap", "", str(shim.folder)).returncode, 0)
    check_recovered(case, shim)


def a_frame_is_ended_in_whose_midst_the_loop_died(case: Case):
    shim, runs = stopped_loop(case)
    shim.process.kill()
    shim.process.wait()
    output = (runs / "run_2.log").read_bytes()
    head = {"run": 2, "copy": 0, "seed": 1, "kept": "failed", "status": 2, "signal": None, "stood_still": False, "us": 1,
            "leftovers": 0, "bytes": len(output)}
    with case.log(1).open("ab") as log:
        log.write(b"#ndrepro run " + json.dumps(head).encode() + b"\n" + output[:100001])
    same("reap", call("reap", "", str(shim.folder)).returncode, 0)
    check_recovered(case, shim)


if __name__ == "__main__":
    main([
        runs_that_a_killed_loop_has_not_appended_are_recovered,
        they_are_recovered_too_when_the_shim_was_killed_with_its_loop,
        a_frame_is_ended_in_whose_midst_the_loop_died,
    ])
