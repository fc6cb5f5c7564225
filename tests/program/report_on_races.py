#!/usr/bin/env python3
"""What a campaign says of a racy program: rates, the run that matched first, its failures one by one, the arms of the
host. usage: report_on_races.py [TEST...]"""
import os
import pathlib
import subprocess
import tempfile

import daemon_under_test as world

RACES = world.SOURCE / "tests" / "races"
NAME = "account_overdrawn"


def ctl(daemon: world.Daemon, *arguments: str) -> str:
    environment = {**os.environ, "NDREPROD_SOCKET": str(daemon.socket)}
    return subprocess.run([str(world.BIN / "ndreproctl"), *arguments], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=world.TIME_LIMIT, check=True).stdout


def a_match_of_a_slice_is_told_as_a_run_of_its_own():
    with tempfile.TemporaryDirectory() as folder, world.Daemon() as daemon:
        subprocess.run([str(RACES / "build.sh"), folder, NAME], check=True)
        daemon.start()
        script = f"#!/bin/bash\n# ndrepro-contract: 1\nexec {folder}/{NAME}\n"
        case = daemon.add_case(NAME, script, (RACES / "logs" / f"{NAME}.log").read_text())
        campaign = daemon.finished(daemon.run(NAME, budget="60s", confirmations=10))
        assert campaign["outcome"] == "reproduced", campaign["reason"]
        report = campaign["report"]
        first = report["first_match"]
        assert "run" not in first or first["excerpt"].count("Assertion `balance >= 0' failed") == 1, first
        assert "#ndrepro" not in first["excerpt"], first
        amplified = [arm for arm in report["amplified"] if arm["matched"]]
        assert amplified, report
        for arm in amplified:
            assert arm["low"] <= arm["rate"] <= arm["high"] and arm["words"] and arm["per_minute"] > 0, arm
        for arm in report["amplified"]:
            assert arm["runs"] == 0 or arm["matched"] or arm["bound"] > 0, arm
        failures = daemon.get(f"/v1/campaigns/{campaign['id']}/failures?limit=500")["failures"]
        matched = [run for run in failures if run["verdict"] == "reproduced"]
        of_slices = [row for row in daemon.attempts(campaign["id"]) if row["slice"]]
        assert len(matched) == sum(row["matched"] for row in of_slices), (len(matched), of_slices)
        assert len(ctl(daemon, "failures", NAME).splitlines()) >= len(matched)
        where = report["where"]
        # Which place, if any, is luck of the draw; that none is of a library is not.
        for site in (where or {"sites": []})["sites"]:
            assert pathlib.Path(site["file"]).name in (f"{NAME}.cpp", "race.hpp"), site
        page = (case / "README.md").read_text()
        assert (where is None) == ("Where it races" not in page), page


def arms_are_told_with_reasons():
    with world.Daemon() as daemon:
        daemon.start()
        rows = [line.split("\t") for line in ctl(daemon, "arms").splitlines()]
        assert rows[0][:2] == ["plain", "yes"], rows
        assert all(works == "yes" or why != "-" for _, works, _, why in rows), rows


if __name__ == "__main__":
    world.main([a_match_of_a_slice_is_told_as_a_run_of_its_own, arms_are_told_with_reasons])
