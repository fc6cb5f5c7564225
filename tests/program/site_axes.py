#!/usr/bin/env python3
"""Arms that change what a run has, on the real daemon: an axis of the site, a limit of its, runs in one folder, and holds
where CI's stack points. Each finds a failure that no other arm brings out. usage: site_axes.py [TEST...]"""
import json
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


def padded(source: str, functions: int) -> str:
    """The program with so many functions more, which each of its threads calls before it comes to the race."""
    bodies = "".join(f"void work_{i}() {{ static thread_local int kept; kept += {i}; kept ^= kept >> 1; }}\n" for i in range(functions))
    calls = "".join(f"  work_{i}();\n" for i in range(functions))
    head, _, tail = source.partition("class Driver {")
    return head + bodies + "void work() {\n" + calls + "}\n\nclass Driver {" + tail.replace(
        "{ driver.request(); }", "{ work(); driver.request(); }").replace("other_work(1000000);", "work();")


def a_stack_of_ci_directs_the_holds():
    with world.Daemon() as daemon:
        races = world.SOURCE / "tests/races"
        source, program = daemon.folder / "native/driver.cpp", daemon.folder / "driver"
        source.parent.mkdir()
        source.write_text(padded((races / "native/driver_stopped.cpp").read_text(), 400))
        subprocess.run(["g++", "-std=c++20", "-O0", "-g", "-pthread", f"-I{races}/native", str(source), "-o", str(program)],
                       check=True)
        daemon.start()
        arms = {arm["name"]: arm for arm in daemon.get("/v1/arms")["arms"]}
        if not arms["directed"]["available"]:
            print(f"skipped: {arms['directed']['why']}")
            return
        log = (races / "logs/driver_stopped.log").read_text("utf-8").replace("driver_stopped", "driver")
        daemon.add_case("driver", f"#!/bin/bash\n# ndrepro-contract: 1\nexec {program}\n", log)
        campaign = daemon.run("driver", budget="50s", seed="1")
        ended = daemon.finished(campaign)
        rows = daemon.attempts(campaign)
        runs = {arm: [sum(row[of] for row in rows if row["arm"] == arm) for of in ("matched", "runs")]
                for arm in ("directed", "hold", "plain")}
        print(f"[matched, runs]: {runs}")
        assert ended["outcome"] == "reproduced" and runs["directed"][0] > 0, (ended["reason"], runs)
        directed = next(row for row in rows if row["arm"] == "directed")
        assert '"near":["Driver::request","Driver::"]' in json.dumps(directed, separators=(",", ":")).replace("\\", ""), directed


if __name__ == "__main__":
    world.main([
        an_axis_of_the_site_finds_what_its_variable_brings_out,
        a_limit_finds_what_runs_out,
        runs_in_one_folder_find_what_a_predecessor_left,
        a_stack_of_ci_directs_the_holds,
    ])
