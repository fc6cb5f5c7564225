#!/usr/bin/python3
"""Logs that grow without end, and disks that are full."""
import os
import subprocess
import sys
import tempfile

from shim_driver import Case, main, same, true

MIB = 1 << 20
# Numbered lines of 80 bytes; 32 MiB of them.
FLOOD = "import sys\nfor n in range(%d): sys.stdout.write('%%079d\\n' %% n)"


def flood(case: Case, number: int, lines: int, **changes) -> dict:
    return case.run(number, ["/usr/bin/python3", "-S", "-c", FLOOD % lines], **changes)


def a_log_within_its_limit_is_whole(case: Case):
    end = flood(case, 1, 1000, log_limit_bytes=80000)
    same("log", case.log(1).read_text(), "".join(f"{n:079d}\n" for n in range(1000)))
    same("end", (end["cause"], end["log_bytes"]), ("exited", 80000))


def a_log_above_its_limit_loses_its_middle_only(case: Case):
    lines = 32 * MIB // 80
    # Two bursts, so that the second one meets a log with a hole already.
    program = FLOOD % lines + "\nsys.stdout.flush(); import time; time.sleep(0.6)\n" + \
        f"for n in range({lines}, {2 * lines}): sys.stdout.write('%079d\\n' % n)"
    end = case.run(1, ["/usr/bin/python3", "-S", "-c", program], log_limit_bytes=4 * MIB)
    same("end", (end["cause"], end["exit_code"], end["error"]), ("exited", 0, ""))
    same("size", (case.log(1).stat().st_size, end["log_bytes"]), (2 * lines * 80, 2 * lines * 80))
    true("blocks are within the limit", case.log(1).stat().st_blocks * 512 <= 4 * MIB)
    with open(case.log(1), "rb") as log:
        head = log.read(MIB // 80 * 80)
        log.seek(-(MIB // 80 * 80), os.SEEK_END)
        tail = log.read()
    same("head", head, b"".join(b"%079d\n" % n for n in range(MIB // 80)))
    same("tail", tail, b"".join(b"%079d\n" % n for n in range(2 * lines - MIB // 80, 2 * lines)))


def in_private_mount(kind: str, options: str, test: str) -> bool:
    """Runs one test of this file again, its cases on a file system of their own; False where that is not allowed."""
    folder = tempfile.mkdtemp(prefix="ndrepro-mount-")  # not /tmp itself: the checkout may lie there
    script = f'mount -t {kind} -o {options} none "{folder}" && TMPDIR="{folder}" exec "$0" "$1" {test}'
    words = ["unshare", "--mount", "--map-root-user", "/bin/sh", "-c"]
    try:
        if subprocess.run([*words, f'mount -t {kind} none "{folder}"'], capture_output=True, check=False).returncode != 0:
            return False
        same(f"{test} on {kind}", subprocess.run([*words, script, sys.executable, __file__], check=False).returncode, 0)
        return True
    finally:
        os.rmdir(folder)


def where_no_holes_can_be_made_the_run_is_stopped(_: Case):
    if not in_private_mount("ramfs", "mode=777", "stopped_at_limit"):
        print("skipped: no private mounts here")


def stopped_at_limit(case: Case):
    end = flood(case, 1, 10**9, log_limit_bytes=MIB, ladder={"interrupt_ms": 100, "terminate_ms": 100})
    same("end", (end["cause"], end["unkillable"]), ("log_limit", 0))
    true("the log is longer than its limit", end["log_bytes"] > MIB)
    same("error", end["error"], "the log ended above its limit")


def a_full_disk_does_not_lose_the_end_of_a_run(_: Case):
    if not in_private_mount("tmpfs", "size=4m,mode=777", "ends_on_full_disk"):
        print("skipped: no private mounts here")


def ends_on_full_disk(case: Case):
    end = case.run(1, ["/bin/sh", "-c", "cat /dev/zero; exit 6"])
    same("end", (end["cause"], end["exit_code"]), ("exited", 6))
    true("the log took what there was", end["log_bytes"] > 3 * MIB)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main([{"stopped_at_limit": stopped_at_limit, "ends_on_full_disk": ends_on_full_disk}[sys.argv[1]]])
    main([
        a_log_within_its_limit_is_whole,
        a_log_above_its_limit_loses_its_middle_only,
        where_no_holes_can_be_made_the_run_is_stopped,
        a_full_disk_does_not_lose_the_end_of_a_run,
    ])
