#!/usr/bin/env python3
"""Bad input and odd surroundings of the real daemon: each gets a clear answer that says what to do, nothing is
half-registered, and what was there before is left as it was.
usage: bad_input.py [TEST...]"""
import os
import pathlib
import socket
import subprocess

import daemon_under_test as world

PASSING = "#!/bin/bash\n# ndrepro-contract: 1\necho fine\n"


def refused(daemon, path, body, status, *words):
    """The answer is a problem of this status whose text holds every word."""
    code, answer = daemon.request("POST", path, body)
    assert code == status, (path, body, code, answer)
    text = " ".join(str(answer.get(key, "")) for key in ("detail", "hint", "errors", "title"))
    for word in words:
        assert word in text, f"{word!r} is not in {answer}"


def folders_that_are_no_case():
    with world.Daemon() as daemon:
        daemon.start()
        outside = daemon.folder / "elsewhere" / "case-a"
        world.make_case(outside, PASSING, world.ci_log())
        inside = world.make_case(daemon.cases / "case-b", PASSING, world.ci_log())
        os.symlink(outside, daemon.cases / "case-c")
        (daemon.cases / "UPPER").mkdir()
        refused(daemon, "/v1/cases", {"folder": str(outside)}, 422, "case root")
        refused(daemon, "/v1/cases", {"folder": str(daemon.cases / "case-c")}, 422, "symbolic link")
        refused(daemon, "/v1/cases", {"folder": str(daemon.cases / "missing")}, 422, "does not exist")
        refused(daemon, "/v1/cases", {"folder": str(daemon.cases / "UPPER")}, 422, "has a name that no case may have")
        refused(daemon, "/v1/cases", {"folder": "case-b"}, 422, "absolute")
        refused(daemon, "/v1/cases", {"folder": str(inside), "colour": "red"}, 422, "colour")
        assert daemon.get("/v1/cases")["cases"] == [], "something is half-registered"
        daemon.post("/v1/cases", {"folder": str(inside)})
        assert len(daemon.get("/v1/cases")["cases"]) == 1


def logs_that_cannot_be_read():
    with world.Daemon() as daemon:
        daemon.start()
        empty = world.make_case(daemon.cases / "no-logs", PASSING, "")
        (empty / "logs" / "ci.log").unlink()
        (empty / "logs" / "run_7.log").write_text(world.ci_log())
        daemon.post("/v1/cases", {"folder": str(empty)})
        refused(daemon, "/v1/cases/no-logs/analysis", {}, 422, "holds only run_N.log")
        binary = world.make_case(daemon.cases / "binary", PASSING, "")
        (binary / "logs" / "ci.log").write_bytes(bytes(range(256)) * 64)
        with (binary / "logs" / "b.log").open("wb") as sparse:
            sparse.truncate(1 << 30)
        daemon.post("/v1/cases", {"folder": str(binary)})
        refused(daemon, "/v1/cases/binary/analysis", {}, 422, "b.log", "begins with 1024 MiB")
        (binary / "logs" / "b.log").unlink()
        refused(daemon, "/v1/cases/binary/analysis", {}, 422, "is no text")
        refused(daemon, "/v1/cases/binary/campaigns", {}, 422, "has not been analysed")
        assert daemon.get("/v1/campaigns")["campaigns"] == []


def scripts_that_cannot_run():
    with world.Daemon() as daemon:
        daemon.start()
        case = daemon.add_case("broken", PASSING, world.ci_log())
        script = case / "run_test.sh"
        script.chmod(0o644)
        refused(daemon, "/v1/cases/broken/campaigns", {}, 422, "is not executable", "chmod +x")
        script.chmod(0o755)
        script.write_text("#!/no/such/interpreter\n")
        refused(daemon, "/v1/cases/broken/campaigns", {}, 422, "/no/such/interpreter")
        script.unlink()
        refused(daemon, "/v1/cases/broken/campaigns", {}, 422, "is missing")
        assert daemon.get("/v1/campaigns")["campaigns"] == []


def earlier_run_logs_are_kept_and_never_evidence():
    with world.Daemon() as daemon:
        daemon.start()
        folder = world.make_case(daemon.cases / "kept", PASSING, world.ci_log())
        (folder / "logs" / "run_4.log").write_text("by hand\n")
        daemon.post("/v1/cases", {"folder": str(folder)})
        daemon.post("/v1/cases/kept/analysis")
        analysis = daemon.get("/v1/cases/kept/analysis")
        files = analysis["evidence"]["files"]
        done = {item["id"]: item["done"] for item in analysis["findings"]["checklist"]}
        assert done["failure_type"] and not done["ci_configuration"], done
        assert [pathlib.Path(name).name for name in files] == ["ci.log"], files
        campaign = daemon.run("kept", budget="2s")
        daemon.finished(campaign)
        assert daemon.attempts(campaign)[0]["number"] == 5
        assert (folder / "logs" / "run_4.log").read_text() == "by hand\n"


def a_case_folder_that_the_account_cannot_write():
    if os.geteuid() != 0:
        raise world.Skipped("needs root")
    with world.Daemon() as daemon:
        # Without the right to override permissions, as a daemon's own account is.
        os.chmod(daemon.folder, 0o755)
        for folder in (daemon.cases, daemon.folder / "state", daemon.folder / "run"):
            folder.mkdir(exist_ok=True)
            os.chown(folder, 65534, 65534)
        locked = world.make_case(daemon.cases / "locked", PASSING, world.ci_log())
        os.chown(daemon.folder, 65534, 65534)
        plain = daemon.command
        daemon.command = lambda: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + plain()
        daemon.start(HOME=str(daemon.folder))
        refused(daemon, "/v1/cases", {"folder": str(locked)}, 422, "write", str(locked))
        assert daemon.get("/v1/cases")["cases"] == []


def two_daemons_on_one_state_folder():
    with world.Daemon() as daemon:
        daemon.start()
        second = subprocess.run(daemon.command(), capture_output=True, text=True, timeout=world.TIME_LIMIT, check=False)
        assert second.returncode == 75, second
        assert str(daemon.process.pid) in second.stderr, second.stderr
        daemon.get("/healthz")


def a_port_that_is_taken():
    with world.Daemon() as daemon:
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [f"127.0.0.1:{port}" if word == "off" else word for word in daemon.command()]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=world.TIME_LIMIT, check=False)
        assert answer.returncode == 1, answer
        assert str(port) in answer.stderr and "tcp" in answer.stderr, answer.stderr


def a_host_without_the_reset_tool():
    with world.Daemon("boards: {reset_command: [no-such-smi, -r], settle_seconds: 0, retry_after_seconds: 0}\n") as daemon:
        nodes = daemon.folder / "dev"
        nodes.mkdir()
        (nodes / "0").touch()
        daemon.config.write_text(daemon.config.read_text().replace("boards: {", f"boards: {{nodes: {nodes}, "))
        daemon.start()
        reset = daemon.post("/v1/boards/0/resets")
        for _ in range(int(world.TIME_LIMIT)):
            answer = daemon.get(f"/v1/resets/{reset['id']}?wait=30s&until=finished")
            if answer["result"]:
                break
        assert answer["result"] == "failed" and "no-such-smi" in answer["reason"], answer


def a_configuration_with_a_wrong_key():
    with world.Daemon("state_folder: /tmp\ncase_root: [/tmp]\n") as daemon:
        answer = subprocess.run(daemon.command(), capture_output=True, text=True, timeout=world.TIME_LIMIT, check=False)
        assert answer.returncode == 2, answer
        assert "ndreprod.yaml:2: case_root" in answer.stderr, answer.stderr


def rule_packs_that_are_missing_or_wrong():
    for content, word in ((None, "site.yaml"), ("rules: [{id: a.b, pattern: '('}]\n", "site.yaml:1")):
        with world.Daemon() as daemon:
            pack = daemon.folder / "site.yaml"
            daemon.config.write_text(f"signal_rules: [{pack}]\n")
            if content:
                pack.write_text(content)
            for command in ("serve", "check-config"):
                words = [command if part == "serve" else part for part in daemon.command()]
                answer = subprocess.run(words, capture_output=True, text=True, timeout=world.TIME_LIMIT, check=False)
                assert answer.returncode == 2 and word in answer.stderr, (command, answer)
            assert not (daemon.folder / "state").exists(), "made for a daemon that does not start"


def folders_that_are_there_keep_their_mode():
    with world.Daemon() as daemon:
        # As tmpfiles.d makes it: the group goes through the state folder to its cases.
        state = daemon.folder / "state"
        state.mkdir()
        state.chmod(0o750)
        (daemon.folder / "run").mkdir()
        (daemon.folder / "run").chmod(0o711)
        daemon.start()
        assert state.stat().st_mode & 0o7777 == 0o750, oct(state.stat().st_mode)
        assert (daemon.folder / "run").stat().st_mode & 0o7777 == 0o711
        assert (state / "ndreprod.sqlite").stat().st_mode & 0o7777 == 0o600
    with world.Daemon() as daemon:
        daemon.start()
        for name in ("state", "run"):
            assert (daemon.folder / name).stat().st_mode & 0o7777 == 0o750, name


def the_socket_has_the_configured_mode():
    with world.Daemon('listen: {socket_mode: "0600"}\n') as daemon:
        daemon.start()
        assert daemon.socket.stat().st_mode & 0o7777 == 0o600, oct(daemon.socket.stat().st_mode)


def log_lines_are_the_journals_only_where_it_reads_them():
    with world.Daemon() as daemon:
        log = daemon.folder / "daemon.log"
        daemon.start(JOURNAL_STREAM="8:15")  # of a session that the daemon was started from
        assert log.read_text().startswith("20"), daemon.log()
        daemon.stop()
        log.write_text("")
        file = log.stat()
        daemon.start(JOURNAL_STREAM=f"{file.st_dev}:{file.st_ino}")
        assert log.read_text().startswith("<6>"), daemon.log()


if __name__ == "__main__":
    world.main([
        folders_that_are_no_case, logs_that_cannot_be_read, scripts_that_cannot_run,
        earlier_run_logs_are_kept_and_never_evidence, a_case_folder_that_the_account_cannot_write,
        two_daemons_on_one_state_folder, a_port_that_is_taken, a_host_without_the_reset_tool,
        a_configuration_with_a_wrong_key, rule_packs_that_are_missing_or_wrong, folders_that_are_there_keep_their_mode,
        the_socket_has_the_configured_mode, log_lines_are_the_journals_only_where_it_reads_them,
    ])
