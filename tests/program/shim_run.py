#!/usr/bin/python3
"""What a run gets from the shim, and what is said of its end."""
import json
import os
import pathlib
import signal
import subprocess
import time

from shim_driver import Case, SHIM, await_end, await_text, call, cgroup_of, is_alive, is_locked, main, same, stat_of, true


def exit_codes_and_signals_are_told_as_they_were(case: Case):
    number = 0
    for code in (0, 1, 7, 127, 255):
        number += 1
        end = case.shell(number, f"exit {code}").wait()
        same("cause", end["cause"], "exited")
        same("exit code", (end["exit_code"], end["term_signal"]), (code, None))
    for name in ("TERM", "KILL", "SEGV", "INT"):
        number += 1
        end = case.shell(number, f"ulimit -c 0; kill -{name} $$").wait()
        same("cause", end["cause"], "exited")
        same("signal", (end["exit_code"], end["term_signal"]), (None, getattr(signal, "SIG" + name)))


def output_is_byte_exact_and_in_order(case: Case):
    script = r"""for n in $(seq 500); do printf 'out %d\n' $n; printf 'err %d\n' $n >&2; done; printf '\0\xff\r\x1b[0m no newline'"""
    end = case.shell(1, script).wait()
    wanted = b"".join(b"out %d\nerr %d\n" % (n, n) for n in range(1, 501)) + b"\0\xff\r\x1b[0m no newline"
    same("log", case.log(1).read_bytes(), wanted)
    same("log_bytes", end["log_bytes"], len(wanted))
    same("mode", case.log(1).stat().st_mode & 0o777, 0o640)


def the_command_gets_exactly_its_arguments_environment_and_folder(case: Case):
    (case.root / "a b").mkdir()
    arguments = ["", "a b", "'\"$(id)`\\", "new\nline", "ü", "--", "-x"]
    environment = ["B=2", "A=1", "EMPTY=", "PATH=/usr/bin:/bin", "Q=a=b 'c'\n"]
    program = "import json,os,sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"
    case.run(1, ["/usr/bin/python3", "-S", "-c", program, *arguments], environment=environment,
             working_folder=str(case.root / "a b"))
    got = json.loads(case.log(1).read_text())
    same("arguments", got[0], arguments)
    got[1].pop("LC_CTYPE", None)  # python's own addition in the C locale
    same("environment", got[1], dict(entry.split("=", 1) for entry in environment))
    same("folder", got[2], str(case.root / "a b"))


def the_command_inherits_no_descriptor_no_signal_setting_and_no_group(case: Case):
    # The shim's parent is hostile: signals ignored and blocked, descriptors open.
    hostile = ["/usr/bin/python3", "-c", """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR2])
for number in (5, 9, 77): os.dup2(1, number, inheritable=True)
os.execv(sys.argv[1], sys.argv[1:])"""]
    script = "ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> .*/\\1/p' | tr '\\n' ' '; echo; " \
             "cat /proc/self/status | sed -n '/^Sig[BIC]/p'; cat /proc/$$/stat; readlink /proc/$$/fd/0"
    shim = case.start(1, ["/bin/sh", "-c", script], prefix=hostile)
    shim.wait()
    lines = case.log(1).read_text().splitlines()
    same("descriptors of ls", lines[0].split(), ["0", "1", "2", "3"])  # 3 is its own, of /proc/self/fd
    for line in lines[1:4]:
        same(line, int(line.split()[1], 16), 0)
    fields = lines[4].rpartition(")")[2].split()
    same("group", int(fields[2]), shim.ready["run_pid"])
    same("session", int(fields[3]), shim.ready["pid"])
    same("stdin", lines[5], "/dev/null")


def readiness_names_the_shim_and_the_run(case: Case):
    shim = case.shell(1, "echo up; read line </dev/tcp/none || sleep 60")
    same("state", shim.ready["state"], "running")
    same("pid", shim.ready["pid"], shim.process.pid)
    lines = (shim.folder / "shim.lock").read_text().splitlines()
    same("identity", lines[0], shim.ready["identity"])
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    start = stat_of(shim.process.pid)[19]
    same("identity", shim.ready["identity"], f"{boot} {shim.process.pid} {start}")
    same("run", lines[2], f"run {boot} {shim.ready['run_pid']} {stat_of(shim.ready['run_pid'])[19]}")
    true("the lock is held", is_locked(shim.folder))
    same("control", (shim.folder / "control").stat().st_mode, 0o010600)
    shim.stop(2000, 2000)
    same("cause", shim.wait()["cause"], "stopped")
    true("the lock is free", not is_locked(shim.folder))


def the_folder_is_left_with_what_matters_only(case: Case):
    before = int(time.time() * 1000)
    shim = case.shell(1, "true")
    end = shim.wait()
    same("files", sorted(os.listdir(shim.folder)), ["exit.json", "shim.lock", "spec.json"])
    same("shim's status", shim.process.returncode, 0)
    same("shim's words", (shim.process.stdout.read(), shim.errors), (b"", ""))
    true("started_at_ms is a wall clock", before - 1 <= end["started_at_ms"] <= int(time.time() * 1000))
    cgroup = cgroup_of(shim.folder)
    true("its cgroup is gone", not cgroup or not os.path.exists(cgroup))


def a_spec_in_the_folder_does_as_well(case: Case):
    folder = case.attempt(1)
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(json.dumps(case.spec(1, ["/bin/echo", "hello"])))
    same("status", call("run", "", str(folder)).returncode, 0)
    same("log", case.log(1).read_text(), "hello\n")


def its_memory_is_small(case: Case):
    shim = case.shell(1, "echo up; sleep 60")
    await_text(case.log(1), "up")
    status = pathlib.Path(f"/proc/{shim.process.pid}/status").read_text()
    peak_kib = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    shim.stop(2000, 2000)
    shim.wait()
    static = b"ld-linux" not in SHIM.read_bytes()[:4096]
    true(f"peak of {peak_kib} KiB is at most 2 MiB", not static or peak_kib <= 2048)


def a_shim_whose_starter_is_killed_carries_on(case: Case):
    folder = case.attempt(1)
    folder.mkdir(parents=True)
    gate = case.root / "gate"
    os.mkfifo(gate)
    spec = case.spec(1, ["/bin/bash", "-c", f"echo one; read word <{gate}; echo $word; exit 5"])
    (folder / "spec.json").write_text(json.dumps(spec))
    code = "import os,subprocess,sys; p = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL); " \
           "print(p.pid, flush=True); os.read(0, 1)"
    starter = subprocess.Popen(["/usr/bin/python3", "-c", code, str(SHIM), "run", str(folder)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid = int(starter.stdout.readline())
    await_text(case.log(1), "one")
    starter.kill()
    starter.wait()
    true("the shim lives", is_alive(pid) and is_locked(folder))
    handle = os.pidfd_open(pid)
    with open(gate, "w", encoding="utf-8") as pipe:
        pipe.write("two\n")
    await_end(handle)
    same("exit code", json.loads((folder / "exit.json").read_text())["exit_code"], 5)
    same("log", case.log(1).read_text(), "one\ntwo\n")


if __name__ == "__main__":
    main([
        exit_codes_and_signals_are_told_as_they_were,
        output_is_byte_exact_and_in_order,
        the_command_gets_exactly_its_arguments_environment_and_folder,
        the_command_inherits_no_descriptor_no_signal_setting_and_no_group,
        readiness_names_the_shim_and_the_run,
        the_folder_is_left_with_what_matters_only,
        a_spec_in_the_folder_does_as_well,
        its_memory_is_small,
        a_shim_whose_starter_is_killed_carries_on,
    ])
