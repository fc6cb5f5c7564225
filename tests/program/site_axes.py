#!/usr/bin/env python3
"""Arms that change what a run has, on the real daemon: an axis of the site, a limit of its, runs in one folder, and holds
where CI's stack points. Each finds a failure that no other arm brings out. usage: site_axes.py [TEST...]"""
import contextlib
import json
import sqlite3
import subprocess

import daemon_under_test as world

AXES = """
axes:
  cold:
    environment: {TT_METAL_CACHE: "{folder}/cache"}
  few_files:
    limits: {nofile: 40}
"""
SCRIPT = """#!/bin/bash
# ndrepro-contract: 1
@FAILS@ || exit 0
cat >&2 <<'END'
@FAILURE@END
exit 1
"""


def case(daemon: world.Daemon, fails: str):
    script = SCRIPT.replace("@FAILS@", fails).replace("@FAILURE@", world.TRACEBACK)
    return daemon.add_case("ledger", script, world.ci_log())


def hit_arms(daemon: world.Daemon, campaign: str) -> set[str]:
    return {row["arm"] for row in daemon.attempts(campaign) if row["matched"]} - {"recipe"}


def reproduced(daemon: world.Daemon, arm: str) -> dict:
    """The campaign, which only this arm may have brought to its end; its recipe, run alone, has hit too."""
    campaign = daemon.run("ledger", budget="40s", seed="3")
    ended = daemon.finished(campaign)
    assert ended["outcome"] == "reproduced", ended["reason"]
    assert hit_arms(daemon, campaign) == {arm}, hit_arms(daemon, campaign)
    alone = [row for row in daemon.attempts(campaign) if row["arm"] == "recipe"]
    assert alone and alone[-1]["verdict"] == "reproduced", alone
    return ended


def an_axis_of_the_site_finds_what_its_variable_brings_out():
    with world.Daemon(AXES) as daemon:
        daemon.start()
        # By the name that the script itself reads, into a folder of the run's own where nothing is yet.
        folder = case(daemon, '[ -n "$TT_METAL_CACHE" ] && [ ! -e "$TT_METAL_CACHE" ] && mkdir -p "$TT_METAL_CACHE"')
        ended = reproduced(daemon, "cold")
        words = [arm["words"] for arm in ended["report"]["amplified"] if arm["arm"] == "cold"]
        assert words and all("TT_METAL_CACHE={folder}/cache" in text for text in words), words
        assert "TT_METAL_CACHE" in (folder / "run_test.sh").read_text(), "the recipe does not set it"
        listed = {arm["name"]: arm for arm in daemon.get("/v1/arms")["arms"]}
        assert listed["cold"]["available"] and "few_files" in listed, listed
        match = next(row for row in daemon.attempts(ended["id"]) if row["arm"] == "cold" and row["matched"])
        again = daemon.finished(daemon.post(f"/v1/attempts/{match['id']}/replays", {})["id"])
        assert again["outcome"] == "reproduced", again["reason"]


def a_limit_finds_what_runs_out():
    with world.Daemon(AXES) as daemon:
        daemon.start()
        case(daemon, "[ $(ulimit -n) -le 40 ]")
        reproduced(daemon, "few_files")


def runs_in_one_folder_find_what_a_predecessor_left():
    with world.Daemon() as daemon:
        daemon.start()
        # Runs outside of a slice are in the case's own folder.
        case(daemon, '[ -n "${NDREPRO_RUN-}" ] && { [ -e left ] || { touch left; false; }; }')
        reproduced(daemon, "back_to_back")


def a_script_that_works_only_in_its_place_is_told():
    with world.Daemon() as daemon:
        daemon.start()
        folder = case(daemon, '[ -d "$(dirname "$0")/logs" ] && [ $((${NDREPRO_SEED:-0} / 64 % 10)) -eq 1 ]')
        ended = daemon.finished(daemon.run("ledger", budget="30s", seed="3"))
        assert ended["outcome"] == "reproduced", ended["reason"]
        assert ended["report"]["recipe"]["verdict"] in ("passed", "timed_out"), ended["report"]["recipe"]
        page = (folder / "README.md").read_text()
        assert "in a copy of the case, it did not fail as in CI" in page, page
        assert ended["report"]["next_command"] != "./run_test.sh", ended["report"]["next_command"]


def a_script_that_names_its_folder_is_run_in_place_and_that_is_told():
    with world.Daemon() as daemon:
        daemon.start()
        folder = case(daemon, f'[ -d {daemon.cases}/ledger/logs ] && [ $((${{NDREPRO_SEED:-0}} / 64 % 10)) -eq 1 ]')
        ended = daemon.finished(daemon.run("ledger", budget="30s", seed="3"))
        alone = [row for row in daemon.attempts(ended["id"]) if row["arm"] == "recipe"][-1]
        line = 1 + (folder / "run_test.sh").read_text().split("ledger/logs")[0].count("\n")
        assert alone["verdict"] == "reproduced" and alone["reason"] == "in_place", alone
        assert f"it ran in place: run_test.sh:{line} names the folder of the case" in alone["explanation"], alone
        page = (folder / "README.md").read_text()
        assert "Run by itself in place, it failed as in CI" in page and "names the folder of the case" in page, page


def a_stack_of_ci_directs_the_holds():
    """That holds are made there alone is a test of ndrepro-hold's own."""
    with world.Daemon() as daemon:
        races, wrong = world.SOURCE / "tests/races", daemon.folder / "wrong"
        subprocess.run([str(races / "build.sh"), str(wrong), "driver_stopped"], check=True)
        daemon.start()
        arms = {arm["name"]: arm for arm in daemon.get("/v1/arms")["arms"]}
        log = (races / "logs/driver_stopped.log").read_text("utf-8")
        folder = daemon.add_case("driver", f"#!/bin/bash\n# ndrepro-contract: 1\nexec {wrong}/driver_stopped\n", log)
        campaign = daemon.run("driver", budget="50s", seed="1")
        assert daemon.finished(campaign)["outcome"] == "reproduced"
        directed = [row["number"] for row in daemon.attempts(campaign) if row["arm"] == "directed"]
        daemon.stop()
        with contextlib.closing(sqlite3.connect(next(daemon.folder.glob("state/*.sqlite")))) as rows:
            policy = json.loads(rows.execute("SELECT policy_json FROM campaigns").fetchone()[0])
        assert policy["near"] == ["Driver::request", "Driver::"], policy["near"]
        in_use = "directed" in [arm["arm"] for arm in policy["arms"]]
        assert in_use == arms["directed"]["available"], (policy["arms"], arms["directed"])
        for number in directed:
            spec = json.loads((folder / f".ndrepro/attempts/{number}/spec.json").read_text())
            assert json.loads(spec["parameters"])["near"] == policy["near"], spec


if __name__ == "__main__":
    world.main([
        an_axis_of_the_site_finds_what_its_variable_brings_out,
        a_limit_finds_what_runs_out,
        runs_in_one_folder_find_what_a_predecessor_left,
        a_script_that_works_only_in_its_place_is_told,
        a_script_that_names_its_folder_is_run_in_place_and_that_is_told,
        a_stack_of_ci_directs_the_holds,
    ])
