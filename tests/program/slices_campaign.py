#!/usr/bin/env python3
"""Campaigns of slices on the real daemon: a slice is taken up by a new daemon and nothing is counted twice, a correct
program is not said to fail, and other failures are no matches. usage: slices_campaign.py [TEST...]"""
import collections
import contextlib
import json
import os
import pathlib
import re
import select
import sqlite3
import time

import daemon_under_test as world

# Each run tells that it was begun, and in which attempt's folder; it fails as its seed says.
RUN = """#!/bin/bash
# ndrepro-contract: 1
echo "$PWD" >>{told}
(( NDREPRO_SEED / 64 % 100 >= {failing} )) || {{
  cat >&2 <<'END'
{failure}END
  exit 1
}}
exit 0
"""
OTHER = world.TRACEBACK.replace("RuntimeError", "ConnectionError").replace("store.py", "line.py").replace(
    "ledger differs: {seen} entries, expected {wanted}", "refused").replace(
    "ledger differs: 31 entries, expected 32", "the licence server has gone away")


def add_case(daemon: world.Daemon, failing: int, failure: str = world.TRACEBACK) -> pathlib.Path:
    """Of 100 runs so many fail, if they are run with seeds; the screen's are run without."""
    told = daemon.folder / "told"
    told.touch()
    return daemon.add_case("ledger", RUN.format(told=told, failing=failing, failure=failure), world.ci_log())


def begun_runs(daemon: world.Daemon) -> collections.Counter:
    """By the attempt's number: how many runs of its slice were begun."""
    numbers = re.findall(r"/attempts/(\d+)/runs/", (daemon.folder / "told").read_text())
    return collections.Counter(int(number) for number in numbers)


def sum_of(folder: pathlib.Path, number: int) -> dict:
    """The last line of a slice's log."""
    lines = (folder / "logs" / f"run_{number}.log").read_bytes().split(b"\n#ndrepro slice ")
    return json.loads(lines[-1])


def stored_failures(daemon: world.Daemon) -> list[tuple[int, int, str]]:
    """(attempt's number, run, verdict), when the daemon has ended."""
    with contextlib.closing(sqlite3.connect(next(daemon.folder.glob("state/*.sqlite")))) as rows:
        return rows.execute("SELECT a.number, f.run, f.verdict FROM run_failures f JOIN attempts a ON a.id = f.attempt_id").fetchall()


def check_counts(daemon: world.Daemon, folder: pathlib.Path, attempts: list[dict], taken_up: int | None = None):
    """What rows say of slices, of this one too, is what the runs themselves told, each of them once."""
    daemon.stop()
    begun = begun_runs(daemon)
    failures = stored_failures(daemon)
    assert len(failures) == len({(number, run) for number, run, _ in failures}), "a failing run is stored twice"
    by_attempt = collections.Counter(number for number, _, _ in failures)
    slices = [row for row in attempts if (folder / "logs" / f"run_{row['number']}.log").read_bytes().find(b"#ndrepro slice ") >= 0]
    assert slices, "there was no slice"
    assert taken_up is None or taken_up in [row["number"] for row in slices], f"attempt {taken_up} is no slice"
    for row in slices:
        number, told = row["number"], sum_of(folder, row["number"])
        assert told.get("over"), (number, told)
        assert row["runs"] == told["runs"], (number, row["runs"], told)
        assert told["runs"] <= begun[number] <= told["runs"] + told["cut"], (number, begun[number], told)
        assert row["matched"] + row["different"] + row["infrastructure"] == by_attempt[number], (number, row, by_attempt)
        assert by_attempt[number] == told["kept"], (number, by_attempt[number], told)
    numbers = [row["number"] for row in attempts]
    assert len(numbers) == len(set(numbers)), f"numbers used twice: {numbers}"
    assert not world.survivors(str(folder)), "processes of a run survive"


def restarted_at(failpoint: str):
    with world.Daemon() as daemon:
        daemon.start(NDREPRO_FAILPOINT=failpoint)
        folder = add_case(daemon, 3)
        campaign = daemon.run("ledger", budget="20s", seed="5")
        daemon.wait_killed()
        daemon.start()
        ended = daemon.finished(campaign)
        attempts = daemon.attempts(campaign)
        assert ended["outcome"] == "reproduced", ended["reason"]
        assert all(row["verdict"] not in (None, "lost") for row in attempts), attempts
        check_counts(daemon, folder, attempts, int(failpoint.rpartition("@")[2]))


def a_slice_is_taken_up_after_death_at_its_spawn():
    restarted_at("attempt.after_spawn@5")


def a_slice_is_made_once_after_death_at_its_intent():
    restarted_at("attempt.after_intent@5")


def a_slice_is_judged_once_after_death_before_its_end_is_committed():
    restarted_at("attempt.before_end@5")


def a_slice_is_taken_up_after_death_in_its_midst():
    with world.Daemon() as daemon:
        daemon.start()
        folder = add_case(daemon, 20, OTHER)  # no match, so that nothing ends a slice early
        campaign = daemon.run("ledger", budget="20s", seed="5")
        deadline = time.monotonic() + world.TIME_LIMIT
        number = 0
        while not number:
            assert time.monotonic() < deadline, "no slice fails"
            for log in folder.glob("logs/run_*.log"):
                content = log.read_bytes()
                if b'"kept":"failed"' in content and b'"over":true' not in content:
                    number = int(log.stem.removeprefix("run_"))
            select.select([], [], [], 0.005)
        daemon.process.kill()
        daemon.process.wait()
        daemon.start()
        daemon.finished(campaign)
        attempts = daemon.attempts(campaign)
        assert [row for row in attempts if row["number"] == number], f"attempt {number} is gone"
        check_counts(daemon, folder, attempts, number)


# The second run of the first slice of more than three stops its loop; when five runs more have failed, the loop is killed with its shim, and
# with a daemon that is to die too. Which runs were over by then is told.
LOSES_ITS_LOOP = """#!/bin/bash
# ndrepro-contract: 1
[ -n "$NDREPRO_RUN" ] || exit 0
parent() {{ cut -d" " -f4 "/proc/$1/stat"; }}
runs="${{PWD%/*}}"
if [ "$NDREPRO_RUN" -ge 2 ] && [[ ${{NDREPRO_NOISE:-}} != *mode=count* ]]; then
    ! mkdir {folder}/stopped 2>/dev/null || {{
        kill -STOP "$(parent $PPID)"
        echo "$runs" >{folder}/stopped/runs
    }}
    kept=("$runs"/run_*.kept)
    if [ "$runs" = "$(cat {folder}/stopped/runs 2>/dev/null)" ] && [ "${{#kept[@]}}" -ge 5 ] && mkdir {folder}/killed 2>/dev/null; then
        printf '%s\\n' "${{kept[@]}}" >{folder}/over
        loop=$(parent $PPID)
        kill -KILL $(cat {folder}/victim) "$(parent "$loop")" "$loop"
    fi
fi
cat >&2 <<'END'
{failure}END
exit 1
"""


def runs_of_a_lost_slice_are_judged(daemon_dies: bool):
    with world.Daemon() as daemon:
        daemon.start()
        script = LOSES_ITS_LOOP.format(folder=daemon.folder, failure=OTHER)
        (daemon.folder / "victim").write_text(str(daemon.process.pid) if daemon_dies else "")
        folder = daemon.add_case("ledger", script, world.ci_log())
        campaign = daemon.run("ledger", budget="15s", seed="5")
        if daemon_dies:
            daemon.wait_killed()
            daemon.start()
        daemon.finished(campaign)
        kept = (daemon.folder / "over").read_text().splitlines()
        number = int(re.search(r"/attempts/(\d+)/runs/", kept[0])[1])
        over = {int(re.search(r"run_(\d+)\.", name)[1]) for name in kept}
        row, = [row for row in daemon.attempts(campaign) if row["number"] == number]
        daemon.stop()
        judged = {run for attempt, run, verdict in stored_failures(daemon) if attempt == number and verdict == "different_failure"}
        assert len(over) >= 5 and over <= judged, (over, judged, row)
        assert row["verdict"] == "lost" and row["different"] == len(judged) and row["runs"] >= len(judged), row
        assert not (folder / ".ndrepro" / "attempts" / str(number) / "runs").exists(), "the folder of the runs is left"


def runs_that_a_lost_loop_has_not_appended_are_judged():
    runs_of_a_lost_slice_are_judged(daemon_dies=False)


def they_are_judged_too_by_the_next_daemon():
    runs_of_a_lost_slice_are_judged(daemon_dies=True)


def a_correct_program_is_not_said_to_fail():
    with world.Daemon() as daemon:
        daemon.start()
        folder = add_case(daemon, 0)
        ended = daemon.finished(daemon.run("ledger", budget="15s", seed="7"))
        attempts = daemon.attempts(ended["id"])
        assert ended["outcome"] == "not_reproduced", ended
        assert sum(row["matched"] + row["different"] for row in attempts) == 0, attempts
        plain = ended["report"]["plain"]
        assert plain["matched"] == 0 and plain["runs"] > 100 and 0 < plain["bound"] < 0.05, plain
        for arm in ended["report"]["amplified"]:
            assert arm["matched"] == 0 and (arm["runs"] == 0 or 0 < arm["bound"] <= 1), arm
        check_counts(daemon, folder, attempts)


def other_failures_are_no_matches():
    with world.Daemon() as daemon:
        daemon.start()
        folder = add_case(daemon, 10, OTHER)
        ended = daemon.finished(daemon.run("ledger", budget="15s", seed="7"))
        attempts = daemon.attempts(ended["id"])
        assert ended["outcome"] == "not_reproduced", ended
        assert sum(row["matched"] for row in attempts) == 0, attempts
        assert sum(row["different"] for row in attempts) > 5, attempts
        check_counts(daemon, folder, attempts)


if __name__ == "__main__":
    os.environ.setdefault("NDREPRO_TEST_SECONDS", "60")
    world.main([
        a_slice_is_taken_up_after_death_at_its_spawn,
        a_slice_is_made_once_after_death_at_its_intent,
        a_slice_is_judged_once_after_death_before_its_end_is_committed,
        a_slice_is_taken_up_after_death_in_its_midst,
        runs_that_a_lost_loop_has_not_appended_are_judged,
        they_are_judged_too_by_the_next_daemon,
        a_correct_program_is_not_said_to_fail,
        other_failures_are_no_matches,
    ])
