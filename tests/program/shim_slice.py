#!/usr/bin/python3
"""Slices: many short runs in one attempt, looped by the shim."""
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from shim_driver import Case, SLACK_MS, alive, await_end, await_text, await_that, is_alive, main, same, true

MIB = 1 << 20
FRAME = re.compile(rb"#ndrepro run (\{.*\})\n")
SUM = b"#ndrepro slice "


def sliced(**changes) -> dict:
    return {"copies": 2, "duration_ms": 300, "runs": 0, "run_limit_ms": 1000, "own_folders": True, "shared_copies": 0,
            "most_kept": 100, "noise_library": "", "hold_program": "", **changes}


class Log:
    """The frames and progress lines of a slice's log; a frame's own bytes are not looked into."""

    def __init__(self, content: bytes):
        self.runs, self.progress, self.other = [], [], []
        at = 0
        while at < len(content):
            end = content.find(b"\n", at) + 1 or len(content)
            line = content[at:end]
            at = end
            if head := FRAME.fullmatch(line):
                run = json.loads(head[1])
                run["output"] = content[at : at + run["bytes"]]
                tail = b"\n#ndrepro end %d\n" % run["run"]
                at += run["bytes"]
                same("end of the frame", content[at : at + len(tail)], tail)
                at += len(tail)
                self.runs.append(run)
            elif line.startswith(SUM):
                self.progress.append(json.loads(line[len(SUM) :]))
            else:
                self.other.append(line)
        self.sum = self.progress[-1] if self.progress and self.progress[-1].get("over") else None

    def kept(self, why: str) -> list[dict]:
        return [run for run in self.runs if run["kept"] == why]


def start(case: Case, script: str, number: int = 1, **changes):
    slice_changes = changes.pop("slice", {})
    changes.setdefault("arm", "copies")
    return case.shell(number, script, slice=sliced(**slice_changes), **changes)


def perform(case: Case, script: str, number: int = 1, **changes) -> Log:
    shim = start(case, script, number, **changes)
    end = shim.wait()
    same("end", (end["cause"], end["exit_code"]), ("exited", 0))
    log = Log(case.log(number).read_bytes())
    same("lines of nobody", log.other, [])
    true("there is a sum", log.sum)
    true("the folder of the runs is gone", not (shim.folder / "runs").exists())
    same("processes left", alive(), [])
    return log


def told(case: Case, name: str) -> list[list[str]]:
    """The words that runs have appended to a file of the case."""
    file = case.root / name
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def copies_run_at_the_same_time_and_each_run_has_a_fresh_folder(case: Case):
    script = f"""ls -A | grep -q . && exit 3
[ "$PWD" = "$TMPDIR" ] || exit 4
echo "begin $NDREPRO_RUN $NDREPRO_SEED $PWD $PPID" >>{case.root}/told
echo x >file; mkdir -p deep/folder; echo y >deep/folder/file
sleep 0.05; echo "end $NDREPRO_RUN" >>{case.root}/told"""
    log = perform(case, script, slice={"copies": 4, "runs": 12, "duration_ms": 60000})
    same("sum", (log.sum["runs"], log.sum["passed"], log.sum["kept"], log.sum["cut"]), (12, 12, 0, 0))
    begins = [words for words in told(case, "told") if words[0] == "begin"]
    same("runs", sorted(int(words[1]) for words in begins), list(range(1, 13)))
    same("folders", len({words[3] for words in begins}), 12)
    same("copies", len({words[4] for words in begins}), 4)
    now = highest = 0
    for words in told(case, "told"):
        now += 1 if words[0] == "begin" else -1
        highest = max(highest, now)
    same("at a time", highest, 4)


def half_of_the_copies_share_tmpdir_where_that_is_asked_but_no_run_another_ones_folder(case: Case):
    script = f"""ls -A | grep -q . && exit 3
echo "$PWD $TMPDIR" >>{case.root}/told; touch here $TMPDIR/there; sleep 0.01"""
    log = perform(case, script, slice={"copies": 4, "shared_copies": 2, "runs": 40, "duration_ms": 60000})
    same("failed", log.kept("failed"), [])
    same("folders", len({words[0] for words in told(case, "told")}), 40)
    folders = collections.Counter(words[1] for words in told(case, "told"))
    shared = [folder for folder, times in folders.items() if times > 1]
    same("shared folders", len(shared), 1)
    true("some share and some do not", 1 < folders[shared[0]] < 40)
    true("TMPDIR is the others' own folder", all(words[0] == words[1] for words in told(case, "told") if words[1] != shared[0]))


def runs_begin_in_the_working_folder_where_that_is_asked(case: Case):
    script = f"""ls -A "$TMPDIR" | grep -q . && exit 3
echo "$PWD $TMPDIR" >>{case.root}/told; touch "$TMPDIR"/mine"""
    perform(case, script, slice={"own_folders": False, "runs": 4})
    true("in the case", all(words[0] == str(case.root) for words in told(case, "told")))
    same("TMPDIR is fresh all the same", len({words[1] for words in told(case, "told")}), 4)


def seeds_differ_from_run_to_run_and_repeat_with_the_slice(case: Case):
    seeds = []
    for number, seed in ((1, 7), (2, 7), (3, 8)):
        perform(case, f'echo "$NDREPRO_RUN $NDREPRO_SEED" >>{case.root}/told{number}', number, seed=seed,
                slice={"runs": 30, "duration_ms": 60000})
        seeds.append({int(run): int(seed) for run, seed in told(case, f"told{number}")})
    same("seeds of the same slice", seeds[0], seeds[1])
    same("different ones", len(set(seeds[0].values())), 30)
    true("another slice's are others", not set(seeds[0].values()) & set(seeds[2].values()))


def a_failing_run_is_kept_byte_for_byte(case: Case):
    program = """import os, sys
out = os.fdopen(1, "wb")
if int(os.environ["NDREPRO_RUN"]) % 4 == 0:
    out.write(b"\\0\\xff#ndrepro end 4\\n#ndrepro slice {}\\n" * 3 + b"run %s" % os.environ["NDREPRO_RUN"].encode())
    sys.exit(int(os.environ["NDREPRO_RUN"]))
out.write(b"fine\\n")"""
    shim = case.start(1, ["/usr/bin/python3", "-S", "-c", program], arm="copies",
                      slice=sliced(runs=10, duration_ms=60000))
    shim.wait()
    log = Log(case.log(1).read_bytes())
    same("sum", (log.sum["runs"], log.sum["passed"], log.sum["kept"]), (10, 8, 2))
    failed = {run["run"]: run for run in log.kept("failed")}
    same("kept", sorted(failed), [4, 8])
    for number, run in failed.items():
        wanted = b"\0\xff#ndrepro end 4\n#ndrepro slice {}\n" * 3 + b"run %d" % number
        same("output", run["output"], wanted)
        same("end", (run["status"], run["signal"], run["stood_still"]), (number, None, False))
        true("it took its time", run["us"] > 0)


def an_output_of_megabytes_is_kept_whole(case: Case):
    script = "head -c 5000000 /dev/zero | tr '\\0' x; exit 1"
    log = perform(case, script, slice={"runs": 3, "duration_ms": 60000})
    same("outputs", [run["output"] for run in log.kept("failed")], [b"x" * 5000000] * 3)


def signals_are_told(case: Case):
    log = perform(case, "kill -SEGV $$", slice={"runs": 2})
    same("ends", [(run["status"], run["signal"]) for run in log.kept("failed")], [(None, 11)] * 2)


def passing_runs_are_counted_and_the_first_and_the_last_are_kept(case: Case):
    log = perform(case, 'echo "run $NDREPRO_RUN seed $NDREPRO_SEED"', slice={"copies": 1, "runs": 50, "duration_ms": 60000})
    same("sum", (log.sum["runs"], log.sum["passed"], log.sum["kept"]), (50, 50, 0))
    true("durations", 0 < log.sum["median_us"] <= log.sum["p99_us"])
    for why, number in (("first_passed", 1), ("last_passed", 50)):
        run, = log.kept(why)
        same(why, (run["run"], run["status"], run["output"]), (number, 0, b"run %d seed %d\n" % (number, run["seed"])))
    same("frames", len(log.runs), 2)


def the_last_passing_run_is_kept_though_others_failed_after_it(case: Case):
    log = perform(case, 'echo "run $NDREPRO_RUN"; [ "$NDREPRO_RUN" -lt 5 ]', slice={"copies": 1, "runs": 9, "duration_ms": 60000})
    run, = log.kept("last_passed")
    same("it", (run["run"], run["output"]), (4, b"run 4\n"))
    same("kept", log.sum["kept"], 5)


def a_passing_run_with_words_of_the_failure_is_kept(case: Case):
    script = 'echo "a line"; [ "$NDREPRO_RUN" != 3 ] || echo "seen: lost 7 entries"; exit 0'
    log = perform(case, script, literals=["no such", "lost 7 entries"], slice={"runs": 6, "duration_ms": 60000})
    run, = log.kept("literal")
    same("it", (run["run"], run["status"], run["output"]), (3, 0, b"a line\nseen: lost 7 entries\n"))
    same("sum", (log.sum["passed"], log.sum["kept"]), (6, 1))


def progress_is_told_each_second(case: Case):
    log = perform(case, "sleep 0.05", slice={"duration_ms": 3300})
    times = [line["ms"] for line in log.progress]
    true(f"lines at {times}", len(times) >= 4)
    true(f"gaps of {times}", all(b - a <= 1000 + SLACK_MS for a, b in zip([0, *times], times)))
    true("it grows", all(a["runs"] < b["runs"] for a, b in zip(log.progress, log.progress[1:3])))


def so_many_failing_runs_end_a_slice(case: Case):
    log = perform(case, "exit 1", slice={"copies": 1, "most_kept": 5, "duration_ms": 60000})
    same("kept", (log.sum["kept"], len(log.kept("failed"))), (5, 5))


def each_copy_makes_one_run_however_short_the_slice(case: Case):
    log = perform(case, "sleep 0.2", slice={"copies": 3, "duration_ms": 0})
    same("runs", log.sum["runs"], 3)


def what_a_run_leaves_is_ended_before_the_next_run(case: Case):
    script = f"""setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $! >>{case.root}/told
(setsid sh -c 'trap "" TERM INT; sleep 600; :' &) ; sleep 600 & exit 0"""
    log = perform(case, script, slice={"copies": 2, "runs": 6, "duration_ms": 60000})
    same("passed", log.sum["passed"], 6)
    true("leftovers are counted", log.kept("first_passed")[0]["leftovers"] >= 3)
    for pid, in told(case, "told"):
        true(f"process {pid} is gone", not is_alive(pid))


def a_run_that_stands_still_is_ended_at_its_limit(case: Case):
    log = perform(case, "echo before; sleep 600", slice={"copies": 2, "run_limit_ms": 600, "runs": 2})
    for run in log.kept("failed"):
        same("it", (run["stood_still"], run["signal"], run["output"]), (True, 9, b"before\n"))
        true(f"after {run['us']} us", 600000 <= run["us"] <= 600000 * 3 + 1000 * SLACK_MS)
    same("kept", log.sum["kept"], 2)


def a_busy_run_has_ten_times_as_long(case: Case):
    log = perform(case, "while :; do :; done", slice={"copies": 1, "run_limit_ms": 200, "runs": 1})
    run, = log.kept("failed")
    true("ended", run["stood_still"])
    true(f"after {run['us']} us", 2000000 <= run["us"] <= 3000000 + 1000 * SLACK_MS)
    script = "end=$((${EPOCHREALTIME/./} + 600000)); while ((${EPOCHREALTIME/./} < end)); do :; done"
    log = perform(case, script, 2, slice={"copies": 1, "run_limit_ms": 200, "runs": 1})
    same("one that works and ends", (log.sum["passed"], log.sum["kept"]), (1, 0))


def a_run_that_starts_one_command_after_the_other_does_not_stand_still(case: Case):
    log = perform(case, "for i in {1..15}; do sleep 0.1; done", slice={"copies": 1, "run_limit_ms": 500, "runs": 1})
    same("it", (log.sum["passed"], log.sum["kept"]), (1, 0))


def a_stop_ends_a_slice_and_cuts_its_runs(case: Case):
    shim = start(case, f"trap '' INT TERM; echo x >>{case.root}/told; sleep 600",
                 slice={"copies": 3, "duration_ms": 60000, "run_limit_ms": 60000})
    await_that("all copies run", lambda: len(told(case, "told")) == 3)
    began = time.monotonic()
    shim.stop(5000, 5000)
    end = shim.wait()
    took_ms = (time.monotonic() - began) * 1000
    true(f"within the first step, {took_ms:.0f} ms", took_ms < 2000 + SLACK_MS)
    same("cause", (end["cause"], end["exit_code"]), ("stopped", 0))
    log = Log(case.log(1).read_bytes())
    same("frames", log.runs, [])
    same("sum", (log.sum["runs"], log.sum["cut"], log.sum["passed"], log.sum["kept"]), (0, 3, 0, 0))
    same("processes left", alive(), [])


def a_command_that_cannot_be_started_is_told(case: Case):
    plain = case.root / "plain"
    plain.write_text("no program")
    for number, (path, why) in enumerate([("/nowhere/test", "No such file"), (str(plain), "Permission denied")], 1):
        end = case.run(number, [path], arm="copies", slice=sliced())
        log = Log(case.log(number).read_bytes())
        same("runs", (end["cause"], log.sum["runs"], log.runs, log.other), ("exited", 0, [], []))
        true(log.sum["trouble"], path in log.sum["trouble"] and why in log.sum["trouble"])


def a_killed_loop_leaves_no_process(case: Case):
    shim = start(case, f"echo $PPID >>{case.root}/told; setsid sleep 600 & sleep 600",
                 slice={"copies": 3, "duration_ms": 60000, "run_limit_ms": 60000})
    await_that("all copies run", lambda: len(told(case, "told")) == 3)
    loop = shim.ready["run_pid"]
    os.kill(loop, signal.SIGKILL)
    end = shim.wait()
    same("end", (end["cause"], end["term_signal"]), ("exited", signal.SIGKILL))
    same("processes left", alive(), [])
    for pid, in told(case, "told"):
        true(f"copy {pid} is gone", not is_alive(pid))


def a_killed_copy_is_no_end_of_the_others(case: Case):
    script = f'[ "$NDREPRO_RUN" != 2 ] || kill -KILL $PPID; sleep 0.02; echo $PPID >>{case.root}/told'
    shim = start(case, script, slice={"copies": 2, "duration_ms": 500})
    shim.wait()
    log = Log(case.log(1).read_bytes())
    true("there is a sum", log.sum and log.sum["passed"] >= 3)
    same("processes left", alive(), [])


def a_killed_shim_takes_nobody_along_but_the_slice_ends(case: Case):
    shim = start(case, f"echo $PPID >>{case.root}/told; sleep 0.1", slice={"copies": 2, "duration_ms": 800})
    await_text(case.root / "told", "\n")
    handle = os.pidfd_open(shim.ready["run_pid"])
    shim.process.kill()
    await_end(handle)
    log = Log(case.log(1).read_bytes())
    true("the loop went on to its end", log.sum and log.sum["passed"] >= 2)
    await_that("no process is left", lambda: not alive())


def a_run_that_writes_without_end_is_ended_and_ends_the_slice(case: Case):
    log = perform(case, "exec cat /dev/zero", slice={"copies": 1, "run_limit_ms": 30000, "duration_ms": 60000})
    run, = log.kept("failed")
    same("it", (run["signal"], run["bytes"], run["stood_still"]), (9, 64 * MIB, False))
    same("runs", log.sum["runs"], 1)


def a_disk_that_a_run_fills_spoils_nothing_else(case: Case):
    folder = tempfile.mkdtemp(prefix="ndrepro-mount-")
    script = f'mount -t tmpfs -o size=8m none "{folder}" && TMPDIR="{folder}" exec "$0" "$1" on_small_disk'
    words = ["unshare", "--mount", "--map-root-user", "/bin/sh", "-c"]
    try:
        if subprocess.run([*words, f'mount -t tmpfs none "{folder}"'], capture_output=True, check=False).returncode != 0:
            print("skipped: no private mounts here")
            return
        same("on a small disk", subprocess.run([*words, script, sys.executable, __file__], check=False).returncode, 0)
    finally:
        os.rmdir(folder)


def on_small_disk(case: Case):
    # A file in its folder: gone with the run, and so there is room for the next one.
    log = perform(case, "head -c 100000000 /dev/zero >big 2>/dev/null && exit 3; rm big; echo full; exit 1", slice={"copies": 1, "runs": 2})
    same("full", [run["output"] for run in log.kept("failed")], [b"full\n"] * 2)
    # Its output: there is no room to keep it, and the shim ends in order.
    shim = start(case, "head -c 100000000 /dev/zero; exit 1", 2, slice={"copies": 2, "runs": 4, "run_limit_ms": 20000})
    end = shim.wait()
    true(f"an end is told: {end}", end and end["cause"] == "exited")
    same("processes left", alive(), [])


def the_preempter_is_gone_afterwards(case: Case):
    shim = start(case, f"echo $$ >>{case.root}/told; sleep 0.05", arm="preempt", parameters='{"copies":2,"preempts":true}',
                 slice={"copies": 2, "duration_ms": 600})
    await_text(case.root / "told", "\n")
    loop = shim.ready["run_pid"]
    listed = pathlib.Path(f"/proc/{loop}/task/{loop}/children")
    await_that("the copies and the preempter are there", lambda: len(listed.read_text().split()) == 3)
    children = listed.read_text().split()
    shim.wait()
    log = Log(case.log(1).read_bytes())
    true("it says how it preempted", log.sum["preempting"])
    true("runs pass", log.sum["passed"] >= 2 and log.sum["kept"] == 0)
    for pid in [loop, *children]:
        true(f"{pid} is gone", not is_alive(pid))


def parameters_of_no_arm_are_refused(case: Case):
    end = case.run(1, ["/bin/true"], arm="copies", parameters='{"copies":0}', slice=sliced())
    same("end", (end["cause"], end["exit_code"]), ("exited", 2))
    true("and why", "no arm's" in case.log(1).read_text())


if __name__ == "__main__":
    if sys.argv[1:] == ["on_small_disk"]:
        main([on_small_disk])  # of a_disk_that_a_run_fills_spoils_nothing_else
    main([
        copies_run_at_the_same_time_and_each_run_has_a_fresh_folder,
        half_of_the_copies_share_tmpdir_where_that_is_asked_but_no_run_another_ones_folder,
        runs_begin_in_the_working_folder_where_that_is_asked,
        seeds_differ_from_run_to_run_and_repeat_with_the_slice,
        a_failing_run_is_kept_byte_for_byte,
        an_output_of_megabytes_is_kept_whole,
        signals_are_told,
        passing_runs_are_counted_and_the_first_and_the_last_are_kept,
        the_last_passing_run_is_kept_though_others_failed_after_it,
        a_passing_run_with_words_of_the_failure_is_kept,
        progress_is_told_each_second,
        so_many_failing_runs_end_a_slice,
        each_copy_makes_one_run_however_short_the_slice,
        what_a_run_leaves_is_ended_before_the_next_run,
        a_run_that_stands_still_is_ended_at_its_limit,
        a_busy_run_has_ten_times_as_long,
        a_run_that_starts_one_command_after_the_other_does_not_stand_still,
        a_stop_ends_a_slice_and_cuts_its_runs,
        a_command_that_cannot_be_started_is_told,
        a_killed_loop_leaves_no_process,
        a_killed_copy_is_no_end_of_the_others,
        a_killed_shim_takes_nobody_along_but_the_slice_ends,
        a_run_that_writes_without_end_is_ended_and_ends_the_slice,
        a_disk_that_a_run_fills_spoils_nothing_else,
        the_preempter_is_gone_afterwards,
        parameters_of_no_arm_are_refused,
    ])
