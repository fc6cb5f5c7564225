#!/usr/bin/env python3
"""Tests that fail only after what came before them in CI, in the same process: the generated script can run that before
them, and a campaign finds it out. usage: after_predecessors.py [TEST...]"""
import pathlib
import subprocess

import daemon_under_test as world
from client_campaigns import Client

RECORD = world.SOURCE / "tests/support/record_as_actions"
SHARED = "open_tables = []\n"
PYTEST = """import shared


def test_other_table():
    assert shared.open_tables is not None


def test_opens_a_table():
    shared.open_tables.append("orders")


def test_starts_clean():
    assert not shared.open_tables, f"left open: {shared.open_tables}"
"""
GTEST = """#include <gtest/gtest.h>
namespace { int open_tables = 0; }
TEST(Tables, OpensOne) { ++open_tables; }
TEST(Tables, StartsClean) { EXPECT_EQ(open_tables, 0); }
"""


def recorded(checkout: pathlib.Path, log: pathlib.Path, command: str):
    log.parent.mkdir(parents=True)
    subprocess.run([str(RECORD), "--workflow", "tables.yaml", "--job", "tables", "--output", str(log), "--", command],
                   cwd=checkout, check=True)


def found_after(daemon: world.Daemon, checkout: pathlib.Path, folder: pathlib.Path, listed: list[str]):
    """The campaign, started as people do; by the arm that runs them before it and by no other."""
    daemon.start()
    client = Client(daemon)
    told = client(0, "run", str(folder), "--generate", "--repository", str(checkout), "--budget", "120s", "--seed", "3", "-f")
    assert "\nREPRODUCED" in told, told
    script = (folder / "run_test.sh").read_text()
    assert all(f"\n    {name}\n" in script.replace("'", "") for name in listed), script
    campaign = daemon.get("/v1/campaigns?limit=1")["campaigns"][0]
    rows = daemon.attempts(campaign["id"])
    assert {row["arm"] for row in rows if row["matched"]} <= {"predecessors", "recipe"}, rows
    alone = campaign["report"]["recipe"]
    assert alone, [(row["number"], row["phase"], row["arm"], row["runs"], row["matched"], row["exposure_ms"]) for row in rows]
    assert alone["verdict"] == "reproduced" and "came before it in CI" in alone["words"], alone
    assert [finding for finding in client(0, "case", "lint", folder.name).splitlines() if "error" in finding] == []


def of_pytest_what_another_test_left_behind_is_found():
    with world.Daemon() as daemon:
        checkout, folder = daemon.folder / "checkout", daemon.cases / "tables"
        (checkout / "tests").mkdir(parents=True)
        (checkout / "tests/shared.py").write_text(SHARED)
        (checkout / "tests/test_tables.py").write_text(PYTEST)
        recorded(checkout, folder / "logs/ci.log", "/usr/bin/python3 -m pytest tests/test_tables.py -v -p no:cacheprovider")
        found_after(daemon, checkout, folder, ["tests/test_tables.py::test_other_table", "tests/test_tables.py::test_opens_a_table"])


def of_google_test_too():
    with world.Daemon() as daemon:
        checkout, folder = daemon.folder / "checkout", daemon.cases / "tables"
        (checkout / "build").mkdir(parents=True)
        (checkout / "tables_test.cpp").write_text(GTEST)
        subprocess.run(["g++", "-O0", "-g", "tables_test.cpp", "-o", "build/tables_test", "-lgtest_main", "-lgtest", "-pthread"],
                       cwd=checkout, check=True)
        recorded(checkout, folder / "logs/ci.log", "./build/tables_test")
        found_after(daemon, checkout, folder, ["Tables.OpensOne"])


if __name__ == "__main__":
    world.main([of_pytest_what_another_test_left_behind_is_found, of_google_test_too])
