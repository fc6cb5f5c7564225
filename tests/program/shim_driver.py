"""The real ndreprod-shim, driven by a folder alone, for program tests. Standard library only.

Nothing here sleeps to wait for the shim: its readiness line, its end and the end of processes are awaited.
"""
import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

SHIM = pathlib.Path(os.environ.get("NDREPRO_BIN_DIR", "build/bin")).resolve() / "ndreprod-shim"
TIME_LIMIT = 60  # for hangs; nothing waits so long when all is well
TOKEN = f"token-{os.getpid()}"
# Under a sanitizer everything takes longer; the times of the ladder themselves are the same.
SLACK_MS = 1000 * int(os.environ.get("NDREPRO_TEST_SLACK", "1"))


def memory_file(content: bytes) -> int:
    fd = os.memfd_create("input")
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


class Shim:
    """One shim that was started on attempt `number`; `ready` is its line on descriptor 3."""

    def __init__(self, case, number: int, mode: str, options: list[str], text: bytes, prefix: list[str], program):
        self.folder = case.attempt(number)
        read, write = os.pipe()
        source = memory_file(text)
        # Descriptor 3 is set by the shell: what subprocess could pass would keep its own number.
        script = f'exec 3>&{write} {write}>&-; exec "$@"'
        words = [*prefix, str(program), mode, *options, str(self.folder)]
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", script, "bash", *words], stdin=source, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=[write], start_new_session=True)
        os.close(write)
        os.close(source)
        with open(read, encoding="utf-8") as pipe:
            if not select.select([pipe], [], [], TIME_LIMIT)[0]:
                raise TimeoutError("no readiness line")
            line = pipe.readline()
        if not line:
            raise RuntimeError("no readiness line: " + self.process.communicate()[1].decode())
        self.ready = json.loads(line)

    def control(self, line: str):
        fd = os.open(self.folder / "control", os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, line.encode())
        os.close(fd)

    def stop(self, interrupt_ms: int, terminate_ms: int):
        self.control(f"stop {interrupt_ms} {terminate_ms}\n")

    def wait(self) -> dict:
        """Until the shim is gone; its exit.json."""
        self.process.wait(TIME_LIMIT)
        self.errors = self.process.stderr.read().decode()
        file = self.folder / "exit.json"
        return json.loads(file.read_text()) if file.exists() else None


class Case:
    """A case folder of this test's own; removed when all went well."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="ndrepro-test-")).resolve()
        (self.root / "logs").mkdir()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for pid in alive():
            os.kill(pid, signal.SIGKILL)
        if kind is None:
            shutil.rmtree(self.root, ignore_errors=True)
        else:
            print(f"kept for a look: {self.root}", file=sys.stderr)

    def attempt(self, number: int) -> pathlib.Path:
        return self.root / ".ndrepro" / "attempts" / str(number)

    def log(self, number: int) -> pathlib.Path:
        return self.root / "logs" / f"run_{number}.log"

    def spec(self, number: int, command: list[str], **changes) -> dict:
        return {
            "version": 1, "case_name": "a-case", "number": number, "command": command,
            "working_folder": str(self.root), "environment": ["PATH=/usr/bin:/bin", f"TEST_TOKEN={TOKEN}"],
            "log": str(self.log(number)), "deadline_ms": 60000,
            "ladder": {"interrupt_ms": 300, "terminate_ms": 300}, "log_limit_bytes": 2 << 30, "arm": "plain",
            "parameters": "{}", "seed": 1, "literals": [], **changes,
        }

    def start(self, number: int, command: list[str], mode="run", options=(), prefix=(), program=SHIM, **changes) -> Shim:
        if mode == "reset":
            changes.setdefault("log", str(self.attempt(number) / "output.log"))
        text = json.dumps(self.spec(number, command, **changes)).encode()
        return Shim(self, number, mode, list(options), text, list(prefix), program)

    def run(self, number: int, command: list[str], **changes) -> dict:
        return self.start(number, command, **changes).wait()

    def shell(self, number: int, script: str, **changes) -> Shim:
        return self.start(number, ["/bin/bash", "-c", script], **changes)


def call(mode: str, text: str | bytes, *words: str) -> subprocess.CompletedProcess:
    """A task that answers at once."""
    source = memory_file(text if isinstance(text, bytes) else text.encode())
    try:
        return subprocess.run([str(SHIM), mode, *words], stdin=source, capture_output=True, timeout=TIME_LIMIT)
    finally:
        os.close(source)


def stat_of(pid) -> list[str] | None:
    """Fields of /proc/PID/stat from the state (field 3) on."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return text.rpartition(")")[2].split()
    except OSError:
        return None


def is_alive(pid) -> bool:
    stat = stat_of(pid)
    return stat is not None and stat[0] not in "ZXx"


def alive(token: str = TOKEN) -> list[int]:
    """Processes, zombies excluded, that were started with this test's token in their environment."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            environment = pathlib.Path(f"/proc/{entry}/environ").read_bytes() if entry.isdigit() else b""
        except OSError:
            continue
        if f"TEST_TOKEN={token}".encode() in environment.split(b"\0") and is_alive(entry):
            found.append(int(entry))
    return found


def is_locked(folder: pathlib.Path) -> bool:
    with open(folder / "shim.lock", "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True


def await_that(what: str, holds):
    """Until holds(): for what tells nobody when it comes true."""
    end = time.monotonic() + TIME_LIMIT
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"never: {what}")
        select.select([], [], [], 0.002)


def await_text(file: pathlib.Path, wanted: str, times: int = 1):
    await_that(f"{wanted!r} in {file}",
               lambda: file.exists() and file.read_text(errors="replace").count(wanted) >= times)


def await_idle(pid: int):
    """Until the process waits for something: it has done what there was to do."""
    await_that(f"process {pid} waits", lambda: stat_of(pid)[0] == "S")


def await_end(pidfd: int):
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    ended = poll.poll(TIME_LIMIT * 1000)
    os.close(pidfd)
    if not ended:
        raise TimeoutError("a process never ended")


def cgroup_of(folder: pathlib.Path) -> str:
    for line in (folder / "shim.lock").read_text().splitlines():
        if line.startswith("cgroup "):
            return line.removeprefix("cgroup ")
    return ""


def same(what: str, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def true(what: str, holds):
    if not holds:
        raise AssertionError(f"{what} does not hold")


def main(tests: list):
    """Runs each test function with a case of its own; exit status 1 if any failed."""
    failed = 0
    for test in tests:
        began = time.monotonic()
        try:
            with Case() as case:
                test(case)
            result = "ok"
        except Exception:  # the next test is worth running all the same
            traceback.print_exc()
            failed += 1
            result = "FAILED"
        print(f"{result} {test.__name__} ({time.monotonic() - began:.2f} s)", flush=True)
    sys.exit(1 if failed else 0)
