#!/usr/bin/env python3
"""kill -9 of the daemon in mid-attempt, then a new start: the run went on, its whole output is in the log, there is one
row and one verdict. One test for each place where death is worst; usage: daemon_restart.py [TEST...]"""
import json
import os

import daemon_under_test as world

# Prints numbered lines, then the failure of the CI log, then a last line; counts how often it was started.
FAILING_RUN = """#!/bin/bash
# ndrepro-contract: 1
cd "$(dirname "$0")" || exit 9
echo started >>starts
for i in $(seq 1 60); do
  echo "line $i of 60"
  sleep 0.02
done
cat >&2 <<'END'
{failure}END
echo "last line"
exit 1
""".replace("{failure}", world.TRACEBACK)

# Reports a device time-out and then hangs, deaf to SIGINT: only the ladder ends it.
HANGING_RUN = """#!/bin/bash
# ndrepro-contract: 1
trap '' INT
cd "$(dirname "$0")" || exit 9
echo started >>starts
for i in $(seq 1 20); do
  echo "line $i of 20"
  sleep 0.02
done
echo "Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)"
echo "last line"
while :; do sleep 0.05; done
"""

QUICK_STOP = """
stop:
  device_error: {interrupt_seconds: 0.5, terminate_seconds: 0.5}
  hang: {interrupt_seconds: 0.5, terminate_seconds: 0.5}
  other: {interrupt_seconds: 0.5, terminate_seconds: 0.5}
"""


def die_and_restart(failpoint: str, script: str, verdict: str):
    with world.Daemon(QUICK_STOP) as daemon:
        daemon.start(NDREPRO_FAILPOINT=failpoint)
        folder = daemon.add_case("ledger", script, world.ci_log())
        campaign = daemon.run("ledger", budget="60s")
        daemon.wait_killed()
        daemon.start()
        daemon.finished(campaign)
        first = [row for row in daemon.attempts(campaign) if row["number"] == 1]
        assert len(first) == 1, f"{len(first)} rows for the first attempt"
        assert first[0]["verdict"] == verdict, first[0]
        log = (folder / "logs" / "run_1.log").read_text()
        numbered = [line for line in log.splitlines() if line.startswith("line ")]
        total = int(numbered[0].rsplit(" ", 1)[1])
        assert numbered == [f"line {i} of {total}" for i in range(1, total + 1)], "output is lost or doubled"
        assert log.count("last line") == 1, log[-300:]
        assert int(first[0]["log_bytes"]) == len(log.encode()), (first[0]["log_bytes"], len(log))
        ending = json.loads((folder / ".ndrepro" / "attempts" / "1" / "exit.json").read_text())
        assert ending["cause"] in ("exited", "stopped"), ending
        starts = (folder / "starts").read_text().count("started")
        numbers = [row["number"] for row in daemon.attempts(campaign)]
        assert len(numbers) == len(set(numbers)), f"numbers used twice: {numbers}"
        assert starts == len(numbers), f"{starts} starts for {len(numbers)} attempts"
        assert not world.survivors(str(folder)), "processes of the run survive"


def death_after_the_intent():
    die_and_restart("attempt.after_intent", FAILING_RUN, "reproduced")


def death_after_the_spawn():
    die_and_restart("attempt.after_spawn", FAILING_RUN, "reproduced")


def death_in_mid_output():
    die_and_restart("attempt.mid_output@2", FAILING_RUN, "reproduced")


def death_at_a_signal():
    die_and_restart("attempt.at_signal", HANGING_RUN, "contention")


def death_during_the_stop_ladder():
    die_and_restart("attempt.in_stop", HANGING_RUN, "contention")


def death_before_the_end_is_committed():
    die_and_restart("attempt.before_end", FAILING_RUN, "reproduced")


def death_in_mid_reset():
    with world.Daemon() as daemon:
        nodes, command, go = daemon.folder / "dev", daemon.folder / "my-smi", daemon.folder / "go"
        nodes.mkdir()
        (nodes / "0").touch()
        os.mkfifo(go)
        command.write_text(f"#!/bin/bash\necho started >>{daemon.folder}/starts\n"
                           f"read -r _ <{go}\n")
        command.chmod(0o755)
        daemon.config.write_text(
            f"boards: {{nodes: {nodes}, reset_command: [{command}], reset_targets: index, settle_seconds: 0}}\n")
        daemon.start()
        reset = daemon.post("/v1/boards/0/resets", {"force": True})["id"]
        while not (daemon.folder / "starts").exists() and daemon.get(f"/v1/resets/{reset}")["result"] is None:
            daemon.get(f"/v1/resets/{reset}?wait=50ms&until=finished")
        daemon.process.kill()
        daemon.process.wait()
        daemon.start()  # ready although the reset still runs, and the board is nobody else's
        status, answer = daemon.request("POST", "/v1/boards/0/resets", {"force": True})
        assert (status, answer["code"]) == (409, "board_busy"), (status, answer)
        go.write_text("go\n")
        answer = daemon.get(f"/v1/resets/{reset}?wait=30s&until=finished")
        assert answer["result"] == "verified", answer
        assert (daemon.folder / "starts").read_text().count("started") == 1, "the reset was begun twice"


if __name__ == "__main__":
    world.main([
        death_after_the_intent, death_after_the_spawn, death_in_mid_output, death_at_a_signal,
        death_during_the_stop_ladder, death_before_the_end_is_committed, death_in_mid_reset,
    ])
