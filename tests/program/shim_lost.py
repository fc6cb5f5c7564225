#!/usr/bin/python3
"""A shim that is killed: the run goes on alone, and `reap` ends it, without touching anybody else."""
import json
import os
import subprocess

from shim_driver import (Case, TIME_LIMIT, TOKEN, alive, await_end, await_text, await_that, call, cgroup_of, is_locked, main,
                         same, stat_of, true)

# The leader ignores the polite signals and has a child, an orphan with a session of its own that keeps the log, and
# one in its session that closed it.
SCRIPT = "trap '' INT TERM; sleep 60 & (setsid sleep 61 &); (sleep 62 >/dev/null 2>&1 </dev/null &); echo up; " \
         "while :; do sleep 60; done"


def lose_shim(case: Case, number: int, script: str, **changes):
    shim = case.shell(number, script, **changes)
    await_text(case.log(number), "up")
    shim.process.kill()
    shim.process.wait(TIME_LIMIT)
    true("the lock is free", not is_locked(shim.folder))
    true("there is no exit.json", not (shim.folder / "exit.json").exists())
    return shim


def exit_of(folder) -> dict:
    return json.loads((folder / "exit.json").read_text())


def check_reaped(case: Case, shim, killed: int):
    result = call("reap", "", str(shim.folder))
    same("reap", (result.returncode, result.stdout, result.stderr), (0, b"", b""))
    same("survivors", alive(), [])
    end = exit_of(shim.folder)
    same("end", (end["cause"], end["error"], end["exit_code"]), ("stopped", "shim lost", None))
    same("counts", (end["killed"], end["unkillable"]), (killed, 0))
    same("log_bytes", end["log_bytes"], case.log(1).stat().st_size)
    same("files", sorted(os.listdir(shim.folder)), ["exit.json", "shim.lock", "spec.json"])
    true("the cgroup is gone", not cgroup_of(shim.folder) or not os.path.exists(cgroup_of(shim.folder)))


def the_run_goes_on_without_its_shim_until_it_is_reaped(case: Case):
    shim = lose_shim(case, 1, SCRIPT)
    await_that("all processes are there", lambda: len(alive()) == 5)
    check_reaped(case, shim, 5)


def a_run_without_a_cgroup_is_reaped_too(case: Case):
    shim = lose_shim(case, 1, SCRIPT, options=["--no-cgroup"])
    await_that("all processes are there", lambda: len(alive()) == 5)
    check_reaped(case, shim, 5)


def orphans_of_a_dead_leader_are_found_by_the_log(case: Case):
    shim = lose_shim(case, 1, "(setsid sleep 61 &); sleep 60 & echo up; exec sleep 63", options=["--no-cgroup"])
    leader = os.pidfd_open(shim.ready["run_pid"])
    os.kill(shim.ready["run_pid"], 9)
    await_end(leader)
    await_that("both orphans are there", lambda: len(alive()) == 2)  # a program that begins has no environment for a moment
    check_reaped(case, shim, 2)


def others_are_left_alone(case: Case):
    shim = lose_shim(case, 1, "echo up; exec sleep 60", options=["--no-cgroup"])
    environment = {"PATH": "/usr/bin:/bin", "TEST_TOKEN": TOKEN}
    with open(case.log(1), "rb") as reading:
        reader = subprocess.Popen(["sleep", "60"], stdin=reading, env=environment)
    bystander = subprocess.Popen(["sleep", "60"], env=environment, start_new_session=True)
    # A record whose run began in another tick of the clock: the pid was given to the bystander since.
    record = (shim.folder / "shim.lock").read_text().splitlines()
    words = record[2].split()
    earlier = int(stat_of(bystander.pid)[19]) - 1
    (shim.folder / "shim.lock").write_text("\n".join([*record[:2], f"run {words[1]} {bystander.pid} {earlier}", ""]))
    same("status", call("reap", "", str(shim.folder)).returncode, 0)
    same("bystanders", sorted(alive()), sorted([reader.pid, bystander.pid]))
    for process in (reader, bystander):
        process.kill()
        process.wait()


def nothing_is_killed_after_a_reboot(case: Case):
    shim = lose_shim(case, 1, "echo up; exec sleep 60", options=["--no-cgroup"])
    lock = shim.folder / "shim.lock"
    boot = lock.read_text().split()[0]
    lock.write_text(lock.read_text().replace(boot, "0" * 8 + boot[8:]))
    same("status", call("reap", "", str(shim.folder)).returncode, 0)
    same("killed", exit_of(shim.folder)["killed"], 0)
    same("alive", alive(), [shim.ready["run_pid"]])


def a_spoiled_record_still_gives_away_the_writers_of_the_log(case: Case):
    shim = lose_shim(case, 1, "echo up; exec sleep 60")
    cgroup = cgroup_of(shim.folder)
    (shim.folder / "shim.lock").write_bytes(b"\xff\0nonsense")
    same("status", call("reap", "", str(shim.folder)).returncode, 0)
    same("survivors", alive(), [])
    if cgroup:
        os.rmdir(cgroup)


def a_run_that_took_the_lock_is_reaped(case: Case):
    shim = case.shell(1, "echo up; exec flock .ndrepro/attempts/1/shim.lock sleep 60")
    await_text(case.log(1), "up")
    shim.process.kill()
    shim.process.wait(TIME_LIMIT)
    await_that("the run has the lock", lambda: len(alive()) == 2 and is_locked(shim.folder))
    check_reaped(case, shim, 2)


def a_live_shim_whose_record_is_spoiled_is_reaped_with_its_run(case: Case):
    shim = case.shell(1, "echo up; exec sleep 60")
    await_text(case.log(1), "up")
    cgroup = cgroup_of(shim.folder)
    (shim.folder / "shim.lock").write_bytes(b"nonsense")
    same("status", call("reap", "", str(shim.folder)).returncode, 0)
    same("survivors", alive(), [])
    shim.process.wait(TIME_LIMIT)
    same("cause", exit_of(shim.folder)["cause"], "stopped")
    if cgroup and os.path.exists(cgroup):
        os.rmdir(cgroup)


def a_live_shim_is_not_reaped(case: Case):
    shim = case.shell(1, "echo up; sleep 60")
    await_text(case.log(1), "up")
    result = call("reap", "", str(shim.folder))
    same("status", result.returncode, 2)
    true("it says so", b"is held by a live shim" in result.stderr)
    true("it lives", shim.process.poll() is None)
    shim.stop(2000, 2000)
    before = shim.wait()
    same("status after its end", call("reap", "", str(shim.folder)).returncode, 0)
    same("exit.json", exit_of(shim.folder), before)


def a_reaped_folder_cannot_be_taken_any_more(case: Case):
    same("status", call("reap", "", str(case.attempt(1))).returncode, 0)
    same("end", exit_of(case.attempt(1))["error"], "shim lost")
    late = case.start(1, ["/bin/echo", "late"])
    same("late shim", (late.process.wait(TIME_LIMIT), late.ready["state"]), (2, "failed"))
    true("it did nothing", not case.log(1).exists())


if __name__ == "__main__":
    main([
        the_run_goes_on_without_its_shim_until_it_is_reaped,
        a_run_without_a_cgroup_is_reaped_too,
        orphans_of_a_dead_leader_are_found_by_the_log,
        others_are_left_alone,
        nothing_is_killed_after_a_reboot,
        a_spoiled_record_still_gives_away_the_writers_of_the_log,
        a_run_that_took_the_lock_is_reaped,
        a_live_shim_whose_record_is_spoiled_is_reaped_with_its_run,
        a_live_shim_is_not_reaped,
        a_reaped_folder_cannot_be_taken_any_more,
    ])
