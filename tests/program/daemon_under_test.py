"""The real daemon on a state folder of its own, for program tests. Standard library only.

Nothing here sleeps to wait for the daemon: readiness comes over its notify socket, changes by long poll.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ.get("NDREPRO_BIN_DIR", "build/bin")).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
TIME_LIMIT = float(os.environ.get("NDREPRO_TEST_SECONDS", "60"))


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """One ndreprod at a time on `folder`; may be killed and started again."""

    def __init__(self, config: str = ""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ndrepro-test-"))
        self.cases = self.folder / "cases"
        self.cases.mkdir()
        self.socket = self.folder / "run" / "api.sock"
        self.config = self.folder / "ndreprod.yaml"
        self.config.write_text(config)
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"kept for a look: {self.folder}", file=sys.stderr)

    def command(self) -> list[str]:
        return [
            str(BIN / "ndreprod"), "serve", "--config", str(self.config), "--state", str(self.folder / "state"),
            "--runtime", str(self.folder / "run"), "--tcp", "off", "--case-root", str(self.cases),
        ]

    def start(self, **environment: str):
        """Starts the daemon and returns once it says READY=1 (or has ended)."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = str(self.folder / "notify.sock")
        pathlib.Path(address).unlink(missing_ok=True)
        notify.bind(address)
        os.chmod(address, 0o777)  # the daemon may have given up its rights
        notify.settimeout(0.2)
        with open(self.folder / "daemon.log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stderr=log, stdout=log, env={**os.environ, "NOTIFY_SOCKET": address, **environment}
            )
        for _ in range(int(TIME_LIMIT / 0.2)):
            try:
                if b"READY=1" in notify.recv(4096):
                    return self
            except TimeoutError:
                if self.process.poll() is not None:
                    break
        raise AssertionError(f"the daemon is not ready (exit {self.process.poll()}): {self.log()}")

    def log(self) -> str:
        return (self.folder / "daemon.log").read_text(errors="replace")[-4000:]

    def wait_killed(self):
        """Returns when a failpoint has killed the daemon."""
        assert self.process.wait(TIME_LIMIT) == -signal.SIGKILL, f"exit {self.process.returncode}: {self.log()}"

    def stop(self):
        self.process.terminate()
        return self.process.wait(TIME_LIMIT)

    def request(self, method: str, path: str, body=None, headers=None):
        """(status, parsed body or text) of one request."""
        connection = UnixConnection(str(self.socket), TIME_LIMIT)
        payload = None if body is None else json.dumps(body)
        sent = {"Content-Type": "application/json"} if payload is not None else {}
        connection.request(method, path, payload, {**sent, **(headers or {})})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        if "json" in response.headers.get("Content-Type", ""):
            return response.status, json.loads(data)
        return response.status, data.decode(errors="replace")

    def get(self, path: str):
        status, answer = self.request("GET", path)
        assert status == 200, (path, status, answer)
        return answer

    def post(self, path: str, body=None):
        status, answer = self.request("POST", path, {} if body is None else body)
        assert status in (200, 201, 202), (path, status, answer)
        return answer

    def add_case(self, name: str, script: str, ci_log: str) -> pathlib.Path:
        """A case folder that is registered and analysed."""
        folder = make_case(self.cases / name, script, ci_log)
        self.post("/v1/cases", {"folder": str(folder)})
        self.post(f"/v1/cases/{name}/analysis")
        return folder

    def run(self, name: str, **request) -> str:
        return self.post(f"/v1/cases/{name}/campaigns", request)["id"]

    def finished(self, campaign: str) -> dict:
        """The campaign, once it is finished."""
        for _ in range(int(TIME_LIMIT)):
            answer = self.get(f"/v1/campaigns/{campaign}?wait=30s&until=finished")
            if answer["state"] == "finished":
                return answer
        raise AssertionError(f"campaign {campaign} does not finish: {answer}")

    def attempts(self, campaign: str) -> list[dict]:
        rows, path = [], f"/v1/campaigns/{campaign}/attempts?limit=500"
        while path:
            page = self.get(path)
            rows += page["attempts"]
            path = page["next"]
        return sorted(rows, key=lambda row: row["number"])


def make_case(folder: pathlib.Path, script: str, ci_log: str) -> pathlib.Path:
    (folder / "logs").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "logs" / "ci.log").write_text(ci_log)
    (folder / "run_test.sh").write_text(script)
    (folder / "run_test.sh").chmod(0o755)
    return folder


TRACEBACK = """Traceback (most recent call last):
  File "/project/ledger/store.py", line 88, in <module>
    settle(book)
  File "/project/ledger/store.py", line 41, in settle
    raise RuntimeError(f"ledger differs: {seen} entries, expected {wanted}")
RuntimeError: ledger differs: 31 entries, expected 32
"""


def ci_log(failure: str = TRACEBACK) -> str:
    """A failing step as a CI runner prints it."""
    lines = ["##[group]Run python3 ledger/store.py", "python3 ledger/store.py", "shell: /usr/bin/bash -e {0}", "##[endgroup]"]
    lines += failure.splitlines() + ["##[error]Process completed with exit code 1."]
    return "".join(f"2025-03-04T10:20:30.{i:07d}Z {line}\n" for i, line in enumerate(lines))


def survivors(marker: str) -> list[int]:
    """Live processes (no zombies) with `marker` in their environment or command line."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if state != "Z" and marker.encode() in text:
            found.append(int(entry.name))
    return found


class Skipped(Exception):
    """Raised by a test that cannot be done here; says what it needs."""


def main(tests):
    """Runs the functions given by name on the command line, else all; prints one line for each."""
    wanted = sys.argv[1:]
    failed = skipped = 0
    chosen = [test for test in tests if not wanted or test.__name__ in wanted]
    for test in chosen:
        try:
            test()
            print(f"ok      {test.__name__}", flush=True)
        except Skipped as reason:
            skipped += 1
            print(f"skipped: {reason}: {test.__name__}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"FAILED  {test.__name__}: {error}", flush=True)
    print(f"{len(chosen) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not chosen else 0)
