#!/usr/bin/python3
"""How runs are stopped: what survives a stop is nothing, in the ladder's times."""
import os
import pathlib
import shutil
import signal
import time

from shim_driver import Case, SHIM, SLACK_MS, alive, await_end, await_text, cgroup_of, main, same, true

# A leader and 20 more, all of which ignore SIGINT and SIGTERM: 10 children in the run's group, 10 that forked twice
# and began sessions of their own; each tells its pid and then waits for ever.
STUBBORN = r"""
import os, signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
def stay():
    os.write(1, b"up %d\n" % os.getpid())
    while True: signal.pause()
for n in range(20):
    if os.fork() == 0:
        if n % 2:
            os.setsid()
            if os.fork() != 0: os._exit(0)
        stay()
for n in range(10): os.wait()
os.write(1, b"all up\n")
stay()
"""


def start_stubborn(case: Case, number: int, **changes):
    shim = case.start(number, ["/usr/bin/python3", "-S", "-c", STUBBORN], **changes)
    await_text(case.log(number), "all up")
    await_text(case.log(number), "up ", 20)
    return shim


def check_all_gone(case: Case, shim, cause: str, ladder_ms: int):
    end = shim.wait()
    same("survivors", alive(), [])
    same("cause", end["cause"], cause)
    same("signal", (end["exit_code"], end["term_signal"]), (None, signal.SIGKILL))
    same("killed, unkillable", (end["killed"], end["unkillable"]), (21, 0))
    true(f"{end['stop_ms']} ms is within the ladder", ladder_ms <= end["stop_ms"] <= ladder_ms + SLACK_MS)
    true("the cgroup is gone", not cgroup_of(shim.folder) or not os.path.exists(cgroup_of(shim.folder)))


def nothing_survives_a_stop(case: Case):
    shim = start_stubborn(case, 1)
    same("processes", len(alive()), 21)
    shim.stop(300, 300)
    check_all_gone(case, shim, "stopped", 600)


def nothing_survives_a_stop_without_a_cgroup(case: Case):
    shim = start_stubborn(case, 1, options=["--no-cgroup"])
    same("cgroup", cgroup_of(shim.folder), "")
    shim.stop(300, 300)
    check_all_gone(case, shim, "stopped", 600)


def nothing_survives_a_stop_by_an_ordinary_account(case: Case):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        print("skipped: needs root to become somebody else")
        return
    shim_copy = case.root / SHIM.name  # the build folder may be closed to that account
    shutil.copy(SHIM, shim_copy)
    for path in (case.root, case.root / "logs"):
        os.chown(path, 65534, 65534)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    shim = start_stubborn(case, 1, prefix=nobody, program=shim_copy)
    same("account", pathlib.Path(f"/proc/{shim.ready['run_pid']}").stat().st_uid, 65534)
    shim.stop(300, 300)
    check_all_gone(case, shim, "stopped", 600)


def nothing_survives_a_deadline(case: Case):
    began = time.monotonic()
    shim = start_stubborn(case, 1, deadline_ms=1500, ladder={"interrupt_ms": 200, "terminate_ms": 100})
    check_all_gone(case, shim, "deadline", 300)
    took_ms = (time.monotonic() - began) * 1000
    true(f"{took_ms:.0f} ms is the deadline and the ladder", 1800 <= took_ms <= 1800 + SLACK_MS + 500)


def a_run_that_obeys_ends_the_stop_at_once(case: Case):
    shim = case.shell(1, "trap 'kill %1; echo interrupted; exit 3' INT; sleep 60 & echo up; wait")
    await_text(case.log(1), "up")
    shim.stop(10000, 10000)
    end = shim.wait()
    same("end", (end["cause"], end["exit_code"], end["killed"]), ("stopped", 3, 0))
    same("log", case.log(1).read_text(), "up\ninterrupted\n")
    true(f"{end['stop_ms']} ms is at once", 0 < end["stop_ms"] < SLACK_MS)


def the_size_of_the_log_at_the_stop_is_told(case: Case):
    shim = case.shell(1, "trap 'kill %1; echo interrupted; exit 3' INT; sleep 60 & echo up; wait")
    await_text(case.log(1), "up")
    shim.stop(10000, 10000)
    same("size", shim.wait()["stop_log_bytes"], len("up\n"))
    same("size without a stop", case.shell(2, "echo fine").wait()["stop_log_bytes"], None)


def the_whole_group_is_interrupted_once(case: Case):
    counter = r"""
import os, signal, sys
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
signal.signal(signal.SIGTERM, lambda *_: os._exit(print(sys.argv[1], len(seen), flush=True) or 0))
print("up", sys.argv[1], flush=True)
while True: signal.pause()
"""
    (case.root / "count.py").write_text(counter)
    shim = case.shell(1, "trap '' INT; trap : TERM; for n in a b; do /usr/bin/python3 -S count.py $n & done; "
                         "while [ -n \"$(jobs -rp)\" ]; do wait; done; exit 0")
    await_text(case.log(1), "up a")
    await_text(case.log(1), "up b")
    shim.stop(300, 5000)
    same("cause", shim.wait()["cause"], "stopped")
    same("log", sorted(case.log(1).read_text().splitlines()), ["a 1", "b 1", "up a", "up b"])


def steps_of_no_length_are_passed_over(case: Case):
    shim = case.shell(1, "trap 'echo interrupted' INT; trap 'echo terminated; exit 4' TERM; echo up; "
                         "while :; do sleep 60 & wait $!; done")
    await_text(case.log(1), "up")
    shim.stop(0, 5000)
    same("exit code", shim.wait()["exit_code"], 4)
    same("log", case.log(1).read_text(), "up\nterminated\n")


def a_later_request_can_only_shorten_a_stop(case: Case):
    shim = start_stubborn(case, 1)
    shim.stop(60000, 60000)
    shim.stop(90000, 90000)
    shim.control("stop now\nstop -1 0\nnonsense\n" + "x" * 3000 + "\n")
    shim.control("stop 200")
    shim.control(" 100\n")
    check_all_gone(case, shim, "stopped", 300)


def a_signal_to_the_shim_stops_the_run(case: Case):
    shim = case.shell(1, "echo up; exec sleep 60")
    await_text(case.log(1), "up")
    os.kill(shim.ready["pid"], signal.SIGTERM)
    end = shim.wait()
    same("end", (end["cause"], end["term_signal"]), ("stopped", signal.SIGINT))


def a_terminal_that_hangs_up_means_nothing(case: Case):
    gate = case.root / "gate"
    os.mkfifo(gate)
    shim = case.shell(1, f"echo up; read word <{gate}")
    await_text(case.log(1), "up")
    os.kill(shim.ready["pid"], signal.SIGHUP)
    gate.write_text("x\n")
    same("end", shim.wait()["cause"], "exited")


def a_reset_is_not_stopped_before_its_deadline(case: Case):
    gate = case.root / "gate"
    os.mkfifo(gate)
    shim = case.shell(1, f"echo up; read word <{gate}; echo $word", mode="reset")
    output = shim.folder / "output.log"
    await_text(output, "up")
    shim.stop(0, 0)
    os.kill(shim.ready["pid"], signal.SIGTERM)
    os.kill(shim.ready["pid"], signal.SIGINT)
    gate.write_text("done\n")
    end = shim.wait()
    same("end", (end["cause"], end["exit_code"]), ("exited", 0))
    same("output", output.read_text(), "up\ndone\n")
    late = case.shell(2, "echo up; exec sleep 60", mode="reset", deadline_ms=300)
    end = late.wait()
    same("end", (end["cause"], end["term_signal"]), ("deadline", signal.SIGINT))


def what_no_signal_reaches_does_not_hold_up_a_long_stop(case: Case):
    shim = case.shell(1, "trap 'kill %1; exit 5' INT; sleep 60 & (setsid bash -c 'echo away; exec sleep 61' &); "
                         "echo up; wait")
    await_text(case.log(1), "up")
    await_text(case.log(1), "away")
    shim.stop(10000, 10000)
    end = shim.wait()
    same("end", (end["cause"], end["exit_code"], end["killed"]), ("stopped", 5, 1))
    true(f"{end['stop_ms']} ms is the grace", 2000 <= end["stop_ms"] <= 2000 + SLACK_MS)
    same("survivors", alive(), [])


def a_test_below_timeout_is_told_to_stop(case: Case):
    # timeout(1) begins a group of its own.
    test = case.root / "told.py"
    test.write_text("""
import os, signal
def told(number, _):
    os.write(1, b"told %d\\n" % number)
    os._exit(7)
signal.signal(signal.SIGINT, told)
print("up", flush=True)
while True: signal.pause()
""")
    shim = case.shell(1, f"timeout 60 /usr/bin/python3 -S {test}; exit $?")
    await_text(case.log(1), "up")
    shim.stop(10000, 10000)
    end = shim.wait()
    same("end", (end["cause"], end["exit_code"], end["killed"]), ("stopped", 7, 0))
    same("log", case.log(1).read_text(), f"up\ntold {signal.SIGINT.value}\n")
    true(f"{end['stop_ms']} ms is at once", end["stop_ms"] < SLACK_MS)


def a_group_of_its_own_may_end_a_stop_in_its_time(case: Case):
    gate = case.root / "gate"
    os.mkfifo(gate)
    # Job control gives the job a group; it goes on after the command, told to stop or not.
    shim = case.shell(1, f"trap 'exit 5' INT; set -m; (trap 'read word <{gate}; echo $word; exit 0' INT; echo job; "
                         "while :; do sleep 0.05; done) & echo up; while :; do sleep 0.05; done")
    await_text(case.log(1), "up")
    await_text(case.log(1), "job")
    leader = os.pidfd_open(shim.ready["run_pid"])
    shim.stop(20000, 20000)
    await_end(leader)
    time.sleep(2.2)  # longer than what does not hear is left alive
    fd = os.open(gate, os.O_RDWR)  # also when the job is gone
    os.write(fd, b"bye\n")
    end = shim.wait()
    os.close(fd)
    same("end", (end["cause"], end["exit_code"], end["killed"]), ("stopped", 5, 0))
    true("the job ended in order", case.log(1).read_text().endswith("bye\n"))


def a_command_that_left_its_group_is_still_told_to_stop(case: Case):
    # A group leader cannot begin a session, but it can join a child's group.
    program = r"""
import os, signal
child = os.fork()
if child == 0:
    os.setpgid(0, 0); signal.pause()
while os.getpgid(child) != child: pass
os.setpgid(0, child)
print("moved", flush=True)
signal.pause()
"""
    shim = case.start(1, ["/usr/bin/python3", "-S", "-c", program])
    await_text(case.log(1), "moved")
    leader = os.pidfd_open(shim.ready["run_pid"])
    shim.stop(300, 300)
    await_end(leader)
    same("signal", shim.wait()["term_signal"], signal.SIGINT)
    same("survivors", alive(), [])


if __name__ == "__main__":
    main([
        nothing_survives_a_stop,
        nothing_survives_a_stop_without_a_cgroup,
        nothing_survives_a_stop_by_an_ordinary_account,
        nothing_survives_a_deadline,
        a_run_that_obeys_ends_the_stop_at_once,
        the_size_of_the_log_at_the_stop_is_told,
        the_whole_group_is_interrupted_once,
        steps_of_no_length_are_passed_over,
        a_later_request_can_only_shorten_a_stop,
        a_signal_to_the_shim_stops_the_run,
        a_terminal_that_hangs_up_means_nothing,
        a_reset_is_not_stopped_before_its_deadline,
        what_no_signal_reaches_does_not_hold_up_a_long_stop,
        a_test_below_timeout_is_told_to_stop,
        a_group_of_its_own_may_end_a_stop_in_its_time,
        a_command_that_left_its_group_is_still_told_to_stop,
    ])
