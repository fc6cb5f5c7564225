#!/usr/bin/env python3
"""After a fix: a planted race is reproduced by a campaign, then verified with the real client and daemon against its
mended twin (fixed), against itself (still failing), beside controls, and within too small a budget (undecided).
usage: verify_fix.py [TEST...]"""
import subprocess

import daemon_under_test as world
from client_campaigns import Client

BUILD = world.SOURCE / "tests" / "races" / "build.sh"
RACE = "text_appended"

SCRIPT = """#!/bin/bash
# ndrepro-contract: 1
iterations=1
while [ $# -gt 0 ]; do
    [ "$1" != --iterations ] || iterations=$2
    shift
done
for ((ran = 1; ran <= iterations; ran++)); do
    "${NDREPRO_REPOSITORY:-@CHECKOUT@}/text_appended" || exit 1
    echo "PASS iteration $ran/$iterations"
done
"""

# Fails by its seed, a third of the time, and takes long enough that a second holds few runs.
SLOW = """#!/bin/bash
# ndrepro-contract: 1
sleep 0.3
[ ! -e @FLAG@ ] || [ $((NDREPRO_SEED % 3)) -ne 0 ] || { cat @FAILURE@; exit 1; }
echo "PASS iteration 1/1"
"""


def verification(daemon: world.Daemon) -> dict:
    """The newest campaign."""
    return daemon.get("/v1/campaigns?limit=1")["campaigns"][0]


def a_planted_race_is_gone_from_its_twin_and_still_in_itself():
    with world.Daemon() as daemon:
        for name, options in (("wrong", []), ("right", ["-DFIXED"])):
            subprocess.run([str(BUILD), str(daemon.folder / name), *options, RACE], check=True)
        wrong, right = str(daemon.folder / "wrong"), str(daemon.folder / "right")
        log = (world.SOURCE / "tests" / "races" / "logs" / f"{RACE}.log").read_text("utf-8")
        daemon.start()
        client = Client(daemon)
        daemon.add_case("race", SCRIPT.replace("@CHECKOUT@", wrong), log)
        told = client(2, "verify", "race", "--risk", "much")
        status, refused = daemon.request("POST", "/v1/cases/race/verifications", {})
        assert status == 422 and "ndreproctl run race -f" in refused["hint"], (status, refused)
        assert daemon.finished(daemon.run("race", budget="60s", confirmations=5, seed="7"))["outcome"] == "reproduced"

        told = client(0, "verify", "race", "--fixed", right, "--broken", wrong, "--budget", "120s", "--seed", "3")
        answer = verification(daemon)
        report = answer["report"]["verification"]
        assert answer["outcome"] == "fixed" and answer["mode"] == "verify", answer
        assert told.count("clean runs to go") + told.count("clean run to go") > 0 and "FIXED" in told, told
        assert report["fixed"]["matched"] == 0 and report["broken"]["matched"] > 0, report
        assert report["miss_probability"] <= 0.05 and report["fixed"]["clean"] >= report["clean_runs_needed"], report
        rows = daemon.attempts(answer["id"])
        assert {row["subject"].split()[0] for row in rows} == {"fixed", "broken"}, rows
        assert {row["phase"] for row in rows} == {"verify"}, rows
        print(f"  fixed: {answer['spent_ms']} ms, {answer['reason']}")

        # At the usual risk one try in twenty would be luck.
        told = client(1, "verify", "race", "--budget", "60s", "--risk", "0.01%", "--seed", "4")
        answer = verification(daemon)
        assert answer["outcome"] == "still_failing" and "STILL FAILING" in told, told
        assert "next: ndreproctl logs race/" in told, told
        print(f"  still failing: {answer['spent_ms']} ms, {answer['reason']}")

        told = client(10, "verify", "race", "--fixed", right, "--broken", right, "--budget", "60s", "--seed", "5")
        assert "the conditions have changed" in told, told
        page = (daemon.cases / "race" / "README.md").read_text()
        assert "**reproduced**" in page and "ended as **undecided**" in page, page


def too_small_a_budget_leaves_it_undecided_and_says_so_up_front():
    with world.Daemon() as daemon:
        daemon.start()
        client = Client(daemon)
        flag, failure = daemon.folder / "broken", daemon.folder / "failure"
        flag.touch()
        failure.write_text(world.TRACEBACK)
        daemon.add_case("slow", SLOW.replace("@FLAG@", str(flag)).replace("@FAILURE@", str(failure)), world.ci_log())
        assert daemon.finished(daemon.run("slow", budget="60s", confirmations=3, seed="7"))["outcome"] == "reproduced"
        flag.unlink()
        told = client(10, "verify", "slow", "--budget", "2s", "--risk", "0.1%", "--seed", "3")
        assert "more than the budget of 2" in told and "to go" in told and "UNDECIDED" in told, told
        print(f"  undecided: {verification(daemon)['reason']}")
        assert daemon.run("slow", budget="1s", seed="1")
        _, refused = daemon.request("POST", "/v1/cases/slow/campaigns", {"mode": "verify"})
        assert "give quick or soak" in str(refused), refused


if __name__ == "__main__":
    world.main([
        a_planted_race_is_gone_from_its_twin_and_still_in_itself,
        too_small_a_budget_leaves_it_undecided_and_says_so_up_front,
    ])
