#!/usr/bin/python3
"""What a command leaves behind when it ends by itself."""
import os
import time

from shim_driver import Case, SLACK_MS, alive, await_idle, await_text, main, same, true

GRACE_MS = 2000
# A leftover that says when the shim has taken note of the command's end: until then its pid is taken.
ALONE = "while kill -0 $$ 2>/dev/null; do :; done; echo alone"


def took_ms(case: Case, number: int, script: str, **changes) -> tuple[dict, float]:
    began = time.monotonic()
    end = case.shell(number, script, **changes).wait()
    return end, (time.monotonic() - began) * 1000


def nothing_left_ends_the_shim_at_once(case: Case):
    end, took = took_ms(case, 1, "(exit 0) & wait; exit 3")
    same("end", (end["cause"], end["exit_code"], end["leftovers"], end["killed"]), ("exited", 3, 0, 0))
    true(f"{took:.0f} ms is at once", took < SLACK_MS)


def leftovers_have_a_grace_and_are_killed(case: Case, options=()):
    script = "for n in 1 2; do sleep 60 & done; setsid sleep 60 & (setsid sleep 60 &); trap '' TERM; exit 4"
    end, took = took_ms(case, 1, script, options=options)
    same("end", (end["cause"], end["exit_code"], end["term_signal"]), ("exited", 4, None))
    same("counts", (end["leftovers"], end["killed"], end["unkillable"], end["stop_ms"]), (4, 4, 0, 0))
    true(f"duration {end['duration_ms']} ms is the command's", end["duration_ms"] < SLACK_MS)
    true(f"{took:.0f} ms holds the grace", GRACE_MS <= took <= GRACE_MS + SLACK_MS)
    same("survivors", alive(), [])


def leftovers_are_found_without_a_cgroup(case: Case):
    leftovers_have_a_grace_and_are_killed(case, options=["--no-cgroup"])


def leftovers_that_end_in_their_grace_end_the_wait(case: Case):
    gate = case.root / "gate"
    os.mkfifo(gate)
    shim = case.shell(1, f"({ALONE}; read word <{gate}; echo $word) & exit 0")
    await_text(case.log(1), "alone")
    await_idle(shim.ready["pid"])
    gate.write_text("bye\n")
    end = shim.wait()
    same("counts", (end["leftovers"], end["killed"]), (1, 0))
    same("log", case.log(1).read_text(), "alone\nbye\n")


def a_stop_cuts_the_grace_short(case: Case):
    shim = case.shell(1, f"({ALONE}; exec sleep 60) & exit 0")
    await_text(case.log(1), "alone")
    began = time.monotonic()
    shim.stop(60000, 60000)
    end = shim.wait()
    same("end", (end["cause"], end["exit_code"], end["killed"]), ("exited", 0, 1))
    true("the grace was cut short", (time.monotonic() - began) * 1000 < SLACK_MS)


def a_zombie_is_no_leftover(case: Case):
    # The middle process does not reap its child and ends with the command.
    program = r"""
import os, signal
if os.fork() == 0:
    if os.fork() == 0: os._exit(0)
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    os.write(1, b"zombie\n"); signal.pause()
signal.pause()
"""
    shim = case.start(1, ["/usr/bin/python3", "-S", "-c", program])
    await_text(case.log(1), "zombie")
    shim.stop(0, 0)
    same("killed", shim.wait()["killed"], 2)


if __name__ == "__main__":
    main([
        nothing_left_ends_the_shim_at_once,
        leftovers_have_a_grace_and_are_killed,
        leftovers_are_found_without_a_cgroup,
        leftovers_that_end_in_their_grace_end_the_wait,
        a_stop_cuts_the_grace_short,
        a_zombie_is_no_leftover,
    ])
