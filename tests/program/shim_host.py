#!/usr/bin/python3
"""probe and write: what the shim tells of the host and does in a case folder, JSON in, JSON out."""
import json
import os
import shutil
import subprocess
import time

from shim_driver import Case, SHIM, SLACK_MS, TIME_LIMIT, TOKEN, alive, call, main, memory_file, same, true


def answer(task: str, **request) -> dict:
    result = call(task, json.dumps(request))
    same("status and errors", (result.returncode, result.stderr), (0, b""))
    same("lines", result.stdout.count(b"\n"), 1)
    return json.loads(result.stdout)


def refused(task: str, wanted: str, **request):
    result = call(task, json.dumps(request))
    same(f"status for {request}", (result.returncode, result.stdout), (2, b""))
    true(f"{wanted!r} is in {result.stderr!r}", wanted in result.stderr.decode() and result.stderr.count(b"\n") == 1)


def a_process_that_has_a_board_open_is_found(case: Case):
    nodes = case.root / "nodes"
    nodes.mkdir()
    for name in ("0", "1", "10", "by-id"):
        (nodes / name).touch()
    holder = subprocess.Popen(["/bin/sleep", "60"], stdin=open(nodes / "1", encoding="utf-8"),
                              env={"TEST_TOKEN": TOKEN})
    got = answer("probe", nodes=str(nodes), boards=["0", "1"])
    same("devices", got["devices"], ["0", "1", "10"])
    start = int(open(f"/proc/{holder.pid}/stat", encoding="utf-8").read().rpartition(")")[2].split()[19])
    same("holders", got["holders"], [{"board": "1", "pid": holder.pid, "uid": os.getuid(),
                                      "command": "/bin/sleep 60", "start_time": start}])
    same("complete for root", got["complete"] or os.geteuid() != 0, True)
    holder.kill()
    holder.wait()
    same("holders", answer("probe", nodes=str(nodes), boards=["0", "1"])["holders"], [])


def an_account_that_cannot_see_all_says_so(case: Case):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        print("skipped: needs root to become somebody else")
        return
    copy = case.root / SHIM.name
    shutil.copy(SHIM, copy)
    case.root.chmod(0o755)
    source = memory_file(b'{"boards": ["0"]}')
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(copy), "probe"]
    result = subprocess.run(words, stdin=source, capture_output=True, timeout=TIME_LIMIT, check=True)
    os.close(source)
    same("complete", json.loads(result.stdout)["complete"], False)


def a_probe_command_tells_its_end_and_output(_: Case):
    got = answer("probe", command=["/bin/sh", "-c", "echo out; echo err >&2; printf '\\377'; exit 3"])["command"]
    same("command", got, {"exit_code": 3, "term_signal": None, "output": "out\nerr\n\ufffd", "timed_out": False,
                          "unkillable": 0})
    long = answer("probe", command=["/bin/sh", "-c", "yes 0123456789 | head -c 1000000; echo; echo end"])["command"]
    true("the output is bounded", len(long["output"].encode()) == 65536 and long["output"].endswith("\nend\n"))
    missing = answer("probe", command=["/no/such/tt-smi"])["command"]
    same("command", missing, {"error": "command: cannot start /no/such/tt-smi: No such file or directory"})


def a_probe_command_that_hangs_ends_at_its_limit_with_its_tree(_: Case):
    began = time.monotonic()
    script = f"export TEST_TOKEN={TOKEN}; (setsid sleep 60 &); sleep 60"
    got = answer("probe", command=["/bin/sh", "-c", script], limit_ms=300)["command"]
    true("it timed out", got["timed_out"])
    same("survivors", alive(), [])
    took_ms = (time.monotonic() - began) * 1000
    true(f"{took_ms:.0f} ms", 300 <= took_ms <= 2300 + SLACK_MS)


def bad_probes_are_refused(_: Case):
    refused("probe", "/boards", boards=["../1"])
    refused("probe", "/boards", boards=[""])
    refused("probe", "/command", command=["tt-smi"])
    refused("probe", "/nodes", nodes="dev")
    refused("probe", "/limit_ms", limit_ms=0)
    refused("probe", "/board", board="0")
    same("no JSON", call("probe", "").returncode, 2)


def a_file_is_written_whole_with_its_mode(case: Case):
    old = os.umask(0o077)
    same("answer", answer("write", root=str(case.root), path="tests/a/b.sh", mode=0o755, content="#!/bin/sh\nü\n"),
         {"ok": True})
    os.umask(old)
    same("content", (case.root / "tests/a/b.sh").read_text(), "#!/bin/sh\nü\n")
    same("mode", (case.root / "tests/a/b.sh").stat().st_mode & 0o777, 0o755)
    same("answer", answer("write", root=str(case.root), path="tests/a/b.sh", content=""), {"ok": True})
    same("content", (case.root / "tests/a/b.sh").read_text(), "")
    same("files", os.listdir(case.root / "tests/a"), ["b.sh"])


def not_written(case: Case, wanted: str, **request):
    got = answer("write", root=str(case.root), content="evil", **request)
    same("ok", got["ok"], False)
    true(f"{wanted!r} is in {got['error']!r}", wanted in got["error"])


def nothing_is_written_through_a_symlink_or_over_something_else(case: Case):
    outside = case.root / "outside"
    outside.mkdir()
    case.root = case.root / "case"
    case.root.mkdir()
    (case.root / "link").symlink_to(outside)
    (outside / "file").write_text("kept")
    (case.root / "README.md").symlink_to(outside / "file")
    os.mkfifo(case.root / "fifo")
    (case.root / "folder").mkdir()
    not_written(case, "symbolic links", path="link/file")
    not_written(case, "no regular file", path="README.md")
    not_written(case, "no regular file", path="fifo")
    not_written(case, "no regular file", path="folder")
    not_written(case, "Not a directory", path="fifo/x")
    same("outside", (os.listdir(outside), (outside / "file").read_text()), (["file"], "kept"))
    case.root = case.root.parent


def paths_that_lead_elsewhere_are_refused(case: Case):
    for path in ("../x", "a/../../x", "/etc/x", "", ".", "a/", "a//b", "./a", "logs/ci.txt", "logs", "a\0b"):
        refused("write", "/path", root=str(case.root), path=path, content="x")
    refused("write", "/root", root="case", path="x", content="x")
    refused("write", "/mode", root=str(case.root), path="x", content="x", mode=0o4755)
    refused("write", "/content", root=str(case.root), path="x")
    same("files", os.listdir(case.root), ["logs"])


def a_file_that_somebody_changed_is_not_overwritten(case: Case):
    root = str(case.root)
    same("answer", answer("write", root=root, path="README.md", content="foobar", expected_hash="")["ok"], True)
    not_written(case, "somebody changed it", path="README.md", expected_hash="")
    not_written(case, "somebody changed it", path="README.md", expected_hash="cbf29ce484222325")
    same("content", (case.root / "README.md").read_text(), "foobar")
    # FNV-1a of "foobar", from the test vectors of its authors.
    same("answer", answer("write", root=root, path="README.md", content="new", expected_hash="85944171f73967e8"),
         {"ok": True})


def a_folder_is_proved_writable_without_a_trace(case: Case):
    same("answer", answer("write", root=str(case.root), probe=True), {"ok": True, "uid": os.geteuid()})
    same("files", os.listdir(case.root), ["logs"])
    got = answer("write", root=str(case.root / "none"), probe=True)
    true(f"{got}", not got["ok"] and "No such file or directory" in got["error"] and got["uid"] == os.geteuid())


if __name__ == "__main__":
    main([
        a_process_that_has_a_board_open_is_found,
        an_account_that_cannot_see_all_says_so,
        a_probe_command_tells_its_end_and_output,
        a_probe_command_that_hangs_ends_at_its_limit_with_its_tree,
        bad_probes_are_refused,
        a_file_is_written_whole_with_its_mode,
        nothing_is_written_through_a_symlink_or_over_something_else,
        paths_that_lead_elsewhere_are_refused,
        a_file_that_somebody_changed_is_not_overwritten,
        a_folder_is_proved_writable_without_a_trace,
    ])
