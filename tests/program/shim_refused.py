#!/usr/bin/python3
"""Bad input and commands that cannot start: one clear line, nothing half-made, nothing overwritten."""
import json
import os
import subprocess

from shim_driver import Case, SHIM, TIME_LIMIT, await_text, call, main, same, true


def refused(case: Case, text: str | bytes, wanted: str, number=1, mode="run", folder_made=False):
    result = call(mode, text, str(case.attempt(number)))
    errors = result.stderr.decode()
    same("status", result.returncode, 2)
    true(f"{wanted!r} is in {errors!r}", wanted in errors)
    same("lines", errors.count("\n"), 1)
    true("no folder is made", folder_made or not case.attempt(number).exists())
    true("no log is made", not case.log(number).exists())


def not_started(case: Case, shim, field: str, wanted: str):
    end = shim.wait()
    same("state", shim.ready["state"], "failed")
    same("field", shim.ready["field"], field)
    true(f"{wanted!r} is in {shim.ready['error']!r}", wanted in shim.ready["error"])
    same("cause", (end["cause"], end["exit_code"], end["term_signal"]), ("spawn_failed", None, None))
    true(f"{wanted!r} is in {end['error']!r}", wanted in end["error"])
    same("status", shim.process.returncode, 1)
    same("lines", shim.errors.count("\n"), 1)
    same("files", sorted(os.listdir(shim.folder)), ["exit.json", "shim.lock", "spec.json"])


def hostile_specs_are_refused_with_the_place(case: Case):
    good = case.spec(1, ["/bin/true"])

    def with_text(**changes) -> str:
        return json.dumps({**good, **changes})
    refused(case, "[" * 100000, "nests deeper than 32 levels")
    refused(case, "{\"arm\":" * 100000, "nests deeper than 32 levels")
    refused(case, b"{\"version\": \"\xff\xfe\"}", "is not JSON")
    refused(case, "{", "is not JSON")
    refused(case, "null", "must be an object")
    refused(case, with_text(version=2), "spec/version")
    refused(case, with_text(command=[]), "spec/command")
    refused(case, with_text(command=["true"]), "spec/command")
    refused(case, with_text(command=["/bin/true", "a\0b"]), "spec/command/1")
    refused(case, with_text(environment=["NOVALUE"]), "spec/environment")
    refused(case, with_text(environment={"A": "b"}), "spec/environment")
    refused(case, with_text(deadline_ms=-1), "spec/deadline_ms")
    refused(case, with_text(deadline_ms=1e3), "spec/deadline_ms")
    refused(case, with_text(ladder={"interrupt_ms": 1}), "spec/ladder/terminate_ms")
    refused(case, with_text(log="logs/run_1.log"), "spec/log")
    refused(case, with_text(surprise=1), "spec/surprise")
    refused(case, with_text(arm="\u001b[31m\n" * 3, case_name=["\u001b"]), "spec/case_name")
    refused(case, json.dumps(good)[:-1] + ', "number": 2}', "spec/number: is there twice")
    refused(case, " " * (5 << 20), "larger than 4 MiB")
    refused(case, "", "spec.json: No such file or directory")


def a_refusal_is_told_on_descriptor_3_too(case: Case):
    shim = case.start(1, ["/bin/true"], version=7)
    same("status", shim.process.wait(TIME_LIMIT), 2)
    same("line", shim.ready, {"state": "failed", "field": "spec/version",
                              "error": "must be an integer from 1 to 1", "remedy": ""})


def words_that_make_no_sense_are_refused(case: Case):
    for words in ([], ["walk"], ["run"], ["run", "a", "b"], ["run", "--fast", "a"], ["probe", "x"]):
        result = subprocess.run([str(SHIM), *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME_LIMIT)
        same(f"status of {words}", result.returncode, 2)
        same("lines", (result.stdout, result.stderr.count(b"\n")), (b"", 1))
    same("help", call("--help", "").returncode, 0)
    true("version", call("--version", "").stdout.startswith(b"ndreprod-shim "))
    same("nothing is made", os.listdir(case.root), ["logs"])


def a_command_that_cannot_start_is_no_exit_127(case: Case):
    not_started(case, case.start(1, ["/no/such/program"]), "command", "No such file or directory")
    same("log", case.log(1).read_bytes(), b"")
    plain = case.root / "plain"
    plain.write_text("#!/bin/sh\n")
    not_started(case, case.start(2, [str(plain)]), "command", "Permission denied")
    plain.write_text("no interpreter line")
    plain.chmod(0o755)
    not_started(case, case.start(3, [str(plain)]), "command", "Exec format error")
    not_started(case, case.start(4, ["/bin/true"], working_folder=str(case.root / "none")), "working_folder",
                "No such file or directory")
    end = case.run(5, ["/bin/sh", "-c", "exit 127"])
    same("the run's own 127", (end["cause"], end["exit_code"]), ("exited", 127))


def a_log_that_exists_is_never_touched(case: Case):
    case.log(1).write_text("old")
    not_started(case, case.start(1, ["/bin/echo", "new"]), "log", "File exists")
    same("log", case.log(1).read_text(), "old")


def a_log_that_is_a_symlink_is_never_followed(case: Case):
    target = case.root / "target"
    target.write_text("kept")
    case.log(1).symlink_to(target)
    not_started(case, case.start(1, ["/bin/echo", "new"]), "log", "File exists")
    case.log(2).symlink_to(case.root / "dangling")
    not_started(case, case.start(2, ["/bin/echo", "new"]), "log", "File exists")
    same("target", (target.read_text(), (case.root / "dangling").exists()), ("kept", False))
    (case.root / "other").mkdir()
    (case.root / "link").symlink_to("other")
    not_started(case, case.start(3, ["/bin/echo", "x"], log=str(case.root / "link" / "run_3.log")), "log", "symbolic")
    same("other", os.listdir(case.root / "other"), [])


def a_folder_is_taken_once(case: Case):
    shim = case.shell(1, "echo up; sleep 60")
    await_text(case.log(1), "up")
    spec = json.dumps(case.spec(1, ["/bin/true"], log=str(case.log(2))))
    result = call("run", spec, str(case.attempt(1)))
    same("status", result.returncode, 2)
    true("it says so", b"is taken: it has a shim.lock already" in result.stderr)
    true("the first goes on", shim.process.poll() is None and (shim.folder / "control").exists())
    shim.stop(2000, 2000)
    shim.wait()
    before = (shim.folder / "exit.json").read_bytes()
    same("status after its end", call("run", spec, str(case.attempt(1))).returncode, 2)
    same("exit.json", (shim.folder / "exit.json").read_bytes(), before)
    true("no second log", not case.log(2).exists())


def a_reset_logs_into_its_own_folder_only(case: Case):
    refused(case, json.dumps(case.spec(1, ["/bin/true"])), "spec/log", mode="reset")


if __name__ == "__main__":
    main([
        hostile_specs_are_refused_with_the_place,
        a_refusal_is_told_on_descriptor_3_too,
        words_that_make_no_sense_are_refused,
        a_command_that_cannot_start_is_no_exit_127,
        a_log_that_exists_is_never_touched,
        a_log_that_is_a_symlink_is_never_followed,
        a_folder_is_taken_once,
        a_reset_logs_into_its_own_folder_only,
    ])
