#!/usr/bin/env python3
"""What `ndreprod analyze` says of files that are no whole, plain log: odd_logs.py PROGRAM"""
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = sys.argv.pop(1)

PYTEST = """\
============================= test session starts ==============================
collected 2 items

tests/pipe/test_drain.py::test_fill PASSED                               [ 50%]
tests/pipe/test_drain.py::test_drain[depth=4] FAILED                     [100%]

=================================== FAILURES ===================================
____________________________ test_drain[depth=4] _______________________________

    def test_drain(depth):
        pipe = Pipe(depth)
>       assert pipe.drain() == depth
E       AssertionError: drained 3 of 4

tests/pipe/test_drain.py:21: AssertionError
=========================== short test summary info ============================
FAILED tests/pipe/test_drain.py::test_drain[depth=4] - AssertionError: drained 3 of 4
========================= 1 failed, 1 passed in 1.04s ==========================
"""
TEST = "tests/pipe/test_drain.py::test_drain[depth=4]"


class OddLogs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="odd-logs-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, data, name="a.log"):
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def analyze(self, path, **more):
        begin = time.monotonic()
        answer = subprocess.run([PROGRAM, "analyze", "--json", str(path)], capture_output=True, timeout=60, **more)
        self.seconds = time.monotonic() - begin
        return answer

    def evidence(self, path, **more):
        answer = self.analyze(path, **more)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)

    def refused(self, path, words):
        answer = self.analyze(path)
        self.assertEqual(answer.returncode, 2, answer.stdout)
        self.assertEqual(answer.stdout, b"")
        self.assertIn(words, answer.stderr.decode())
        self.assertIn(str(path), answer.stderr.decode())

    def test_a_log_that_stops_in_mid_line_tells_what_is_there(self):
        found = self.evidence(self.write(PYTEST[: PYTEST.index(" FAILED  ")]))
        self.assertFalse(found["is_failure"])
        self.assertEqual(found["cut_off"], "the test " + TEST)
        self.assertEqual(found["origins"]["cut_off"]["line"], 5)
        found = self.evidence(self.write(PYTEST[: PYTEST.index("tests/pipe/test_drain.py::test_drain")]))
        self.assertEqual(found["cut_off"], "a session of pytest")
        found = self.evidence(self.write(PYTEST[: PYTEST.index(" of 4\n")]))
        self.assertTrue(found["is_failure"])
        self.assertEqual(found["test_id"], TEST)
        found = self.evidence(self.write(PYTEST[: PYTEST.index("   [100%]")]))
        self.assertTrue(found["is_failure"])
        self.assertEqual(found["test_id"], TEST)

    def test_a_log_that_stops_in_mid_traceback_is_a_failure_without_its_last_line(self):
        log = 'Traceback (most recent call last):\n  File "drain.py", line 3, in <module>\n    drain()\n'
        self.assertTrue(self.evidence(self.write(log + "OSError: no pipe\n"))["is_failure"])
        self.assertFalse(self.evidence(self.write(log))["is_failure"])

    def test_a_job_that_stops_before_its_tests_print_anything_is_cut_off(self):
        job = "".join(
            f"2026-03-04T05:06:0{second}.0000000Z {text}\n"
            for second, text in enumerate(
                ["##[group]Run pytest tests/pipe -v", "pytest tests/pipe -v", "shell: bash -e {0}", "##[endgroup]"]
            )
        )
        found = self.evidence(self.write(job))
        self.assertEqual(found["cut_off"], "the command pytest tests/pipe -v")
        whole = self.evidence(self.write(job + "2026-03-04T05:06:09.0000000Z Cleaning up orphan processes\n"))
        self.assertIsNone(whole["cut_off"])

    def test_a_text_without_tests_is_called_so(self):
        answer = subprocess.run(
            [PROGRAM, "analyze", str(self.write("hello\nworld\n"))], capture_output=True, text=True, check=True
        )
        self.assertIn("the logs show no tests at all", answer.stdout)
        self.assertFalse(self.evidence(self.write("hello\n"))["shows_tests"])
        self.assertTrue(self.evidence(self.write(PYTEST))["shows_tests"])

    def test_line_ends_of_dos_change_nothing_but_offsets(self):
        unix = self.evidence(self.write(PYTEST))
        dos = self.evidence(self.write(PYTEST.replace("\n", "\r\n")))
        raw = PYTEST.replace("\n", "\r\n").encode()
        compared = 0
        for field, origin in dos["origins"].items():
            if not (isinstance(origin, dict) and "offset" in origin):
                continue
            self.assertEqual(raw[: origin["offset"]].count(b"\n") + 1, origin["line"], field)
            self.assertEqual(unix["origins"][field]["line"], origin["line"], field)
            compared += 1
        self.assertGreater(compared, 2)
        for answer in (unix, dos):
            del answer["origins"]
            for frame in answer["python_stack"]:
                frame.pop("origin", None)
        self.assertEqual(unix["error_line"], dos["error_line"])
        self.assertEqual(unix["test_id"], dos["test_id"])
        self.assertEqual(unix["failing_statement"], dos["failing_statement"])

    def test_zero_bytes_within_lines_stay_there(self):
        found = self.evidence(self.write(PYTEST.replace("drained 3", "drained \0 3")))
        self.assertEqual(found["test_id"], TEST)
        self.assertTrue(found["is_failure"])

    def test_what_is_no_log_is_named(self):
        self.refused(self.write(b""), "is empty")
        self.refused(self.write(gzip.compress(PYTEST.encode())), "is an archive")
        self.refused(self.write(bytes(range(256)) * 40), "is no text")
        self.refused(self.write(pathlib.Path(PROGRAM).read_bytes()[:100000]), "is no text")
        self.refused(self.write("\ufeff".encode("utf-16-le") + PYTEST.encode("utf-16-le")), "is UTF-16")
        self.refused(self.write(b"\xfe\xff" + PYTEST.encode("utf-16-be")), "is UTF-16")
        self.refused(self.folder / "absent.log", "does not exist")

    def test_a_folder_is_a_case_or_nothing(self):
        (self.folder / "inner").mkdir()
        answer = self.analyze(self.folder / "inner")
        self.assertEqual(answer.returncode, 2)
        self.assertIn("inner", answer.stderr.decode())

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_a_file_without_permission_is_named(self):
        log = self.write(PYTEST)
        log.chmod(0)
        self.refused(log, "Permission denied")

    def test_a_sparse_file_costs_no_time(self):
        log = self.folder / "sparse.log"
        with log.open("wb") as file:
            file.truncate(10 << 30)
        self.refused(log, "never written")
        self.assertLess(self.seconds, 1)

    def test_a_hole_in_the_middle_is_gone_over(self):
        log = self.folder / "punched.log"
        with log.open("wb") as file:
            file.write(b"a line of text\n" * 100000)
            file.seek(10 << 30)
            file.write(PYTEST.encode())
        evidence = self.evidence(log)
        self.assertEqual(evidence["test_id"], TEST)
        self.assertGreaterEqual(evidence["origins"]["test_id"]["offset"], 10 << 30)

    def test_a_hole_near_the_front_is_gone_over_too(self):
        log = self.folder / "punched.log"
        with log.open("wb") as file:
            file.write(b"a line of text\n" * 1000)
            file.seek(4 << 20)
            file.write(PYTEST.encode())
        self.assertEqual(self.evidence(log)["test_id"], TEST)

    def test_a_pipe_nobody_writes_to_does_not_hang(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.refused(pipe, "is no regular file")

    def test_standard_input_is_read_to_its_end(self):
        self.assertEqual(self.evidence("/dev/stdin", input=PYTEST.encode())["test_id"], TEST)

    def test_a_line_of_a_gibibyte_costs_no_memory(self):
        process = subprocess.Popen(
            [PROGRAM, "analyze", "--json", "/dev/stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

        def write():
            block = b"x" * (1 << 20)
            for _ in range(1024):
                process.stdin.write(block)
            process.stdin.write(b"\n" + PYTEST.encode())
            process.stdin.close()

        writer = threading.Thread(target=write)
        writer.start()
        found = json.loads(process.stdout.read())
        writer.join()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(found["test_id"], TEST)
        self.assertEqual(found["origins"]["error_line"]["line"], 1 + PYTEST[: PYTEST.index("E  ")].count("\n") + 1)
        if not os.environ.get("NDREPRO_SANITIZED"):
            self.assertLess(usage.ru_maxrss, 64 << 10)


if __name__ == "__main__":
    unittest.main()
